import { freeName, newId, type ProjectState } from '#renderer/client/index.ts';
import type { ConnectionDocument, DeviceDocument, DocumentChange, Stored, TagDocument } from '#shared/model/index.ts';

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
