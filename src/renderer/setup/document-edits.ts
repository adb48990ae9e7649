import type { ProjectState } from '#renderer/client/index.ts';
import type { ConnectionDocument, DeviceDocument, DocumentChange, Stored, TagDocument } from '#shared/model/index.ts';

let counter = 0;

/** Unique, and later ids sort behind earlier ones, so that a list by id is a list by age. */
export function newId(): string {
  counter = (counter + 1) % 46_656;
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return `${Date.now().toString(36)}${counter.toString(36).padStart(3, '0')}${random.toString(36).padStart(7, '0')}`;
}

/** `Pump` gives `Pump 2`, `Pump 2` gives `Pump 3`, whatever is not taken yet. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  const match = /^(.*?)\s*(\d+)$/.exec(name);
  const stem = match?.[1] ?? name;
  let number = match === null ? 2 : Number(match[2]) + 1;
  while (taken.has(`${stem} ${number}`)) number++;
  return `${stem} ${number}`;
}

export function devicesOf(project: ProjectState, connectionId: string): readonly Stored<DeviceDocument>[] {
  return [...project.device.values()].filter((stored) => stored.document.connectionId === connectionId);
}

export function tagsOfDevices(project: ProjectState, deviceIds: ReadonlySet<string>): readonly Stored<TagDocument>[] {
  return [...project.tag.values()].filter((stored) => deviceIds.has(stored.document.deviceId));
}

/** A copy with its devices and without tags, whose names would be taken; off, because a controller has few sockets. */
export function duplicateConnection(
  project: ProjectState,
  source: ConnectionDocument,
): { readonly id: string; readonly changes: readonly DocumentChange[] } {
  const names = new Set([...project.connection.values()].map((stored) => stored.document.name));
  const id = newId();
  const copy: ConnectionDocument = { ...source, id, name: freeName(source.name, names), enabled: false };
  const devices = devicesOf(project, source.id).map(({ document }): DocumentChange<'device'> => {
    const deviceId = newId();
    return { kind: 'device', id: deviceId, document: { ...document, id: deviceId, connectionId: id }, expected: null };
  });
  return { id, changes: [{ kind: 'connection', id, document: copy, expected: null }, ...devices] };
}
