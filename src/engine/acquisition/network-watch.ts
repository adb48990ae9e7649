import { networkInterfaces } from 'node:os';
import type { Clock } from '#engine/platform/index.ts';
import type { UnixMicros } from '#shared/model/index.ts';

export interface NetworkChange {
  readonly at: UnixMicros;
  /** What came and what went, in a sentence. */
  readonly text: string;
}

export interface NetworkWatchOptions {
  readonly clock: Clock;
  readonly onChange: (change: NetworkChange) => void;
  /** Addresses of this computer by adapter name; default: what the system says. */
  readonly addresses?: () => Readonly<Record<string, readonly string[]>>;
}

const CHECK_MS = 2_000;

/** Looks every two seconds whether adapters or addresses of this computer have come or gone. */
export function watchNetwork({ clock, onChange, addresses = systemAddresses }: NetworkWatchOptions): Disposable {
  let known = flat(addresses());
  let timer: Disposable;
  let stopped = false;
  const look = (): void => {
    const now = flat(addresses());
    const gone = [...known].filter((entry) => !now.has(entry));
    const come = [...now].filter((entry) => !known.has(entry));
    known = now;
    if (gone.length + come.length > 0) onChange({ at: clock.now(), text: changeText(gone, come) });
    if (!stopped) timer = clock.after(CHECK_MS, look);
  };
  timer = clock.after(CHECK_MS, look);
  return {
    [Symbol.dispose]() {
      stopped = true;
      timer[Symbol.dispose]();
    },
  };
}

function changeText(gone: readonly string[], come: readonly string[]): string {
  const parts: string[] = [];
  if (gone.length > 0) parts.push(`gone: ${gone.join(', ')}`);
  if (come.length > 0) parts.push(`new: ${come.join(', ')}`);
  return `The network of this computer changed; ${parts.join('; ')}.`;
}

function flat(addresses: Readonly<Record<string, readonly string[]>>): Set<string> {
  return new Set(Object.entries(addresses).flatMap(([name, list]) => list.map((address) => `${address} (${name})`)));
}

/** Without loopback, and without the IPv6 addresses that systems make up and drop again for privacy. */
function systemAddresses(): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(networkInterfaces()).map(([name, list]) => [
      name,
      (list ?? []).flatMap(({ address, family, internal }) => (internal || family !== 'IPv4' ? [] : [address])),
    ]),
  );
}
