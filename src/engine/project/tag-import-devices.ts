import { isAppError } from '#shared/errors.ts';
import type { ConnectionDocument, DeviceDocument } from '#shared/model/index.ts';
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
} {
  const connections: ConnectionDocument[] = [];
  const devices: DeviceDocument[] = [];
  const places = new Map<string, Place>();
  for (const one of named) {
    const wanted = Object.hasOwn(assigned, one.key) ? assigned[one.key] : undefined;
    const chosen = reader.devices.find(({ id }) => id === wanted) ?? (wanted === null ? undefined : match(one, reader));
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
      const own = reader.connections.find((connection) => isSame(connection, one, reader));
      const made = own ?? connections.find((connection) => isSame(connection, one, reader));
      const connection: ConnectionDocument = made ?? {
        id: newId(),
        name: one.connection.slice(0, 200),
        protocol: one.protocol,
        enabled: true,
        demo: false,
        settings: { ...settings },
      };
      if (made === undefined) connections.push(connection);
      const device: DeviceDocument = {
        id: newId(),
        connectionId: connection.id,
        name: one.name.slice(0, 200),
        enabled: true,
        settings: { ...deviceSettings },
      };
      devices.push(device);
      return { name: one.name, device, connection: own === undefined ? connection : null, problem: null };
    } catch (error) {
      if (!isAppError(error)) throw error;
      return missing(`The device "${one.name}" cannot be made: ${error.message}`);
    }
  }

  const projects = new Set(reader.devices.map(({ id }) => id));
  const listed = named.map((one): ListedDevice => {
    const { device, problem } = places.get(one.key)!;
    const deviceId = device !== null && projects.has(device.id) ? device.id : null;
    return { key: one.key, name: one.name, connection: one.connection, deviceId, problem };
  });
  const nowhere: Place = {
    name: '',
    device: null,
    connection: null,
    problem: null,
  };
  return { of: (key) => places.get(key) ?? nowhere, listed: { devices: listed, made: { connections, devices } } };
}

function match(one: NamedDevice, reader: SettingsReader): DeviceDocument | undefined {
  if (Object.keys(one.same.connection).length === 0) return undefined;
  const same = new Set(reader.connections.filter((connection) => isSame(connection, one, reader)).map(({ id }) => id));
  return reader.devices.find(
    (device) => same.has(device.connectionId) && holds(one, 'device', device.settings, one.same.device, reader),
  );
}

function isSame(connection: ConnectionDocument, one: NamedDevice, reader: SettingsReader): boolean {
  if (connection.protocol !== one.protocol || connection.demo) return false;
  return holds(one, 'connection', connection.settings, one.same.connection, reader);
}

function holds(
  one: NamedDevice,
  part: 'connection' | 'device',
  settings: Settings,
  wanted: Settings,
  reader: SettingsReader,
): boolean {
  try {
    const full = reader.readSettings(one.protocol, part, settings);
    return Object.entries(wanted).every(([key, value]) => full[key] === value);
  } catch (error) {
    if (!isAppError(error)) throw error;
    return false;
  }
}
