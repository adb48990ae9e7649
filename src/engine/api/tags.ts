import { z } from 'zod';
import { createTurns } from '#engine/platform/index.ts';
import {
  previewTagList,
  settingOfType,
  TAG_COLUMNS,
  type TagListContext,
  type TagListInput,
  tagListFormats,
} from '#engine/project/index.ts';
import { AppError, isAppError, refuse } from '#shared/errors.ts';
import type { ConnectionDocument, DeviceDocument } from '#shared/model/index.ts';
import type { AddressCheck } from '#shared/rpc/contract.ts';
import type { ImportPreview } from '#shared/rpc/importing.ts';
import { driverOf, type Services } from './services.ts';

/** `known` is the device's connection where the project does not have it yet. */
export function settingsOf(
  services: Services,
  device: DeviceDocument,
  known: ConnectionDocument | null = null,
): { driver: ReturnType<typeof driverOf>; settings: unknown } {
  const connection = known ?? services.project.get('connection', device.connectionId)?.document;
  if (connection === undefined) {
    throw new AppError('config.invalid', `The connection of the device "${device.name}" does not exist.`, {
      details: { issues: [{ path: 'deviceId', message: 'No connection.' }] },
    });
  }
  const driver = driverOf(services, connection.protocol);
  const parsed = driver.device.safeParse(device.settings);
  if (!parsed.success) {
    throw new AppError(
      'config.invalid',
      `The settings of the device "${device.name}" are not valid. Correct them first.`,
      {
        details: {
          issues: parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })),
        },
      },
    );
  }
  return { driver, settings: parsed.data };
}

export async function checkAddresses(
  services: Services,
  deviceId: string,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<AddressCheck[]> {
  const device = services.project.get('device', deviceId)?.document;
  if (device === undefined) {
    throw new AppError('store.not-found', 'This device does not exist any more.', {
      details: { kind: 'device', id: deviceId },
    });
  }
  const { driver, settings } = settingsOf(services, device);
  const results: AddressCheck[] = [];
  const giveWay = createTurns(services.clock, signal);
  for (const text of texts) {
    const others = giveWay();
    if (others !== null) await others;
    try {
      const { address, type, order } = driver.parseAddress(text, settings);
      const bytes = type === null ? null : (driver.placeOf?.(address, address, type)?.bytes ?? null);
      results.push({ text, ok: true, ...driver.describeAddress(address, settings), message: null, type, order, bytes });
    } catch (error) {
      if (!isAppError(error)) throw error;
      const { message } = error;
      results.push({ text, ok: false, canonical: text, wire: '', message, type: null, order: null, bytes: null });
    }
  }
  return results;
}

/** Types of JSON Schema by name of setting. Drivers are few and stay. */
const knownTypes = new WeakMap<z.ZodType, ReadonlyMap<string, unknown>>();
function typesOf(schema: z.ZodType): ReadonlyMap<string, unknown> {
  let types = knownTypes.get(schema);
  if (types === undefined) {
    const { properties = {} } = z.toJSONSchema(schema, { io: 'input' });
    types = new Map(
      Object.entries(properties).map(([key, one]) => [key, typeof one === 'object' ? one.type : undefined]),
    );
    knownTypes.set(schema, types);
  }
  return types;
}

/** Each line becomes an object here and in the answer: more would hold up the engine for seconds, then exhaust it. */
const MOST_CSV_LINES = 100_000;

/** At least as many as the reader of the list will see, whatever ends them. */
function countLines(text: string): number {
  let lines = 1;
  for (const end of ['\n', '\r']) {
    let found = 1;
    for (let at = text.indexOf(end); at >= 0; at = text.indexOf(end, at + 1)) found++;
    lines = Math.max(lines, found);
  }
  return lines;
}

export async function* previewImport(
  services: Services,
  input: TagListInput,
  signal: AbortSignal,
): AsyncGenerator<ImportPreview> {
  const lines = countLines(input.text);
  // A project in JSON or XML has many lines for each tag; how many tags there are is counted when it is read.
  if (lines > MOST_CSV_LINES && !/^\s*[<{[]/.test(input.text.slice(0, 100))) {
    throw new AppError('rpc.limit', `The list has ${lines} lines; at most ${MOST_CSV_LINES} are taken. Split it.`, {
      details: { what: 'lines of a tag list', limit: MOST_CSV_LINES },
    });
  }
  const { project } = services;
  const ready = new Map<string, ReturnType<typeof settingsOf>>();
  const settings: typeof settingsOf = (_services, device, connection) => {
    const known = ready.get(device.id) ?? settingsOf(services, device, connection);
    ready.set(device.id, known);
    return known;
  };
  const context: TagListContext = {
    connections: project.list('connection').map((stored) => stored.document),
    devices: project.list('device').map((stored) => stored.document),
    tags: project.list('tag').map((stored) => stored.document),
    resolveAddress(address, device, connection) {
      const { driver, settings: device_ } = settings(services, device, connection);
      const parsed = driver.parseAddress(address, device_);
      return { canonical: driver.formatAddress(parsed.address), type: parsed.type, order: parsed.order };
    },
    checkTag(tag, device, connection) {
      const { driver, settings: device_ } = settings(services, device, connection);
      driver.recipe(tag, driver.parseAddress(tag.address, device_).address, device_);
    },
    readSettings(protocol, part, values) {
      const driver = driverOf(services, protocol);
      const schema = part === 'connection' ? driver.config : driver.device;
      const types = typesOf(schema);
      const typed = Object.entries(values).map(([key, value]) => [key, settingOfType(value, types.get(key))] as const);
      const parsed = schema.safeParse(Object.fromEntries(typed));
      if (parsed.success) return parsed.data;
      refuse(part, parsed.error.issues[0]?.message ?? 'The settings are not valid.');
    },
    newId: services.newId,
  };
  const columns = TAG_COLUMNS.map(({ column, means }) => ({ column, means }));
  const formats = tagListFormats.map(({ id, title, means }) => ({ id, title, means }));
  for await (const page of previewTagList(input, context, createTurns(services.clock, signal))) {
    const { rows, unknownColumns, notes, devices, made } = page;
    yield {
      ...page,
      rows: [...rows],
      unknownColumns: [...unknownColumns],
      notes: [...notes],
      devices: [...devices],
      made: { connections: [...made.connections], devices: [...made.devices] },
      columns,
      formats,
    };
  }
}
