import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ValueType, WordOrder } from '#shared/model/index.ts';
import { pathOf } from './needs.ts';

export type PymodbusTable = 'coil' | 'discrete' | 'input' | 'holding';
/** A value as pymodbus encodes it into registers, or a bit. Integers are texts, for their 64 bits; strings have 16 characters. */
export type PymodbusValue = readonly [
  unit: number,
  table: PymodbusTable,
  offset: number,
  type: ValueType,
  order: WordOrder,
  value: string | number,
];
/** For type `bit`, so many bits from the offset on; else one value. */
export type PymodbusRequest = readonly [
  unit: number,
  table: PymodbusTable,
  offset: number,
  type: ValueType,
  order: WordOrder | number,
];
/** Bits, a number of a float, the digits of an integer, a text, or the code of an exception. */
export type PymodbusAnswer = readonly number[] | number | string | { readonly exception: number | string };

const script = fileURLToPath(new URL('./pymodbus-peer.py', import.meta.url));

/** A server of pymodbus on a free port; what is not among the values does not exist there. */
export async function pymodbusServer(
  framing: 'tcp' | 'rtu-over-tcp',
  values: readonly PymodbusValue[],
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const child = spawn(pathOf('pymodbus'), [script, 'serve', framing, JSON.stringify(values)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (piece) => (said = (said + piece).slice(-2_000)));
  const ended = once(child, 'close');
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended.then(() => [null])])) as [Buffer | null];
  if (line === null) throw new Error(`The server of pymodbus did not come up: ${said}`);
  return {
    port: Number(String(line)),
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}

/** What a client of pymodbus reads; `place` is a port of this computer or, for `rtu-serial`, a serial port. */
export async function pymodbusReads(
  framing: 'tcp' | 'rtu-over-tcp' | 'rtu-serial',
  place: number | string,
  requests: readonly PymodbusRequest[],
): Promise<readonly PymodbusAnswer[]> {
  const args = [script, 'read', framing, String(place), JSON.stringify(requests)];
  const { stdout } = await promisify(execFile)(pathOf('pymodbus'), args);
  return JSON.parse(stdout);
}
