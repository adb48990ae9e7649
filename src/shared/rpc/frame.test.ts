import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '../errors.ts';
import { decodeFrame, encodeFrame, FRAME_LIMITS, frameVersion } from './frame.ts';
import { ELEMENT_TYPES, type ElementType } from './procedure.ts';

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');

/** A frame around any header text and body, for headers that no encoder writes. */
function frameOf(header: string, body: Uint8Array = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(header);
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const frame = new Uint8Array(start + body.length);
  frame.set([0x50, 0x58, 0x46, 1]);
  new DataView(frame.buffer).setUint32(4, text.length, true);
  frame.set(text, 8);
  frame.set(body, start);
  return frame;
}

function refusalOf(run: () => unknown): { code: string; reason: string } {
  try {
    run();
  } catch (error) {
    if (isAppError(error, 'rpc.bad-frame')) return { code: error.code, reason: error.details.reason };
    if (isAppError(error, 'rpc.limit')) return { code: error.code, reason: error.details.what };
    throw error;
  }
  return { code: 'none', reason: '' };
}
const badFrame = (reason: string) => ({ code: 'rpc.bad-frame', reason: expect.stringContaining(reason) });

describe('layout', () => {
  it('is the one drawn in FRAME.md', () => {
    expect(hex(encodeFrame({ a: new Uint16Array([1, 0xfffe, 3]) }))).toBe(
      [
        '50 58 46 01 2e 00 00 00', // "PXF", version 1, header of 46 bytes
        '7b 22 6d 65 73 73 61 67', // {"messag
        '65 22 3a 7b 22 61 22 3a', // e":{"a":
        '7b 22 24 22 3a 30 7d 7d', // {"$":0}}
        '2c 22 73 65 63 74 69 6f', // ,"sectio
        '6e 73 22 3a 5b 22 75 31', // ns":["u1
        '36 22 2c 33 5d 7d 00 00', // 6",3]} and two bytes of padding
        '01 00 fe ff 03 00 00 00',
      ].join(' '),
    );
  });

  it('decodes to views into the received bytes, without a copy', () => {
    const frame = encodeFrame({ a: new Float64Array([1, 2]), b: new Uint8Array([7]) });
    const { a, b } = decodeFrame(frame) as { a: Float64Array; b: Uint8Array };
    expect(a.buffer).toBe(frame.buffer);
    expect(b.buffer).toBe(frame.buffer);
    expect(a.byteOffset % 8).toBe(0);
  });

  it('copies once where the bytes do not lie on a multiple of eight', () => {
    const frame = encodeFrame({ a: new Float64Array([1, 2]) });
    const shifted = new Uint8Array(frame.length + 3).subarray(3);
    shifted.set(frame);
    expect(decodeFrame(shifted)).toEqual({ a: new Float64Array([1, 2]) });
  });

  it('sends of a subarray its own bytes only', () => {
    const large = new Float64Array(100_000).fill(5);
    const frame = encodeFrame(large.subarray(10, 13));
    expect(frame.length).toBeLessThan(100);
    expect(decodeFrame(frame)).toEqual(new Float64Array([5, 5, 5]));
  });

  it('tells the version of any frame', () => {
    expect(frameVersion(encodeFrame(null))).toBe(1);
    expect(frameVersion(new Uint8Array([0x50, 0x58, 0x46, 9, 0, 0, 0, 0]))).toBe(9);
    expect(frameVersion(new Uint8Array([0x50, 0x58, 0x46, 1]))).toBeNull();
    expect(frameVersion(new TextEncoder().encode('GET / HTTP/1.1'))).toBeNull();
  });
});

/** Any message the encoder has to take: JSON without its blind spots, and typed arrays with every bit pattern. */
const bitPatterns = fc.uint8Array({ maxLength: 64 });
const typedArray = fc
  .tuple(fc.constantFrom(...(Object.keys(ELEMENT_TYPES) as ElementType[])), bitPatterns)
  .map(([element, bytes]) => {
    const array = ELEMENT_TYPES[element];
    const length = Math.floor(bytes.length / array.BYTES_PER_ELEMENT);
    return new array(bytes.slice(0, length * array.BYTES_PER_ELEMENT).buffer, 0, length);
  });
const jsonNumber = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0));
const message = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    jsonNumber,
    fc.boolean(),
    fc.constant(null),
    typedArray,
    fc.array(tie('any'), { maxLength: 5 }),
    fc.dictionary(
      fc
        .oneof(fc.string(), fc.constantFrom('$', '$$', '$0', 'constructor', 'toString', ''))
        .filter((key) => key !== '__proto__'),
      tie('any'),
      { maxKeys: 5, noNullPrototype: true },
    ),
  ),
})).any;

describe('round trip', () => {
  it('gives back what was put in, bit by bit', () => {
    fc.assert(
      fc.property(message, (value) => {
        const frame = encodeFrame(value);
        expect(frame.length % 8).toBe(0);
        const decoded = decodeFrame(frame);
        expect(decoded).toEqual(value);
        // `toEqual` takes all NaN for one; the bytes do not.
        expect(encodeFrame(decoded)).toEqual(frame);
      }),
      { numRuns: 500 },
    );
  });

  it.each(Object.keys(ELEMENT_TYPES) as ElementType[])('keeps %s columns of length 0, 1, odd and large', (element) => {
    const array = ELEMENT_TYPES[element];
    for (const length of [0, 1, 7, 65_537]) {
      const source = new array(length);
      for (let index = 0; index < length; index++) source[index] = element === 'i64' ? BigInt(-index) : index % 251;
      expect(decodeFrame(encodeFrame({ source }))).toEqual({ source });
    }
  });

  it('keeps NaN with its payload, infinities and -0 inside sections', () => {
    const bits = new BigUint64Array([0x7ff8000000000abcn, 0xfff0000000000000n, 0x8000000000000000n]);
    const column = decodeFrame(encodeFrame(new Float64Array(bits.buffer))) as Float64Array;
    expect(new BigUint64Array(column.buffer, column.byteOffset, 3)).toEqual(bits);
  });

  it('leaves properties out that are undefined', () => {
    expect(decodeFrame(encodeFrame({ a: undefined, b: 1 }))).toEqual({ b: 1 });
  });

  it('does not touch what it was given', () => {
    const given = { list: [1, { $: 'x' }], column: new Uint8Array([1]) };
    encodeFrame(given);
    expect(given).toEqual({ list: [1, { $: 'x' }], column: new Uint8Array([1]) });
  });
});

describe('encoding refuses', () => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);

  it.each([
    ['NaN', { a: [{ b: Number.NaN }] }, '"a.0.b" is NaN'],
    ['infinity', { a: Number.POSITIVE_INFINITY }, '"a" is Infinity'],
    ['-0', -0, 'The message is -0'],
    ['undefined in a list', [undefined], '"0" is undefined'],
    ['bigint', { a: 1n }, '"a" is bigint'],
    ['a function', { a: () => 1 }, '"a" is function'],
    ['a date', { a: new Date(0) }, '"a" is a Date'],
    ['a map', new Map(), 'a Map'],
    ['an instance of a class', new (class Thing {})(), 'an instance of a class'],
    ['a typed array without a section type', { a: new Int16Array(1) }, '"a" is a Int16Array'],
    ['a data view', new DataView(new ArrayBuffer(8)), 'a DataView'],
    ['a bare buffer', new ArrayBuffer(8), 'a ArrayBuffer'],
    ['"__proto__"', JSON.parse('{"a":{"__proto__":1}}'), '"__proto__" key'],
  ])('%s, naming the place', (_name, value, reason) => {
    expect(refusalOf(() => encodeFrame(value))).toEqual(badFrame(reason));
  });

  it.each([
    ['levels', nested(FRAME_LIMITS.depth + 1), 'levels'],
    ['a cycle', cyclic, 'levels'],
    ['a list', new Array(FRAME_LIMITS.entries + 1).fill(0), 'entries in one list'],
    ['a text', 'x'.repeat(FRAME_LIMITS.stringLength + 1), 'characters in one text'],
    ['a key', { ['k'.repeat(FRAME_LIMITS.keyLength)]: 1 }, 'characters in one key'],
    ['sections', new Array(FRAME_LIMITS.sections + 1).fill(new Uint8Array(1)), 'sections'],
    ['bytes', new Uint8Array(FRAME_LIMITS.frameBytes), 'frame bytes'],
    ['values', new Array(10).fill(new Array(200_000).fill(1)), 'values'],
  ])('too much: %s', (_name, value, what) => {
    expect(refusalOf(() => encodeFrame(value))).toEqual({ code: 'rpc.limit', reason: what });
  });

  it('takes exactly the limit of levels, and a column below the last', () => {
    const deepest = (levels: number): unknown => (levels === 0 ? new Uint8Array([1]) : [deepest(levels - 1)]);
    const value = deepest(FRAME_LIMITS.depth);
    expect(decodeFrame(encodeFrame(value))).toEqual(value);
  });
});

describe('decoding refuses', () => {
  const one = new Uint8Array(8);
  it.each([
    ['foreign bytes', new TextEncoder().encode('GET / HTTP/1.1\r\n'), 'does not start like a frame'],
    ['nothing', new Uint8Array(0), 'does not start like a frame'],
    ['another version', Uint8Array.from(encodeFrame(1), (byte, index) => (index === 3 ? 2 : byte)), 'version is 2'],
    ['an odd length', encodeFrame(1).subarray(0, -1), 'not a multiple of eight'],
    ['a cut frame', encodeFrame('x'.repeat(100)).subarray(0, 24), 'header is longer than the frame'],
    ['a cut section', encodeFrame(new Uint8Array(100)).subarray(0, -8), 'section is longer than the frame'],
    ['bytes after the end', frameOf('{"message":1,"sections":[]}', one), 'Bytes follow'],
    [
      'padding that is not zero',
      frameOf(
        '{"message":{"$":0},"sections":["u8",7]}',
        one.map(() => 1),
      ),
      'padding',
    ],
    ['broken JSON', frameOf('{"message":1,"sections":[]'), 'not UTF-8 JSON'],
    ['broken UTF-8', frameOf('{"message":1,"sections":[]}').map((byte) => (byte === 0x31 ? 0xff : byte)), 'not UTF-8'],
    ['a header that is a list', frameOf('[1,2]'), 'not a JSON object'],
    ['more keys', frameOf('{"message":1,"sections":[],"more":1}'), '"message" and "sections"'],
    ['no message', frameOf('{"sections":[],"more":1}'), 'no message'],
    ['an unknown type', frameOf('{"message":{"$":0},"sections":["toString",1]}', one), 'no known type'],
    ['a negative length', frameOf('{"message":{"$":0},"sections":["u8",-8]}', one), 'no sound length'],
    ['half a length', frameOf('{"message":{"$":0},"sections":["u8",0.5]}', one), 'no sound length'],
    ['a huge length', frameOf('{"message":{"$":0},"sections":["f64",9e15]}', one), 'longer than the frame'],
    ['half a table', frameOf('{"message":1,"sections":["u8"]}'), 'incomplete'],
    ['a section used twice', frameOf('{"message":[{"$":0},{"$":0}],"sections":["u8",8]}', one), 'twice'],
    ['a section unused', frameOf('{"message":1,"sections":["u8",8]}', one), 'nothing names'],
    ['a section that is not there', frameOf('{"message":{"$":1},"sections":["u8",8]}', one), 'not there'],
    ['a section named by text', frameOf('{"message":{"$":"length"},"sections":["u8",8]}', one), 'not there'],
    ['a section with company', frameOf('{"message":{"$":0,"a":1},"sections":["u8",8]}', one), 'forbidden key'],
    ['"__proto__"', frameOf('{"message":{"__proto__":{"a":1}},"sections":[]}'), 'forbidden key'],
    ['"__proto__" of the header', frameOf('{"message":1,"__proto__":{"sections":[]}}'), '"message" and "sections"'],
    ['-0', frameOf('{"message":-0,"sections":[]}'), 'out of range'],
    ['infinity', frameOf('{"message":1e999,"sections":[]}'), 'out of range'],
    ['levels', frameOf(`{"message":${'['.repeat(33)}${']'.repeat(33)},"sections":[]}`), 'nested deeper'],
    ['millions of levels', frameOf(`{"message":${'['.repeat(4e6)}${']'.repeat(4e6)},"sections":[]}`), 'nested deeper'],
    ['millions of values', frameOf(`{"message":[${'[],'.repeat(5e6)}1],"sections":[]}`), 'too many values'],
    ['a long list', frameOf(`{"message":[${'1,'.repeat(FRAME_LIMITS.entries)}1],"sections":[]}`), 'entries'],
  ])('%s', (_name, frame, reason) => {
    expect(refusalOf(() => decodeFrame(frame))).toEqual(badFrame(reason));
  });

  it('leaves the prototype of everything alone', () => {
    refusalOf(() => decodeFrame(frameOf('{"message":{"__proto__":{"polluted":1}},"sections":[]}')));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('any bytes with a code, and nothing larger than they are', () => {
    const sound = fc.constantFrom(
      encodeFrame({ kind: 'call', id: 7, procedure: 'live.values', input: { tags: ['a', 'b'], maxHz: 10 } }),
      encodeFrame({ time: new Float64Array([1, 2, 3]), quality: new Uint16Array(5), texts: { $a: 'x' } }),
    );
    const mutated = fc
      .tuple(sound, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }), fc.nat(300))
      .map(([frame, changes, cut]) => {
        const bytes = frame.slice();
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        return cut < bytes.length && cut % 3 === 0 ? bytes.subarray(0, cut) : bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        try {
          const decoded = decodeFrame(bytes);
          expect(binaryBytes(decoded)).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(isAppError(error, 'rpc.bad-frame')).toBe(true);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

function binaryBytes(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, entry) => sum + binaryBytes(entry), 0);
}
