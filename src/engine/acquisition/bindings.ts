import type { NewRuntimeTag } from '#engine/live/index.ts';
import type { ProtocolDriver } from '#engine/protocols/protocol.ts';
import {
  type ConnectionDocument,
  type DecodeRecipe,
  type DeviceDocument,
  PLAIN_RECIPE,
  QUALITY,
  type Quality,
  type TagDocument,
} from '#shared/model/index.ts';
import type { DeviceSpec } from './connection-spec.ts';
import { errorSentence } from './sentences.ts';

// Documents become what drivers understand. Whatever is wrong with one document becomes a sentence on that document
// and stops nothing else.

/** The part of the project that is acquired. */
export interface AcquiredDocuments {
  readonly connections: readonly ConnectionDocument[];
  readonly devices: readonly DeviceDocument[];
  readonly tags: readonly TagDocument[];
}

export interface ResolvedConnection {
  readonly document: ConnectionDocument;
  /** Null when the settings can't be used; `problem` then says why. */
  readonly driver: ProtocolDriver | null;
  readonly config: unknown;
  readonly endpoint: string;
  readonly problem: string | null;
  /** Changes with anything that needs a new connect. */
  readonly key: string;
  readonly connectTimeoutMs: number;
  readonly devices: readonly DeviceSpec[];
}

export interface ResolvedTag {
  readonly runtime: NewRuntimeTag;
  /** As the driver has parsed it; null when that was not possible. */
  readonly address: unknown;
  /** Why it is not read, as a quality; null when it is. */
  readonly idle: Quality | null;
}

const DEFAULT_TIMEOUT_MS = 1_000;
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
/** Drivers keep their own time-outs; the guard around a connect is this much longer. */
const CONNECT_MARGIN_MS = 1_000;

export function resolveConnection(
  document: ConnectionDocument,
  devices: readonly DeviceDocument[],
  protocols: readonly ProtocolDriver[],
): ResolvedConnection {
  const driver = protocols.find((candidate) => candidate.id === document.protocol);
  const broken = (problem: string): ResolvedConnection => ({
    document,
    driver: null,
    config: null,
    endpoint: '',
    problem,
    key: '',
    connectTimeoutMs: DEFAULT_CONNECT_TIMEOUT_MS,
    devices: devices.map(({ id, name, enabled }) => ({ id, name, enabled, settings: null, timeoutMs: 0, problem })),
  });
  if (driver === undefined) {
    return broken(
      `The protocol "${document.protocol}" is not known to this version of ParX, or switched off by --without. Choose another one, switch it on, or update ParX.`,
    );
  }
  const config = driver.config.safeParse(document.settings);
  if (!config.success) return broken(`The settings can't be used. ${issueText(config.error.issues)}`);
  let endpoint: string;
  try {
    endpoint = driver.endpoint(config.data);
  } catch (error) {
    return broken(`The settings can't be used. ${errorSentence(error)}`);
  }
  const specs = devices.map((device): DeviceSpec => {
    const { id, name, enabled } = device;
    const settings = driver.device.safeParse(device.settings);
    if (!settings.success) {
      const problem = `The device settings can't be used. ${issueText(settings.error.issues)}`;
      return { id, name, enabled, settings: null, timeoutMs: 0, problem };
    }
    const timeoutMs =
      numberAt(settings.data, 'responseTimeoutMs') ??
      numberAt(settings.data, 'timeoutMs') ??
      numberAt(config.data, 'responseTimeoutMs') ??
      numberAt(config.data, 'timeoutMs') ??
      DEFAULT_TIMEOUT_MS;
    return { id, name, enabled, settings: settings.data, timeoutMs, problem: null };
  });
  return {
    document,
    driver,
    config: config.data,
    endpoint,
    problem: null,
    key: JSON.stringify([
      driver.id,
      config.data,
      specs.filter(({ problem }) => problem === null).map(({ id, settings }) => [id, settings]),
    ]),
    connectTimeoutMs: (numberAt(config.data, 'connectTimeoutMs') ?? DEFAULT_CONNECT_TIMEOUT_MS) + CONNECT_MARGIN_MS,
    devices: specs,
  };
}

function issueText(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): string {
  return issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`))
    .join(' ');
}

function numberAt(settings: unknown, key: string): number | null {
  if (typeof settings !== 'object' || settings === null) return null;
  const value: unknown = Reflect.get(settings, key);
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Where a tag lives. */
export interface Place {
  readonly connection: ResolvedConnection;
  readonly device: DeviceSpec;
}

/** Resolves tags and remembers the outcome, so that one changed tag out of 50,000 costs one parse. */
export interface TagResolver {
  /** An unchanged tag gives the same object as before. Documents are never changed in place. */
  resolve(tags: readonly TagDocument[], placeOf: (deviceId: string) => Place | undefined): ResolvedTag[];
}

interface Remembered {
  readonly document: TagDocument;
  /** All that the outcome depends on beside the tag itself. */
  readonly placeKey: string;
  readonly resolved: ResolvedTag;
}

export function createTagResolver(): TagResolver {
  let cache = new Map<string, Remembered>();
  return {
    resolve(tags, placeOf) {
      const next = new Map<string, Remembered>();
      const keys = new Map<string, string>();
      const resolved = tags.map((document): ResolvedTag => {
        const place = placeOf(document.deviceId);
        let placeKey = keys.get(document.deviceId);
        if (placeKey === undefined) {
          placeKey = keyOf(place);
          keys.set(document.deviceId, placeKey);
        }
        const known = cache.get(document.id);
        if (known !== undefined && known.document === document && known.placeKey === placeKey) {
          next.set(document.id, known);
          return known.resolved;
        }
        const made = resolveTag(document, place);
        next.set(document.id, { document, placeKey, resolved: made });
        return made;
      });
      cache = next;
      return resolved;
    },
  };
}

function keyOf(place: Place | undefined): string {
  if (place === undefined) return '';
  const { document, driver, problem } = place.connection;
  const { settings, enabled } = place.device;
  const own = [document.id, document.demo, document.enabled, problem, place.device.problem, settings, enabled];
  return `${driver?.id} ${JSON.stringify(own)}`;
}

function resolveTag(tag: TagDocument, place: Place | undefined): ResolvedTag {
  const parsed = parse(tag, place);
  const enabled = tag.enabled && (place === undefined || (place.device.enabled && place.connection.document.enabled));
  const idle = !enabled ? QUALITY.badDisabled : parsed.problem !== null ? QUALITY.badConfiguration : null;
  const { id, name, description, deviceId, unit, decimals, range, periodMs, timeKind, type } = tag;
  return {
    runtime: {
      id,
      name,
      description,
      kind: 'tag',
      connectionId: place?.connection.document.id ?? '',
      deviceId,
      address: parsed.canonical,
      wire: parsed.wire,
      unit,
      decimals,
      range,
      periodMs,
      timeKind,
      demo: place?.connection.document.demo ?? false,
      enabled,
      type,
      recipe: parsed.recipe,
      problem: parsed.problem,
    },
    address: parsed.address,
    idle,
  };
}

interface Parsed {
  readonly canonical: string;
  readonly wire: string;
  readonly recipe: DecodeRecipe;
  readonly address: unknown;
  readonly problem: string | null;
}

function parse(tag: TagDocument, place: Place | undefined): Parsed {
  const unreadable = (problem: string): Parsed => ({
    canonical: tag.address,
    wire: '',
    recipe: { ...PLAIN_RECIPE, unit: tag.unit },
    address: null,
    problem,
  });
  if (place === undefined) return unreadable('The device of this tag does not exist.');
  const { driver, problem } = place.connection;
  const blocked = problem ?? place.device.problem;
  if (blocked !== null || driver === null) return unreadable(blocked ?? 'The connection of this tag can not be used.');
  const { settings } = place.device;
  try {
    const { address, order } = driver.parseAddress(tag.address, settings);
    const recipe = driver.recipe({ ...tag, order: tag.order ?? order }, address, settings);
    const { canonical, wire } = driver.describeAddress(address, settings);
    return { canonical, wire, recipe, address, problem: null };
  } catch (error) {
    return unreadable(errorSentence(error));
  }
}
