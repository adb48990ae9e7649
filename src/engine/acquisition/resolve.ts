import type { Clock } from '#engine/platform/index.ts';
import type { ProtocolDriver, RawBytes, RawValue } from '#engine/protocols/protocol.ts';
import { isAppError, refuse } from '#shared/errors.ts';
import {
  createRanking,
  type DecodeRecipe,
  type Judged,
  ordersOf,
  type Ranking,
  type Reading,
  type TagDocument,
  type UnixMicros,
} from '#shared/model/index.ts';
import type { Visit } from './visits.ts';

/** The tag whose place is looked at, with the settings of its device. */
export interface ResolveTarget {
  // biome-ignore lint/suspicious/noExplicitAny: settings and addresses are the driver's own
  readonly driver: ProtocolDriver<any, any, any>;
  readonly deviceId: string;
  readonly settings: unknown;
  readonly tag: Pick<TagDocument, 'address' | 'type' | 'order' | 'scaling' | 'range'>;
}

/** A reading with the address that a tag of it has. */
export interface PlacedReading extends Reading {
  readonly address: string;
  /** As the tag is set now. */
  readonly current: boolean;
}

/** The tag's own place, or the one an address before or behind it. */
export interface LookedAt {
  readonly shift: -1 | 0 | 1;
  readonly address: string;
  readonly wire: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly judged: readonly Judged<PlacedReading>[];
}

export interface Resolution {
  /** Looks so far; those without an answer do not count. */
  readonly looks: number;
  /** Of the newest look; null before the first. */
  readonly time: UnixMicros | null;
  /** Something has changed since the first look, so that steadiness could be judged. */
  readonly moved: boolean;
  /** Why the last look brought nothing, in a sentence; null where it did. */
  readonly problem: string | null;
  readonly places: readonly LookedAt[];
}

/** The longest number; a text is looked at as far. */
const NUMBER_BYTES = 8;
/** A device that is looked at by hand is not asked more often than this, and not less often either. */
const FASTEST_MS = 500;
const SLOWEST_MS = 5000;
/** Wait after a look that brought nothing. */
const TROUBLE_MS = 2000;

interface Place extends Omit<LookedAt, 'bytes' | 'judged'> {
  readonly ranking: Ranking<PlacedReading>;
  bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Looks at the bytes of a tag's place again and again, one request each time, and ranks all ways to read them. Throws
 * `config.invalid` where there is nothing to resolve; what the device refuses is told in `problem`.
 */
export async function* resolveTag(
  target: ResolveTarget,
  visit: (signal: AbortSignal) => Promise<Visit>,
  clock: Clock,
  signal: AbortSignal,
  periodMs: number,
): AsyncGenerator<Resolution> {
  const { driver, settings, tag } = target;
  const { addressAt, addressBytes } = driver;
  if (addressAt === undefined || addressBytes === undefined) {
    refuse(
      'address',
      `Devices with ${driver.title} tell the type of each value, so that there is no order to look for.`,
    );
  }
  const parsed = driver.parseAddress(tag.address, settings);
  if (parsed.type === 'bit') {
    refuse('address', 'This address is a single bit, which has neither a type nor an order to look for.');
  }
  const own = driver.placeOf?.(parsed.address, parsed.address, tag.type);
  const characters = tag.type === 'string' ? (own?.bytes ?? NUMBER_BYTES) : NUMBER_BYTES;
  const window = Math.max(NUMBER_BYTES, characters + (characters % addressBytes));

  const placeAt = (shift: -1 | 0 | 1): Place | null => {
    const addressOf = (value: RawValue) => addressAt(parsed.address, shift * addressBytes, value, settings);
    const readings: PlacedReading[] = [];
    for (const type of driver.valueTypes) {
      if (type === 'bit') continue;
      const length = type === 'string' ? characters : null;
      const address = addressOf({ type, bit: null, length });
      if (address === null) continue;
      for (const order of ordersOf(type)) {
        const recipe = recipeOf(driver, { type, order }, address, settings);
        if (recipe?.order !== order) continue;
        const current = shift === 0 && type === tag.type && sameOrder(driver, tag, address, settings, recipe);
        readings.push({ type, order, length, recipe, address: driver.formatAddress(address), current });
      }
    }
    const first = readings[0];
    if (first === undefined) return null;
    const plain = addressOf({ type: first.type, bit: null, length: first.length });
    const { canonical, wire } = driver.describeAddress(plain, settings);
    const ranking = createRanking(readings, addressBytes, { range: tag.range, scaling: tag.scaling });
    return { shift, address: canonical, wire, ranking, bytes: new Uint8Array(0) };
  };

  const places = ([-1, 0, 1] as const).flatMap((shift) => placeAt(shift) ?? []);
  if (!places.some(({ shift }) => shift === 0)) {
    refuse('address', 'Nothing but single bits lies at this address, so that there is no order to look for.');
  }
  /** The place before may be refused though the tag's own is not; then it is left out. */
  let before = places[0]?.shift === -1;
  let looks = 0;
  let time: UnixMicros | null = null;

  const said = (problem: string | null): Resolution => ({
    looks,
    time,
    moved: places.some(({ shift, ranking }) => shift === 0 && ranking.moved),
    problem,
    places: looks === 0 ? [] : places.filter(({ bytes }) => bytes.length > 0).map(lookedAt),
  });
  const look = async (visited: Visit): Promise<RawBytes | null> => {
    const skipped = before ? -addressBytes : 0;
    const length = window + addressBytes - skipped;
    const from = before ? placeAddress(places[0]!) : placeAddress(places.find(({ shift }) => shift === 0)!);
    return visited.link.run(async (connection) => {
      if (connection.peek === undefined) {
        refuse('address', `The bytes of devices with ${driver.title} can't be looked at.`);
      }
      return connection.peek({ deviceId: target.deviceId, address: from }, length, signal);
    }, signal);
  };
  const placeAddress = (place: Place): unknown => driver.parseAddress(place.address, settings).address;

  for (;;) {
    let link: Visit;
    try {
      link = await visit(signal);
    } catch (error) {
      // A device that is away for a while is looked at again when it is back.
      if (signal.aborted || !isAppError(error) || !error.retryable) throw error;
      yield said(error.message);
      await clock.sleep(TROUBLE_MS, signal);
      continue;
    }
    using visited = link;
    for (;;) {
      let problem: string | null = null;
      try {
        const raw = await look(visited);
        if (raw === null) problem = 'Nothing has been received for this place yet.';
        else {
          looks++;
          time = raw.time;
          const skip = before ? addressBytes : 0;
          for (const place of places) {
            if (place.shift < 0 && !before) continue;
            const at = skip + place.shift * addressBytes;
            place.bytes = Uint8Array.from(raw.bytes.subarray(at, at + window));
            if (place.bytes.length > 0) place.ranking.add(place.bytes);
          }
        }
      } catch (error) {
        if (signal.aborted || !isAppError(error) || isAppError(error, 'config.invalid')) throw error;
        const refused = isAppError(error, 'protocol.device-exception');
        if (refused && before) {
          before = false;
          continue;
        }
        problem = error.message;
        if (isAppError(error, 'protocol.link-lost')) {
          yield said(problem);
          break;
        }
      }
      yield said(problem);
      const paceMs = Math.min(SLOWEST_MS, Math.max(FASTEST_MS, periodMs));
      await clock.sleep(problem === null ? paceMs : Math.max(TROUBLE_MS, paceMs), signal);
    }
    await clock.sleep(TROUBLE_MS, signal);
  }
}

function lookedAt({ ranking, ...place }: Place): LookedAt {
  return { ...place, judged: ranking.judged() };
}

/** Null where type and address do not go together. */
function recipeOf(
  driver: ResolveTarget['driver'],
  { type, order }: Pick<TagDocument, 'type' | 'order'>,
  address: unknown,
  settings: unknown,
): DecodeRecipe | null {
  try {
    return driver.recipe({ type, order, scaling: null, unit: null }, address, settings);
  } catch (error) {
    if (isAppError(error, 'config.invalid')) return null;
    throw error;
  }
}

/** The tag as it is set, with the device's order where it has none of its own, reads as this recipe does. */
function sameOrder(
  driver: ResolveTarget['driver'],
  tag: ResolveTarget['tag'],
  address: unknown,
  settings: unknown,
  recipe: DecodeRecipe,
): boolean {
  const now = recipeOf(driver, { type: tag.type, order: tag.order }, address, settings);
  if (now === null) return false;
  const [first] = ordersOf(tag.type);
  const alike = (order: DecodeRecipe['order']) =>
    ordersOf(tag.type).includes(order) ? order : swapOnly(order, first!);
  return alike(now.order) === alike(recipe.order);
}

/** In one register only the order of its bytes counts. */
const swapOnly = (order: DecodeRecipe['order'], plain: DecodeRecipe['order']): DecodeRecipe['order'] =>
  order === 'DCBA' ? 'BADC' : plain;
