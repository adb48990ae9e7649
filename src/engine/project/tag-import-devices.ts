import { isAppError } from '#shared/errors.ts';
import {
  type ConnectionDocument,
  connectionDocument,
  type DeviceDocument,
  deviceDocument,
} from '#shared/model/index.ts';
import type { NamedDevice } from './tag-lists/tag-list.ts';

type Settings = Readonly<Record<string, unknown>>;

/** What a protocol makes of settings; null where the protocol is unknown or they are not valid. */
export interface SettingsReader {
  readonly connections: readonly ConnectionDocument[];
  readonly devices: readonly DeviceDocument[];
  /** With defaults for what is missing. Throws `config.invalid`. */
  readSettings(protocol: string, part: 'connection' | 'device', settings: Settings): Settings;
}

/** A device that a list names, as the preview shows it. */
export interface ListedDevice {
  readonly key: string;
  readonly name: string;
  /** What it is, in short: "Modbus 192.168.0.10:502". */
  readonly connection: string;
  /** The device of the project that its rows go to; null: one is made, or none can be. */
  readonly deviceId: string | null;
  /** Why none can be made. */
  readonly problem: string | null;
}

export interface NewDocuments {
  readonly connections: readonly ConnectionDocument[];
  readonly devices: readonly DeviceDocument[];
}

interface Place {
  readonly name: string;
  /** Null where there is none to be had; `problem` says why. */
  readonly device: DeviceDocument | null;
  /** The new connection of a new device; null where the project has it. */
  readonly connection: ConnectionDocument | null;
  readonly problem: string | null;
}

/** Matches the devices of a list with those of the project, and makes what is missing. */
export function findDevices(
  named: readonly NamedDevice[],
  assigned: Readonly<Record<string, string | null>>,
  reader: SettingsReader,
  newId: () => string,
): {
  readonly of: (key: string) => Place;
  readonly listed: { readonly devices: readonly ListedDevice[]; readonly made: NewDocuments };
  /** For people: where the project differs from the list. */
  readonly notes: readonly string[];
} {
  const compare = createComparison(reader);
  const connections: ConnectionDocument[] = [];
  const devices: DeviceDocument[] = [];
  const places = new Map<string, Place>();
  for (const one of named) {
    const wanted = Object.hasOwn(assigned, one.key) ? assigned[one.key] : undefined;
    const chosen =
      reader.devices.find(({ id }) => id === wanted) ?? (wanted === null ? undefined : compare.device(one));
    if (chosen !== undefined) {
      places.set(one.key, { name: one.name, device: chosen, connection: null, problem: null });
      continue;
    }
    places.set(one.key, make(one));
  }

  function make(one: NamedDevice): Place {
    const missing = (problem: string): Place => ({ name: one.name, device: null, connection: null, problem });
    if (one.problem !== null) return missing(one.problem);
    try {
      const settings = reader.readSettings(one.protocol, 'connection', {
        ...one.more.connection,
        ...one.same.connection,
      });
      const deviceSettings = reader.readSettings(one.protocol, 'device', { ...one.more.device, ...one.same.device });
      const own = compare.connection(one, reader.connections);
      const made = own ?? compare.connection(one, connections);
      const connection: ConnectionDocument = made ?? {
        id: newId(),
        name: one.connection.slice(0, 200),
        protocol: one.protocol,
        enabled: true,
        demo: false,
        settings: { ...settings },
      };
      const device: DeviceDocument = {
        id: newId(),
        connectionId: connection.id,
        name: one.name.slice(0, 200),
        enabled: true,
        settings: { ...deviceSettings },
      };
      const wrong = connectionDocument.safeParse(connection).error ?? deviceDocument.safeParse(device).error;
      if (wrong !== undefined) return missing(`The device cannot be made: ${wrong.issues[0]?.message ?? 'not valid'}`);
      if (made === undefined) connections.push(connection);
      devices.push(device);
      return { name: one.name, device, connection: own === undefined ? connection : null, problem: null };
    } catch (error) {
      if (!isAppError(error)) throw error;
      return missing(`The device "${one.name}" cannot be made: ${error.message}`);
    }
  }

  const projects = new Set(reader.devices.map(({ id }) => id));
  const listed = named.flatMap((one): ListedDevice[] => {
    const { device, problem } = places.get(one.key)!;
    const deviceId = device !== null && projects.has(device.id) ? device.id : null;
    // A device that is there by its own name is not in question.
    if (deviceId !== null && !Object.hasOwn(assigned, one.key) && compare.isCalled(one, device!)) return [];
    return [{ key: one.key, name: one.name, connection: one.connection, deviceId, problem }];
  });
  const nowhere: Place = {
    name: '',
    device: null,
    connection: null,
    problem: null,
  };
  const notes = named.flatMap((one) => {
    const { device } = places.get(one.key)!;
    return device === null || Object.hasOwn(assigned, one.key) || compare.agrees(one, device)
      ? []
      : [`"${one.connection} / ${one.name}" has other settings in the project than in the list; the project's stay.`];
  });
  return {
    of: (key) => places.get(key) ?? nowhere,
    listed: { devices: listed, made: { connections, devices } },
    notes:
      notes.length > MOST_NOTES ? [...notes.slice(0, MOST_NOTES), `And ${notes.length - MOST_NOTES} more.`] : notes,
  };
}

const MOST_NOTES = 5;

/** Settings with all their defaults, and as text. */
interface Read {
  readonly full: Settings;
  readonly text: string;
}

/** Which connections and devices of the project are those of a list; each is read once. */
function createComparison(reader: SettingsReader) {
  const read = new Map<object, Read | null>();
  const readOnce = (part: 'connection' | 'device', protocol: string, settings: Settings): Read | null => {
    let known = read.get(settings);
    if (known === undefined) {
      try {
        const full = reader.readSettings(protocol, part, settings);
        known = { full, text: JSON.stringify(full) };
      } catch (error) {
        if (!isAppError(error)) throw error;
        known = null;
      }
      read.set(settings, known);
    }
    return known;
  };
  const holds = (
    one: NamedDevice,
    part: 'connection' | 'device',
    { settings }: { readonly settings: Settings },
  ): boolean => {
    const there = readOnce(part, one.protocol, settings);
    if (there === null) return false;
    if (one.named === true) return readOnce(part, one.protocol, one.same[part])?.text === there.text;
    return Object.entries(one.same[part]).every(([key, value]) => there.full[key] === value);
  };
  const isSame = (connection: ConnectionDocument, one: NamedDevice): boolean =>
    connection.protocol === one.protocol && !connection.demo && holds(one, 'connection', connection);
  const byId = new Map(reader.connections.map((connection) => [connection.id, connection]));

  const isCalled = (one: NamedDevice, { name, connectionId }: DeviceDocument): boolean => {
    if (one.named !== true || name !== one.name) return false;
    const connection = byId.get(connectionId);
    return connection?.name === one.connection && connection.protocol === one.protocol;
  };

  return {
    isCalled,
    connection(one: NamedDevice, among: readonly ConnectionDocument[]): ConnectionDocument | undefined {
      const named =
        one.named === true
          ? among.find(({ name, protocol, demo }) => name === one.connection && protocol === one.protocol && !demo)
          : undefined;
      return named ?? among.find((connection) => isSame(connection, one));
    },
    device(one: NamedDevice): DeviceDocument | undefined {
      if (Object.keys(one.same.connection).length === 0 && one.named !== true) return undefined;
      if (one.named === true) {
        const called = reader.devices.filter((device) => isCalled(one, device));
        if (called.length === 1) return called[0];
      }
      const same = new Set(reader.connections.filter((connection) => isSame(connection, one)).map(({ id }) => id));
      return reader.devices.find((device) => same.has(device.connectionId) && holds(one, 'device', device));
    },
    /** True also where nothing is known to the contrary. */
    agrees(one: NamedDevice, device: DeviceDocument): boolean {
      const connection = byId.get(device.connectionId);
      if (one.named !== true || connection === undefined || connection.demo) return true;
      return holds(one, 'connection', connection) && holds(one, 'device', device);
    },
  };
}
