import ModbusRTU from 'modbus-serial';
import type { PollConnection, TagBinding } from '#engine/protocols/index.ts';
import { modbus } from '#engine/protocols/modbus/index.ts';
import { columnSink, compare, context, createSide, round, signal, startPeer } from './rig.ts';

const REGISTERS = 2_000;
/** Of one request, by the standard. */
const MOST = 125;
const POLLS = 10;

/** 2,000 registers as 2,000 tags; the bare library sends the same requests and puts its answers into the same column. */
export async function measureModbus(rounds: number): Promise<string[]> {
  const peer = await startPeer('modbus', REGISTERS);
  const device = modbus.device.parse({ responseTimeoutMs: 5_000 });
  const connection = (await modbus.connect(
    modbus.config.parse({ host: '127.0.0.1', port: peer.port }),
    new Map([['d', device]]),
    context,
    signal,
  )) as PollConnection;
  const plan = connection.plan(
    'd',
    Array.from({ length: REGISTERS }, (_, index) => {
      const { address } = modbus.parseAddress(`h${index}`, device);
      const recipe = modbus.recipe({ type: 'uint16', order: null, scaling: null, unit: null }, address, device);
      return { index, address, recipe } as TagBinding<never>;
    }),
  );
  const bare = new ModbusRTU();
  await bare.connectTCP('127.0.0.1', { port: peer.port });
  bare.setID(1);
  bare.setTimeout(5_000);

  const { column, sink } = columnSink(REGISTERS);
  const pollOurs = (): Promise<void> => connection.poll(plan, sink, signal);
  const pollBare = async (): Promise<void> => {
    for (let from = 0; from < REGISTERS; from += MOST) {
      const count = Math.min(MOST, REGISTERS - from);
      const { buffer } = await bare.readHoldingRegisters(from, count);
      for (let i = 0; i < count; i++) column[from + i] = buffer.readUInt16BE(2 * i);
    }
  };
  for (const poll of [pollOurs, pollBare]) for (let n = 0; n < 100; n++) await poll();
  await peer.ask(0);
  column.fill(0);
  await pollOurs();
  const wire = await peer.ask<number>(0);
  const wrong = column.filter((value, offset) => value !== ((offset * 31) & 0xffff)).length;
  const ours = createSide();
  const theirs = createSide();
  for (let n = 0; n < rounds; n++) {
    // Who goes first takes turns: the second finds the caches warm.
    const sides = [() => round(ours, POLLS, pollOurs), () => round(theirs, POLLS, pollBare)];
    for (const side of n % 2 === 0 ? sides : sides.reverse()) await side();
  }
  const least = Math.ceil(REGISTERS / MOST);
  const { text, time, cpu } = compare(ours, theirs);
  console.log(`Modbus: ${REGISTERS} registers in ${wire} requests (fewest ${least}), ${wrong} wrong values`);
  console.log(`  beside modbus-serial: ${text}`);
  await connection.close();
  await new Promise<void>((resolve) => bare.close(() => resolve()));
  await peer.end();
  return [
    ...(wire === least && wrong === 0 ? [] : ['Modbus: more requests than needed, or wrong values.']),
    ...(time < 1.1 && cpu < 1.1 ? [] : ['Modbus: a poll costs 10 % more than with bare modbus-serial, or above.']),
  ];
}
