import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { childrenOf } from '#test/support/browse.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { needs, pathOf } from '#test/support/needs.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { closeAll, type Rig, startRig } from './ethernet-ip.ts';

/** The bytes of a link as a capture file: raw IPv4, one TCP segment for each piece. */
function capture(frames: Rig['traffic']['frames']): Buffer {
  const parts: Buffer[] = [Buffer.from('d4c3b2a1020004000000000000000000ffff000065000000', 'hex')];
  const sequence = { sent: 1, received: 1 };
  frames.forEach(({ direction, bytes }, second) => {
    const [here, there] = direction === 'sent' ? [1, 2] : [2, 1];
    const [from, to] = direction === 'sent' ? [50_000, 44_818] : [44_818, 50_000];
    const head = Buffer.alloc(40);
    head[0] = 0x45;
    head.writeUInt16BE(40 + bytes.length, 2);
    head[8] = 64;
    head[9] = 6;
    head.set([10, 0, 0, here, 10, 0, 0, there], 12);
    head.writeUInt16BE(from, 20);
    head.writeUInt16BE(to, 22);
    head.writeUInt32BE(sequence[direction], 24);
    head.writeUInt32BE(sequence[direction === 'sent' ? 'received' : 'sent'], 28);
    head[32] = 0x50;
    head[33] = 0x18;
    head.writeUInt16BE(60_000, 34);
    sequence[direction] += bytes.length;
    const record = Buffer.alloc(16);
    record.writeUInt32LE(second, 0);
    record.writeUInt32LE(head.length + bytes.length, 8);
    record.writeUInt32LE(head.length + bytes.length, 12);
    parts.push(record, head, bytes);
  });
  return Buffer.concat(parts);
}

const faulty = /Malformed|Expert Info \((?:Error|Warning)/;
function decode(frames: Rig['traffic']['frames']): string {
  const file = join(temporaryDirectory(), 'link.pcap');
  writeFileSync(file, capture(frames));
  return execFileSync(pathOf('tshark'), ['-n', '-V', '-r', file], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

describe.skipIf(needs('tshark'))('the bytes of driver and simulator, decoded by Wireshark', () => {
  guardLeaks();
  closeAll();

  it.each([
    ['large', 'Large Forward Open (Request)', 4002],
    ['small', 'Forward Open (Request)', 504],
    ['none', 'Unconnected Send (Request)', null],
  ] as const)('are sound with connection %s', async (connection, service, size) => {
    const rig = await startRig({
      device: { connection },
      prepare(memory) {
        memory.defineType('Motor', [
          { name: 'Running', type: 'BOOL' },
          { name: 'Current', type: 'REAL' },
        ]);
        memory.define('Reels', 'Motor', [3]);
        memory.define('Arr', 'DINT', [1000]);
        memory.define('Title', 'STRING');
        memory.define('Program:Main.Count', 'LINT');
      },
    });
    await rig.read([
      ['Reels[1].Current', 'float32'],
      ['Arr[999].5', 'bit'],
      ['Title', 'string'],
      ['Program:Main.Count', 'int64'],
      ['Nothing', 'int32'],
      ...Array.from({ length: 200 }, (_, n) => [`Arr[${n}]`, 'int32'] as const),
    ]);
    for (const id of [null, 'device', 'device|Reels[0]']) await childrenOf(rig.connection, id);
    await rig.connection.close();

    const words = decode(rig.traffic.frames);
    expect(words).not.toMatch(faulty);
    expect(words).toContain(`Service: ${service}`);
    if (size !== null) expect(words.split(`Connection Size: ${size} bytes`).length).toBe(3);
    for (const name of ['Reels', 'Current', 'Arr', 'Title', 'Program:Main', 'Count', 'Nothing']) {
      expect(words).toMatch(new RegExp(`Symbol: ${name}$`, 'm'));
    }
    expect(words).toContain('Path destination unknown (0x05)');
    expect(words).toContain('1756-L83E/B simulated');
    expect(words).toContain('Unregister Session');
  });

  it('are faulty for Wireshark where they are made so', async () => {
    const rig = await startRig({ device: { connection: 'none', route: '' }, slot: null, tags: [['Speed', 'REAL']] });
    await rig.read([['Speed', 'float32']]);
    const frames = rig.traffic.frames.map(({ direction, bytes }) => {
      const copy = Buffer.from(bytes);
      // One word more of the path than there is.
      if (direction === 'sent' && copy[40] === 0x4c) copy[41] = copy[41]! + 9;
      return { direction, bytes: copy };
    });
    expect(decode(rig.traffic.frames)).not.toMatch(faulty);
    expect(decode(frames)).toMatch(faulty);
  });
});
