import { resolveTag } from '#engine/acquisition/index.ts';
import { systemNetwork } from '#engine/platform/index.ts';
import type { ProtocolDriver, ScanRange } from '#engine/protocols/index.ts';
import { AppError, isAppError, refuse } from '#shared/errors.ts';
import type { DeviceDocument, TagDocument } from '#shared/model/index.ts';
import type { ResolutionItem, ScanAreaItem, ScanItem } from '#shared/rpc/looking.ts';
import type { Services } from './services.ts';
import { settingsOf } from './tags.ts';

interface Looked {
  readonly device: DeviceDocument;
  readonly driver: ProtocolDriver;
  readonly settings: unknown;
}

function lookedAt(services: Services, deviceId: string): Looked {
  const device = services.project.get('device', deviceId)?.document;
  if (device === undefined) {
    throw new AppError('store.not-found', 'This device does not exist any more.', {
      details: { kind: 'device', id: deviceId },
    });
  }
  return { device, ...settingsOf(services, device) };
}

export async function* resolveStream(
  services: Services,
  input: {
    readonly deviceId: string;
    readonly tag: Pick<TagDocument, 'address' | 'type' | 'order' | 'scaling' | 'range'>;
    readonly periodMs: number;
  },
  signal: AbortSignal,
): AsyncGenerator<ResolutionItem> {
  const { device, driver, settings } = lookedAt(services, input.deviceId);
  const visit = (until: AbortSignal) => services.acquisition.visit(device.connectionId, until);
  const target = { driver, deviceId: device.id, settings, tag: input.tag };
  for await (const found of resolveTag(target, visit, services.clock, signal, input.periodMs)) {
    yield {
      ...found,
      places: found.places.map(({ judged, ...place }) => ({
        ...place,
        candidates: judged.map(({ reading, last, min, max, score, reasons }) => ({
          address: reading.address,
          type: reading.type,
          order: reading.order,
          length: reading.length,
          current: reading.current,
          value: Number.isFinite(last.value) ? last.value : null,
          text: last.text,
          min,
          max,
          score,
          reasons: [...reasons],
        })),
      })),
    };
  }
}

export function movedAddresses(
  services: Services,
  deviceId: string,
  shift: -1 | 1,
): { tags: { id: string; address: string }[]; stay: string[]; settings: Record<string, unknown> | null } {
  const { driver, settings } = lookedAt(services, deviceId);
  const { addressAt, addressBytes, placeOf } = driver;
  if (addressAt === undefined || addressBytes === undefined || placeOf === undefined) {
    refuse('deviceId', `Values of devices with ${driver.title} have names, which can't be moved.`);
  }
  const tags: { id: string; address: string }[] = [];
  const stay: string[] = [];
  for (const { document } of services.project.list('tag')) {
    if (document.deviceId !== deviceId) continue;
    const { address } = driver.parseAddress(document.address, settings);
    const place = placeOf(address, address, document.type);
    // Each coil is an address of its own, whatever an address counts elsewhere.
    const step = document.type === 'bit' && place?.bit === null ? 1 : addressBytes;
    const value = {
      type: document.type,
      bit: place?.bit ?? null,
      length: document.type === 'string' ? (place?.bytes ?? null) : null,
    };
    const moved = place === null ? null : addressAt(address, shift * step, value, settings);
    if (moved === null) stay.push(document.name);
    else tags.push({ id: document.id, address: driver.formatAddress(moved) });
  }
  return { tags, stay, settings: driver.recounted?.(settings, shift) ?? null };
}

export function scanAreasOf(services: Services, deviceId: string): ScanAreaItem[] {
  const { driver } = lookedAt(services, deviceId);
  return (driver.scanAreas ?? []).map((area) => ({ ...area }));
}

export async function* scanStream(
  services: Services,
  input: { readonly deviceId: string; readonly ranges: readonly ScanRange[]; readonly every: boolean },
  signal: AbortSignal,
): AsyncGenerator<ScanItem> {
  const { device, driver } = lookedAt(services, input.deviceId);
  const areas = driver.scanAreas ?? [];
  if (driver.scan === undefined) refuse('deviceId', `Devices with ${driver.title} can't be scanned.`);
  for (const [index, { area, first, last }] of input.ranges.entries()) {
    const known = areas.find((one) => one.id === area);
    if (known === undefined || first > last || last >= known.places) {
      refuse(
        `ranges.${index}`,
        `Write a range that begins before it ends and lies within 0 to ${(known?.places ?? 1) - 1}.`,
      );
    }
  }
  using visit = await services.acquisition.visit(device.connectionId, signal);
  const context = {
    log: services.log.module(`scan ${device.name}`),
    clock: services.clock,
    network: systemNetwork,
    trace: null,
  };
  const steps = driver.scan(
    { deviceId: device.id, ranges: input.ranges, every: input.every },
    context,
    signal,
    visit.link,
  );
  for await (const { found, notes, ...step } of steps) {
    yield { ...step, notes: [...notes], found: found.map((one) => ({ ...one, values: [...one.values] })) };
  }
}

/** One recording after the other, each in one transaction in a thread of its own; cancelling keeps what is done. */
export async function* rereadStream(
  services: Services,
  tagId: string,
  signal: AbortSignal,
): AsyncGenerator<{ done: number; of: number; changed: string[]; refused: string[] }> {
  const tag = services.project.get('tag', tagId)?.document;
  if (tag === undefined) {
    throw new AppError('store.not-found', 'This tag does not exist any more.', { details: { kind: 'tag', id: tagId } });
  }
  const { driver, settings } = lookedAt(services, tag.deviceId);
  const { address, order } = driver.parseAddress(tag.address, settings);
  const recipe = driver.recipe({ ...tag, order: tag.order ?? order }, address, settings);
  const files = await services.files.list();
  const changed: string[] = [];
  const refused: string[] = [];
  for (const [index, file] of files.entries()) {
    yield { done: index, of: files.length, changed: [...changed], refused: [...refused] };
    try {
      const { samples, sentences } = await services.reread(file.path, [{ id: tagId, recipe }], signal);
      if (samples > 0) changed.push(file.name);
      refused.push(...sentences.map((sentence) => `${file.name}: ${sentence}.`));
    } catch (error) {
      if (signal.aborted || !isAppError(error)) throw error;
      refused.push(`${file.name}: ${error.message}`);
    }
  }
  if (changed.length > 0) services.files.changed();
  yield { done: files.length, of: files.length, changed, refused };
}
