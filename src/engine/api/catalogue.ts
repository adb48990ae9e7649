import { z } from 'zod';
import type { Exporter } from '#engine/exporters/index.ts';
import type { ProtocolDriver } from '#engine/protocols/index.ts';
import { backends as allBackends, type TsdbBackend } from '#engine/tsdb/index.ts';
import type { Catalogue } from '#shared/rpc/catalogue.ts';

/** Status numbers that a quality can carry: see `deviceStatusQuality`. */
const STATUS_NUMBERS = Array.from({ length: 127 }, (_, index) => index + 1);

/** Plugins as data: the screen draws its forms and help from this and knows no protocol or exporter by name. */
export function buildCatalogue(
  protocols: readonly ProtocolDriver[],
  exporters: readonly Exporter[],
  backends: readonly TsdbBackend[] = allBackends,
): Catalogue {
  return {
    protocols: protocols.map((driver) => ({
      id: driver.id,
      title: driver.title,
      version: driver.version,
      summary: driver.summary,
      config: schemaOf(driver.config),
      device: schemaOf(driver.device),
      sample: driver.sample as { config: Record<string, unknown>; device: Record<string, unknown>; address: string },
      addressHelp: driver.addressHelp.map((entry) => ({ ...entry })),
      addressBytes: driver.addressBytes ?? null,
      caseless: driver.caseless ?? false,
      valueTypes: [...driver.valueTypes],
      can: driver.can,
      tells: driver.tells ?? false,
      ownTimes: [...(driver.ownTimes ?? [])],
      statusNames: Object.fromEntries(
        STATUS_NUMBERS.flatMap((status) => {
          const name = driver.statusName(status);
          return name === undefined ? [] : [[String(status), name] as const];
        }),
      ),
    })),
    exporters: exporters.map((exporter) => ({
      id: exporter.id,
      title: exporter.title,
      extension: exporter.extension,
      mediaType: exporter.mediaType,
      options: schemaOf(exporter.options),
      defaults: exporter.options.parse({}) as Record<string, unknown>,
    })),
    backends: backends.map((backend) => ({
      id: backend.id,
      title: backend.title,
      version: backend.version,
      summary: backend.summary,
      config: schemaOf(backend.config),
      sample: backend.sample as Record<string, unknown>,
      remote: backend.endpoint !== undefined,
      addressable: backend.fromUrl !== undefined,
      testable: backend.test !== undefined,
      presets: (backend.presets ?? []).map((preset) => ({ ...preset, settings: { ...preset.settings } })),
    })),
  };
}

function schemaOf(schema: z.ZodType): Record<string, unknown> {
  return z.toJSONSchema(schema, { io: 'input' }) as Record<string, unknown>;
}
