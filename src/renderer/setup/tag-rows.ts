import { useMemo } from 'react';
import { useProject, useStores } from '#renderer/client/index.ts';
import type { DeviceDocument, TagDocument } from '#shared/model/index.ts';
import type { RuntimeTagInfo } from '#shared/rpc/contract.ts';

/** A tag as the table shows it: the project's document joined with what the running engine knows. */
export interface TagRow {
  readonly id: string;
  readonly name: string;
  /** Null for the diagnostics that the engine makes itself; those can't be edited. */
  readonly tag: TagDocument | null;
  readonly revision: number;
  readonly info: RuntimeTagInfo | undefined;
  readonly device: string;
  readonly connection: string;
  readonly connectionId: string;
  readonly demo: boolean;
  readonly enabled: boolean;
  readonly problem: string | null;
}

const join = (
  id: string,
  tag: TagDocument | null,
  revision: number,
  info: RuntimeTagInfo | undefined,
  device: DeviceDocument | undefined,
  connection: { readonly id: string; readonly name: string; readonly demo: boolean } | undefined,
): TagRow => ({
  id,
  name: tag?.name ?? info?.name ?? id,
  tag,
  revision,
  info,
  device: device?.name ?? '',
  connection: connection?.name ?? '',
  connectionId: connection?.id ?? info?.connectionId ?? '',
  demo: connection?.demo ?? info?.demo ?? false,
  enabled: tag?.enabled ?? info?.enabled ?? true,
  problem: info?.problem ?? null,
});

/** All tags of the project in its order, and on request the engine's diagnostics after them. */
export function useTagRows(withDiagnostics: boolean): readonly TagRow[] {
  const tags = useProject((state) => state.tag);
  const devices = useProject((state) => state.device);
  const connections = useProject((state) => state.connection);
  const infos = useStores('tags', (state) => state.byId);
  return useMemo(() => {
    const rows: TagRow[] = [];
    for (const { document, revision } of tags.values()) {
      const device = devices.get(document.deviceId)?.document;
      const connection = device === undefined ? undefined : connections.get(device.connectionId)?.document;
      rows.push(join(document.id, document, revision, infos.get(document.id), device, connection));
    }
    if (withDiagnostics) {
      for (const info of infos.values()) {
        if (info.kind !== 'diagnostic') continue;
        const connection = connections.get(info.connectionId)?.document;
        rows.push(join(info.id, null, 0, info, devices.get(info.deviceId)?.document, connection));
      }
    }
    return rows;
  }, [tags, devices, connections, infos, withDiagnostics]);
}

/** The one tag among these whose type and order can be looked for: those of bits and of named values can't. */
export function useOrdered(rows: readonly TagRow[]): TagDocument | null {
  const devices = useProject((state) => state.device);
  const connections = useProject((state) => state.connection);
  const catalogue = useStores('catalogue', (state) => state.catalogue);
  const tag = rows.length === 1 ? rows[0]?.tag : null;
  if (tag == null || tag.type === 'bit') return null;
  const device = devices.get(tag.deviceId)?.document;
  const id = device === undefined ? undefined : connections.get(device.connectionId)?.document.protocol;
  return catalogue?.protocols.find((entry) => entry.id === id)?.addressBytes == null ? null : tag;
}
