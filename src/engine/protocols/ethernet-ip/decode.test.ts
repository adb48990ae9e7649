import { describe, expect, it } from 'vitest';
import { QUALITY, type ValueType } from '#shared/model/index.ts';
import { createCollector } from '#test/support/sample-collector.ts';
import { parseAddress } from './address.ts';
import { parseValue, pushValue } from './decode.ts';
import { createLearned, type PlannedTag, placeOf, planTag, replyBytes, shorten, targetsOf } from './plan.ts';

function tagOf(text: string, type: ValueType, index = 0): PlannedTag {
  const { address } = parseAddress(text);
  const recipe = { version: 1, form: 'number', type, order: 'DCBA', bit: null, scaling: null, unit: null } as const;
  return planTag({ index, address, recipe });
}

function read(type: ValueType, hex: string, text = 'X', element = 0) {
  const sink = createCollector();
  const value = parseValue(Buffer.from(hex.replaceAll(' ', ''), 'hex'), 1);
  if (value === null) throw new Error('no value');
  const use = { tag: tagOf(text, type), element, flag: null };
  const mistake = pushValue(use, value, (handle) => handle === 0x0fce, 5, sink);
  return mistake ?? sink.one(0).value;
}

describe('answers as stored forms', () => {
  it('keep the bytes of the wire, the first as the most significant', () => {
    expect(read('int8', 'c200 85')).toBe(0x85);
    expect(read('int16', 'c300 3930')).toBe(0x3930);
    expect(read('float32', 'ca00 0000c03f')).toBe(0x0000c03f);
    expect(read('int64', 'c500 0102030405060708')).toBe(0x0102030405060708n);
    expect(read('int32', 'c400 00000000 d2040000', 'X', 1)).toBe(0xd2040000);
    expect(read('bit', 'c100 01')).toBe(1);
    expect(read('bit', 'c100 ff')).toBe(1);
    expect(read('bit', 'c500 0000000000000080', 'X.63')).toBe(1);
  });

  it('are texts in every form that controllers have', () => {
    expect(read('string', 'a002 ce0f 03000000 414243 00')).toBe('ABC');
    expect(read('string', 'd000 0300 414243')).toBe('ABC');
    expect(read('string', 'da00 03 414243')).toBe('ABC');
    expect(read('string', 'da00 03 4dfc6c')).toBe('Mül');
    expect(read('string', 'da00 00')).toBe('');
    for (const hex of [
      'a002 ce0f 04000000 414243',
      'a002 ce0f ffffffff 41',
      'd000 0400 414243',
      'da00 04 4142',
      'da00',
    ]) {
      expect(read('string', hex)).toMatchObject({ quality: QUALITY.badEncoding });
    }
  });

  it('that are too short for a tag are no value', () => {
    expect(read('int32', 'c400 010203')).toMatchObject({ quality: QUALITY.badCommunication });
    expect(read('int32', 'c400 01020304', 'X', 1)).toMatchObject({ quality: QUALITY.badCommunication });
    expect(read('int32', 'f700 01020304')).toMatchObject({ quality: QUALITY.badConfiguration });
  });
});

describe('plan', () => {
  const limits = { request: 500, reply: 500, around: () => 0 };
  const elements = (targets: ReturnType<typeof targetsOf>): (readonly [number | null, number])[] =>
    targets.map(({ first, count }) => [first, count] as const);

  it('reads neighbours together, and not across what would cost more than a request', () => {
    const tags = [0, 1, 2, 5, 40, 41, 200].map((n, index) => tagOf(`Arr[${n}]`, 'int32', index));
    expect(elements(targetsOf(tags, createLearned(), limits))).toEqual([
      [0, 6],
      [40, 2],
      [200, 1],
    ]);
  });

  it('keeps every answer within the limit, with each tag once', () => {
    const tags = Array.from({ length: 1_000 }, (_, n) =>
      tagOf(`arr[${n % 7},${n}]`, n % 2 === 0 ? 'int32' : 'int16', n),
    );
    const targets = targetsOf(tags, createLearned(), limits);
    for (const target of targets) expect(replyBytes(target)).toBeLessThanOrEqual(500);
    const seen = targets.flatMap(({ uses }) => uses.map(({ tag }) => tag.index));
    expect(seen.sort((a, b) => a - b)).toEqual(tags.map(({ index }) => index));
    const long = targetsOf(
      tags.map((_, n) => tagOf(`Arr[${n}]`, 'int32', n)),
      createLearned(),
      limits,
    )[0]!;
    const parts = shorten(long, 10);
    expect(parts.every(({ count }) => count <= 10)).toBe(true);
    expect(parts.flatMap(({ uses, first }) => uses.map(({ element }) => first! + element))).toEqual(
      Array.from({ length: long.count }, (_, n) => n),
    );
  });

  it('finds a BOOL of an array in its word', () => {
    const learned = createLearned();
    expect(placeOf(tagOf('Flags[37]', 'bit'), learned)).toEqual({ key: 'flags', element: 1, flag: 5 });
    expect(placeOf(tagOf('Arr[3].7', 'bit'), learned)).toEqual({ key: 'arr', element: 3, flag: null });
    learned.plainBools.add('flags');
    expect(placeOf(tagOf('FLAGS[37]', 'bit'), learned)).toEqual({ key: 'flags', element: 37, flag: null });
  });
});
