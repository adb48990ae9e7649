import { describe, expect, it } from 'vitest';
import { valueType } from '#shared/model/index.ts';
import { ByteChanges, readBytes, readingsOf } from './byte-readings.ts';

describe('ways to read bytes', () => {
  const all = readingsOf(valueType.options, 1, 4);
  const read = (bytes: readonly number[], key: string, at = 0) => {
    const reading = all.find((one) => one.key === key)!;
    return readBytes(Uint8Array.from(bytes), at, reading);
  };

  it('are all types in all orders that differ, one text, and eight bits of a byte', () => {
    expect(all.filter(({ type }) => type === 'float32').map(({ order }) => order)).toEqual([
      'ABCD',
      'CDAB',
      'BADC',
      'DCBA',
    ]);
    expect(all.filter(({ type }) => type === 'int16').length).toBe(2);
    expect(all.filter(({ type }) => type === 'bit').map(({ bit }) => bit)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(new Set(all.map(({ key }) => key)).size).toBe(all.length);
  });

  it('give what the bytes hold, and nothing where they end before', () => {
    const half = [0x00, 0x00, 0x48, 0x41];
    expect(read(half, 'float32 DCBA ')?.value).toBe(12.5);
    expect(read(half, 'int16 BADC ', 2)?.value).toBe(0x4148);
    expect(read([0, 0b0100_0000], 'bit ABCD 6', 1)?.value).toBe(1);
    expect(read([0, 0b0100_0000], 'bit ABCD 5', 1)?.value).toBe(0);
    expect(read([67, 79, 73, 76], 'string ABCD ')?.text).toBe('COIL');
    expect(read([1, 2, 3], 'int32 DCBA ')).toBeNull();
    expect(read([255, 255, 255, 255, 255, 255, 255, 127], 'int64 DCBA ')?.text).toBe('9223372036854775807');
  });

  it('tell when a byte has changed, not when it was seen first or the length became another', () => {
    const changes = new ByteChanges();
    changes.note(Uint8Array.of(1, 2, 3), 100);
    expect(changes.age(1, 200)).toBe(Number.POSITIVE_INFINITY);
    changes.note(Uint8Array.of(1, 9, 3), 300);
    expect([changes.age(0, 400), changes.age(1, 400)]).toEqual([Number.POSITIVE_INFINITY, 100]);
    changes.note(Uint8Array.of(1, 9), 500);
    expect(changes.age(1, 600)).toBe(Number.POSITIVE_INFINITY);
    expect(changes.age(7, 600)).toBe(Number.POSITIVE_INFINITY);
  });
});
