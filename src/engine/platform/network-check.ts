import dgram from 'node:dgram';
import dns from 'node:dns/promises';
import net from 'node:net';
import os from 'node:os';
import { connectTrouble, dial } from './dial.ts';

export interface OwnAddress {
  readonly adapter: string;
  readonly address: string;
  readonly family: 4 | 6;
  /** Bits of the network part. */
  readonly prefix: number;
}

/** Addresses of this computer's adapters that are up, loopback included. */
export function ownAddresses(
  interfaces: NodeJS.Dict<os.NetworkInterfaceInfo[]> = os.networkInterfaces(),
): OwnAddress[] {
  return Object.entries(interfaces).flatMap(([adapter, infos]) =>
    (infos ?? []).map((info) => ({
      adapter,
      address: info.address,
      family: info.family === 'IPv6' ? (6 as const) : (4 as const),
      prefix: Number(info.cidr?.split('/')[1] ?? (info.family === 'IPv6' ? 128 : 32)),
    })),
  );
}

/** What drivers may ask of this computer's network; given to them with their context. */
export interface Network {
  ownAddresses(): readonly OwnAddress[];
  inSameNetwork(own: readonly OwnAddress[], target: string): OwnAddress | undefined;
  lookUp(host: string, signal: AbortSignal): Promise<readonly string[]>;
  routeTo(target: string, port: number, signal: AbortSignal): Promise<string>;
  dial: typeof dial;
  connectTrouble: typeof connectTrouble;
}

/** The own address whose network holds `target`. */
export function inSameNetwork(own: readonly OwnAddress[], target: string): OwnAddress | undefined {
  return own.find(({ address, prefix, family }) => {
    if (net.isIP(target) !== family) return false;
    const network = new net.BlockList();
    network.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
    return network.check(target, family === 4 ? 'ipv4' : 'ipv6');
  });
}

/** IP addresses of a host name, or the address itself. Rejects with Node's DNS error or the signal's reason. */
export async function lookUp(host: string, signal: AbortSignal): Promise<readonly string[]> {
  if (net.isIP(host) !== 0) return [host];
  const found = await unlessAborted(dns.lookup(host, { all: true }), signal);
  return found.map((entry) => entry.address);
}

/** The own address that packets to `target` would leave from. Sends nothing; rejects where there is no route. */
export async function routeTo(target: string, port: number, signal: AbortSignal): Promise<string> {
  const socket = dgram.createSocket(net.isIP(target) === 6 ? 'udp6' : 'udp4');
  try {
    return await unlessAborted(
      new Promise<string>((resolve, reject) => {
        socket.once('error', reject);
        socket.connect(port, target, () => resolve(socket.address().address));
      }),
      signal,
    );
  } finally {
    socket.close();
  }
}

/** Neither a look-up nor a route can be cancelled; its result is dropped. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

export const systemNetwork: Network = {
  ownAddresses: () => ownAddresses(),
  inSameNetwork,
  lookUp,
  routeTo,
  dial,
  connectTrouble,
};
