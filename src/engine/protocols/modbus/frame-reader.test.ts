import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrameReader } from './frame-reader.ts';

function read(chunks: readonly Uint8Array[]): { frames: number[][]; broken: string[] } {
  const frames: number[][] = [];
  const broken: string[] = [];
  const reader = createFrameReader(
    (frame) => frames.push([...frame]),
    (reason) => broken.push(reason),
  );
  for (const chunk of chunks) reader.push(chunk);
  return { frames, broken };
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...ends].map((from, index) => bytes.slice(from, ends[index] ?? bytes.length));
}

const frame = fc
  .tuple(fc.nat(0xffff), fc.uint8Array({ minLength: 2, maxLength: 254 }))
  .map(([number, body]) => [number >> 8, number & 0xff, 0, 0, 0, body.length, ...body]);

describe('frame reader', () => {
  it('finds the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.nat(2000), { maxLength: 30 }), (frames, places) => {
        const stream = Uint8Array.from(frames.flat());
        expect(read(cut(stream, places))).toEqual({ frames, broken: [] });
        expect(read([...stream].map((byte) => Uint8Array.of(byte)))).toEqual({ frames, broken: [] });
      }),
    );
  });

  it.each([
    ['protocol 1', [0, 1, 0, 1, 0, 6, 1, 3, 0, 0, 0, 1]],
    ['length 0', [0, 1, 0, 0, 0, 0]],
    ['length 1', [0, 1, 0, 0, 0, 1, 9]],
    ['length 255', [0, 1, 0, 0, 0, 255, 1, 3]],
    ['length 65535', [0, 1, 0, 0, 255, 255, 1, 3]],
    ['text', [...Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]],
  ])('stops at %s, whole and byte by byte, and reads nothing after it', (_, bytes) => {
    const sound = [0, 7, 0, 0, 0, 3, 1, 0x83, 2];
    for (const chunks of [
      [Uint8Array.from([...sound, ...bytes, ...sound])],
      [...sound, ...bytes, ...sound].map((byte) => Uint8Array.of(byte)),
    ]) {
      const { frames, broken } = read(chunks);
      expect(frames).toEqual([sound]);
      expect(broken).toHaveLength(1);
    }
  });

  it('waits for the rest of a truncated frame', () => {
    expect(read([Uint8Array.of(0, 1, 0, 0, 0, 7, 1, 3, 4, 0)])).toEqual({ frames: [], broken: [] });
  });
});
