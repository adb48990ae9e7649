import type { AppClient } from '#renderer/client/index.ts';
import type { ImportRow } from '#shared/rpc/importing.ts';

const MOST_ADDRESSES = 100;

/**
 * The device that most addresses of these rows are addresses of, where nearly all rows are bad; one of each protocol is
 * tried. Null where none is better, and where rows name their devices themselves.
 */
export async function fittingDevice(
  client: AppClient,
  rows: readonly ImportRow[],
  signal: AbortSignal,
): Promise<string | null> {
  const own = rows.filter((row) => row.device === '' && row.address !== '').slice(0, MOST_ADDRESSES);
  let most = own.filter((row) => row.status !== 'bad').length;
  if (own.length === 0 || most > own.length / 2) return null;
  const { connection, device } = client.stores.project.getState();
  const tried = new Set<string>();
  let best: string | null = null;
  for (const { document } of device.values()) {
    const protocol = connection.get(document.connectionId)?.document.protocol;
    if (protocol === undefined || tried.has(protocol)) continue;
    tried.add(protocol);
    const { results } = await client.rpc.tags.checkAddresses(
      { deviceId: document.id, texts: own.map((row) => row.address) },
      { signal },
    );
    const fit = results.filter(({ ok }) => ok).length;
    if (fit <= most) continue;
    most = fit;
    best = document.id;
  }
  return best;
}
