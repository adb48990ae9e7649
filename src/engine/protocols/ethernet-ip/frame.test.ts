import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forwardOpen, packRequests, parseIdentity, parseReply, unconnectedSend, unpackReplies } from './cip.ts';
import { explain } from './explain.ts';
import { createFrameReader, type Frame, frameBytes, MAX_DATA_BYTES, parseItems } from './frame.ts';
import { statusName, statusQuality, statusText } from './status.ts';

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));

describe('frames out of a stream', () => {
  it('come out whole and in order, however they are cut', () => {
    const frame = fc.record({
      command: fc.constantFrom(0x65, 0x6f, 0x70, 0x63),
      session: fc.integer({ min: 0, max: 0xffff_ffff }),
      context: fc.integer({ min: 0, max: 0xffff_ffff }),
      data: bytes,
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.nat(60), { maxLength: 40 }), (frames, cuts) => {
        const stream = Buffer.concat(
          frames.map(({ command, session, context, data }) => frameBytes(command, session, context, data)),
        );
        const seen: Frame[] = [];
        const reader = createFrameReader(
          (one) => void seen.push(one),
          (reason) => {
            throw new Error(reason);
          },
        );
        let at = 0;
        for (const cut of [...cuts, stream.length]) {
          if (at < stream.length) reader.push(stream.subarray(at, at + cut));
          at += cut;
        }
        expect(seen.map(({ command, session, context, data }) => ({ command, session, context, data }))).toEqual(
          frames,
        );
        expect(reader.empty).toBe(true);
      }),
    );
  });

  it('end at what can be no frame, with a reason', () => {
    for (const wrong of [
      Buffer.from('HTTP/1.1 400 Bad Request\r\n'),
      frameBytes(0x6f, 1, 1, Buffer.alloc(MAX_DATA_BYTES + 1)),
    ]) {
      const reasons: string[] = [];
      let frames = 0;
      const reader = createFrameReader(
        () => frames++,
        (reason) => void reasons.push(reason),
      );
      for (const byte of wrong) reader.push(Buffer.of(byte));
      reader.push(frameBytes(0x65, 1, 1, Buffer.alloc(4)));
      expect(reasons.length).toBe(1);
      expect(frames).toBe(0);
    }
  });
});

describe('messages', () => {
  it('take any bytes without a throw', () => {
    fc.assert(
      fc.property(bytes, fc.nat(20), (any, count) => {
        parseReply(any);
        parseIdentity(any);
        unpackReplies(any, count);
        parseItems(any);
        parseItems(any, 0);
        for (const direction of ['sent', 'received'] as const) {
          for (const message of [any, frameBytes(0x6f, 1, 1, any), frameBytes(0x70, 1, 1, any)]) {
            for (const sentence of explain(direction, message)) expect(sentence).toMatch(/[.]$/);
          }
        }
      }),
    );
  });

  it('are laid out as the standard has them', () => {
    const hex = (buffer: Buffer): string => buffer.toString('hex');
    expect(hex(packRequests([Buffer.from('4c0291014100', 'hex'), Buffer.from('4c02', 'hex')]))).toBe(
      `0a0220022401${'0200'}${'0600'}${'0c00'}4c02910141004c02`,
    );
    // 250 ticks of 2^3 ms; the message is filled up to a whole word.
    expect(hex(unconnectedSend(Buffer.of(1, 2, 3), Buffer.of(1, 0), 2_000))).toBe(
      '52022006240103fa0300010203000100' + '0100',
    );
    const ids = { serial: 0x1122, originator: 0x33445566, toOriginator: 0x778899aa };
    const open = forwardOpen(ids, 4002, true, Buffer.of(1, 0), 2_000);
    expect(hex(open)).toBe(
      '5b02200624' +
        '0103fa' +
        '00000000' +
        'aa998877' +
        '2211' +
        '5850' +
        '66554433' +
        '03000000' +
        '80841e00' +
        'a20f0042' +
        '80841e00' +
        'a20f0042' +
        'a3' +
        '03' +
        '0100' +
        '20022401',
    );
    expect(hex(forwardOpen(ids, 504, false, Buffer.alloc(0), 100)).slice(0, 4)).toBe('5402');
  });
});

describe('status', () => {
  it('keeps a number with a name in the quality', () => {
    for (const [status, more, text] of [
      [5, [], 'status 0x05, path destination unknown: no such tag or member'],
      [0xff, [0x2105], 'status 0xFF/0x2105, beyond the end of the tag: the index is too large'],
      [1, [0x0312], 'status 0x01/0x0312, link address not valid: no module in this slot'],
      [0xff, [], 'status 0xFF, general error'],
    ] as const) {
      const quality = statusQuality(status, more);
      expect(statusName(quality & 0x7f)).toBe(text);
      expect(statusText(status, more)).toBe(text);
    }
    for (let status = 0; status < 256; status++)
      expect(statusQuality(status, []) & 0x7f).toBeGreaterThan(status === 0 ? -1 : 0);
    expect(statusText(0x77)).toBe('status 0x77, not in the standard');
  });
});
