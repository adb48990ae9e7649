import { networkInterfaces } from 'node:os';
import type { Clock } from './clock.ts';

/** Adapters with an address come and go: a pulled cable, a dock, another Wi-Fi. Looked at every few seconds. */
export function watchNetwork(options: {
  readonly clock: Clock;
  readonly onChange: (change: { readonly gone: readonly string[]; readonly came: readonly string[] }) => void;
  readonly addresses?: () => readonly string[];
  readonly everyMs?: number;
}): Disposable {
  const { clock, onChange, everyMs = 5_000, addresses = ownAddresses } = options;
  let known = new Set(addresses());
  let timer: Disposable;
  const look = (): void => {
    const now = new Set(addresses());
    const gone = [...known].filter((address) => !now.has(address));
    const came = [...now].filter((address) => !known.has(address));
    known = now;
    if (gone.length + came.length > 0) onChange({ gone, came });
    timer = clock.after(everyMs, look);
  };
  timer = clock.after(everyMs, look);
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

/** "eth0 192.168.0.5". Temporary IPv6 addresses change by themselves every day and say nothing about the network. */
function ownAddresses(): string[] {
  return Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? []).filter((one) => !one.internal && one.family === 'IPv4').map((one) => `${name} ${one.address}`),
  );
}
