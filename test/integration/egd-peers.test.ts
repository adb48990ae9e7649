import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { EGD_PORT, parseHeader, producerText } from '#engine/protocols/egd/header.ts';
import { type EgdFaults, startEgdProducer } from '#simulators/egd/index.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { needs, pathOf } from '#test/support/needs.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

const closing: (() => unknown)[] = [];
guardLeaks();
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** What a producer sends with each of the faults, one production each. */
async function productions(faults: readonly EgdFaults[]): Promise<Buffer[]> {
  const ear = createSocket('udp4');
  closing.push(() => new Promise<void>((resolve) => ear.close(() => resolve())));
  await new Promise<void>((resolve) => ear.bind(0, '127.0.0.1', resolve));
  const heard: Buffer[] = [];
  ear.on('message', (bytes) => heard.push(bytes));
  const data = Buffer.from(Array.from({ length: 40 }, (_, n) => n));
  const producer = await startEgdProducer({
    producerId: '192.168.7.9',
    port: ear.address().port,
    running: false,
    exchanges: [{ id: 4711, periodMs: 100, data, signature: 0x0203 }],
  });
  closing.push(() => producer.close());
  for (const fault of faults) {
    producer.faults = fault;
    const before = heard.length;
    await producer.produce();
    await expect.poll(() => heard.length).toBe(before + 1);
  }
  return heard;
}

/** The datagrams as a capture file, raw IPv4, in the words of Wireshark. */
function decode(datagrams: readonly Buffer[]): string {
  const parts: Buffer[] = [Buffer.from('d4c3b2a1020004000000000000000000ffff000065000000', 'hex')];
  datagrams.forEach((bytes, second) => {
    const head = Buffer.alloc(28);
    head[0] = 0x45;
    head.writeUInt16BE(28 + bytes.length, 2);
    head[8] = 64;
    head[9] = 17;
    head.set([10, 0, 0, 1, 10, 0, 0, 2], 12);
    head.writeUInt16BE(EGD_PORT, 20);
    head.writeUInt16BE(EGD_PORT, 22);
    head.writeUInt16BE(8 + bytes.length, 24);
    const record = Buffer.alloc(16);
    record.writeUInt32LE(second, 0);
    record.writeUInt32LE(head.length + bytes.length, 8);
    record.writeUInt32LE(head.length + bytes.length, 12);
    parts.push(record, head, bytes);
  });
  const file = join(temporaryDirectory(), 'egd.pcap');
  writeFileSync(file, Buffer.concat(parts));
  return execFileSync(pathOf('tshark'), ['-n', '-V', '-r', file], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

describe.skipIf(needs('tshark'))('productions of the simulator, decoded by Wireshark', () => {
  it('are EGD, with the numbers that the driver reads', async () => {
    const sent = await productions([{}, { status: 3 }, { noTime: true }, { clockAheadS: -86_400 }]);
    const words = decode(sent)
      .split(/^Frame \d+:/m)
      .slice(1);
    expect(words).toHaveLength(sent.length);
    for (const [at, bytes] of sent.entries()) {
      const text = words[at]!;
      expect(text).not.toMatch(/Malformed|Expert Info \((?:Error|Warning)/);
      expect(text).toContain('Ethernet Global Data');
      const parsed = parseHeader(bytes);
      if (parsed.kind !== 'data') throw new Error('The driver takes it for something else.');
      const { header } = parsed;
      const field = (name: string): string => new RegExp(`^ +${name}: (.*)$`, 'm').exec(text)?.[1] ?? '';
      expect(Number(field('RequestID'))).toBe(header.requestId);
      expect(field('ProducerID')).toBe(producerText(header.producer));
      expect(Number(field('ExchangeID'))).toBe(header.exchange);
      expect(field('Status')).toContain(`(${header.status})`);
      expect(Number(field('ConfigSignature'))).toBe(header.signature);
      const seen = Date.parse(field('Timestamp').replace(/(\.\d{3})\d*/, '$1'));
      // Without seconds there is no time for the one, and no date for the other.
      expect(header.produced === null ? Number.isNaN(seen) || seen === 0 : seen).toBe(
        header.produced === null ? true : Math.floor(header.produced / 1_000),
      );
      expect(text).toContain('Data (40 bytes)');
    }
  });

  it('are none where the first two bytes have changed places', async () => {
    const [swapped] = await productions([{ swapped: true }]);
    expect(decode([swapped!])).not.toMatch(/ProducerID: 192\.168\.7\.9[\s\S]*Type: 13/);
    expect(parseHeader(swapped!).kind).toBe('swapped');
  });
});
