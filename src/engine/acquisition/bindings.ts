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
  /** Null when the tag can't be read or is switched off. */
  readonly address: unknown;
  readonly readable: boolean;
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
      `The protocol "${document.protocol}" is not known to this version of ParX. Choose another one, or update ParX.`,
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

interface Parsed {
  readonly key: string;
  readonly canonical: string;
  readonly wire: string;
  readonly recipe: DecodeRecipe;
  readonly address: unknown;
  readonly problem: string | null;
}

/** Resolves tags and remembers what addresses came to, so that one changed tag out of 50,000 costs one parse. */
export interface TagResolver {
  resolve(
    tags: readonly TagDocument[],
    connectionOf: (
      deviceId: string,
    ) => { readonly connection: ResolvedConnection; readonly device: DeviceSpec } | undefined,
  ): ResolvedTag[];
}

export function createTagResolver(): TagResolver {
  let cache = new Map<string, Parsed>();

  const parse = (tag: TagDocument, driver: ProtocolDriver, device: DeviceSpec, key: string): Parsed => {
    try {
      const parsed = driver.parseAddress(tag.address, device.settings);
      const recipe = driver.recipe({ ...tag, order: tag.order ?? parsed.order }, parsed.address, device.settings);
      const { canonical, wire } = driver.describeAddress(parsed.address, device.settings);
      return { key, canonical, wire, recipe, address: parsed.address, problem: null };
    } catch (error) {
      const problem = errorSentence(error);
      return {
        key,
        canonical: tag.address,
        wire: '',
        recipe: { ...PLAIN_RECIPE, unit: tag.unit },
        address: null,
        problem,
      };
    }
  };

  return {
    resolve(tags, connectionOf) {
      const next = new Map<string, Parsed>();
      const settingsKeys = new Map<DeviceSpec, string>();
      const resolved = tags.map((tag): ResolvedTag => {
        const place = connectionOf(tag.deviceId);
        const driver = place?.connection.driver ?? null;
        const blocked =
          place === undefined
            ? 'The device of this tag does not exist.'
            : (place.connection.problem ?? place.device.problem);
        let parsed: Parsed;
        if (place === undefined || driver === null || place.device.problem !== null) {
          parsed = {
            key: '',
            canonical: tag.address,
            wire: '',
            recipe: { ...PLAIN_RECIPE, unit: tag.unit },
            address: null,
            problem: blocked,
          };
        } else {
          let settings = settingsKeys.get(place.device);
          if (settings === undefined) {
            settings = `${driver.id} ${JSON.stringify(place.device.settings)}`;
            settingsKeys.set(place.device, settings);
          }
          const key = `${tag.address}\n${tag.type}\n${tag.order}\n${tag.unit}\n${scalingKey(tag)}\n${settings}`;
          const known = cache.get(tag.id);
          parsed = known?.key === key ? known : parse(tag, driver, place.device, key);
          next.set(tag.id, parsed);
        }
        const enabled =
          tag.enabled && (place === undefined || (place.device.enabled && place.connection.document.enabled));
        const idle = !enabled ? QUALITY.badDisabled : parsed.problem !== null ? QUALITY.badConfiguration : null;
        return {
          runtime: {
            id: tag.id,
            name: tag.name,
            description: tag.description,
            kind: 'tag',
            connectionId: place?.connection.document.id ?? '',
            deviceId: tag.deviceId,
            address: parsed.canonical,
            wire: parsed.wire,
            unit: tag.unit,
            decimals: tag.decimals,
            range: tag.range,
            periodMs: tag.periodMs,
            timeKind: tag.timeKind,
            demo: place?.connection.document.demo ?? false,
            enabled,
            type: tag.type,
            recipe: parsed.recipe,
            problem: parsed.problem,
          },
          address: parsed.address,
          readable: idle === null,
          idle,
        };
      });
      cache = next;
      return resolved;
    },
  };
}

function scalingKey({ scaling }: TagDocument): string {
  if (scaling === null) return '';
  return scaling.kind === 'gain'
    ? `${scaling.gain} ${scaling.offset}`
    : `${scaling.rawLow} ${scaling.rawHigh} ${scaling.low} ${scaling.high} ${scaling.clamp}`;
}
