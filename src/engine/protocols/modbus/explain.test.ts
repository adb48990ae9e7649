import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explain } from './explain.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replace(/ /g, ''), 'hex'));

describe('trace in words', () => {
  it.each([
    [
      'sent',
      '0007 0000 0006 01 03 0063 000a',
      ['Request 7 to unit 1: read 10 holding registers from 400100 (function 3, offset 99).'],
    ],
    ['sent', '0008 0000 0006 02 01 0000 0001', ['Request 8 to unit 2: read coil 000001 (function 1, offset 0).']],
    ['sent', '0008 0000 0003 02 2b 0e', ['Request 8 to unit 2: function 43.']],
    ['received', '0007 0000 0005 01 03 02 0010', ['Answer 7 from unit 1: 2 bytes of holding registers (function 3).']],
    ['received', '0007 0000 0003 01 83 02', ['Answer 7 from unit 1: exception 2, illegal data address (function 3).']],
    ['received', '0007 0000 0003 01 84 63', ['Answer 7 from unit 1: exception 99, not in the standard (function 4).']],
    [
      'received',
      '0007 0000 0004 01 03 fa 00',
      ['Answer 7 from unit 1: 1 bytes of holding registers, 250 were announced (function 3).'],
    ],
    [
      'received',
      '0007 0000 0003 01 83 0b 0008 0000 0005 01 03',
      [
        'Answer 7 from unit 1: exception 11, gateway target did not respond (function 3).',
        '8 bytes of a frame that goes on in the next packet.',
      ],
    ],
    [
      'sent',
      '01 03 0000 000a c5cd',
      ['Request to unit 1: read 10 holding registers from 400001 (function 3, offset 0).'],
    ],
    ['received', '01 83 02 c0f1', ['Answer from unit 1: exception 2, illegal data address (function 3).']],
    [
      'received',
      '01 03 02 0010 0000',
      ['Answer from unit 1: 2 bytes of holding registers (function 3), the checksum is wrong.'],
    ],
    ['received', '485454502f312e31', ['8 bytes that are not Modbus TCP.']],
  ] as const)('%s %s', (direction, hex, sentences) => {
    expect(explain(direction, bytes(hex))).toEqual(sentences);
  });

  it('takes no frame of Modbus TCP for one of a serial line', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.nat(255),
        fc.integer({ min: 1, max: 4 }),
        fc.uint8Array({ minLength: 1, maxLength: 250 }),
        (number, unit, code, data) => {
          const head = [number >> 8, number & 0xff, 0, 0, 0];
          const request = Uint8Array.of(...head, 6, unit, code, 0, data[0]!, 0, 1);
          expect(explain('sent', request)[0]).toMatch(/^Request \d+ to/);
          const answer = Uint8Array.of(...head, data.length + 3, unit, code, data.length, ...data);
          expect(explain('received', answer)[0]).toMatch(/^Answer \d+ from/);
          expect(explain('received', Uint8Array.of(...head, 3, unit, code | 0x80, 2))[0]).toMatch(/^Answer \d+ from/);
        },
      ),
    );
  });

  it('has a sentence for any bytes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('sent', 'received'),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        (direction, any) => {
          for (const sentence of explain(direction, any)) expect(sentence).toMatch(/\.$/);
          expect(explain(direction, any).length).toBeGreaterThan(0);
        },
      ),
    );
  });
});
