import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LONG } from '#test/support/figures.ts';
import { crc16, createRtuReader, withCrc } from './rtu-frame.ts';

function read(
  chunks: readonly Uint8Array[],
  { request, silent = false }: { request?: Uint8Array; silent?: boolean } = {},
): { frames: number[][]; noise: number[]; echoes: number; disturbed: number } {
  const seen = { frames: [] as number[][], noise: [] as number[], echoes: 0, disturbed: 0 };
  const reader = createRtuReader({
    frame: (frame) => seen.frames.push([...frame]),
    disturbed: () => seen.disturbed++,
    echo: () => seen.echoes++,
    noise: (bytes) => seen.noise.push(...bytes),
  });
  if (request !== undefined) reader.begin(request);
  for (const chunk of chunks) reader.push(chunk);
  if (silent) reader.silence();
  return seen;
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...ends].map((from, index) => bytes.slice(from, ends[index] ?? bytes.length));
}
const bytewise = (bytes: Uint8Array): Uint8Array[] => [...bytes].map((byte) => Uint8Array.of(byte));
const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

const data = fc
  .tuple(fc.nat(255), fc.integer({ min: 1, max: 4 }), fc.uint8Array({ minLength: 1, maxLength: 250 }))
  .map(([unit, code, bytes]) => withCrc(Uint8Array.of(unit, code, bytes.length, ...bytes)));
const exception = fc
  .tuple(fc.nat(255), fc.integer({ min: 0x81, max: 0x84 }), fc.nat(255))
  .map((bytes) => withCrc(Uint8Array.from(bytes)));
const frame = fc.oneof(data, exception);
/** Bytes that no frame can begin with: every second one would have to be a function. */
const noise = fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => bytes.map((byte) => byte | 0xc0));

describe('RTU frames', () => {
  it('have the checksum that the standard gives as its example', () => {
    // Modbus over serial line 1.02, appendix: 02 07 has the CRC 41 12.
    expect(crc16(Uint8Array.of(2, 7), 0, 2)).toBe(0x1241);
    expect([...withCrc(Uint8Array.of(1, 3, 0, 0, 0, 10))]).toEqual([1, 3, 0, 0, 0, 10, 0xc5, 0xcd]);
  });

  it('are the same however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 5 }), fc.array(fc.nat(1500), { maxLength: 30 }), (frames, places) => {
        const stream = joined(...frames);
        const wanted = { frames: frames.map((one) => [...one]), noise: [], echoes: 0, disturbed: 0 };
        expect(read(cut(stream, places))).toEqual(wanted);
        expect(read(bytewise(stream))).toEqual(wanted);
      }),
    );
  });

  it('are found behind noise and between it, and the noise is told byte for byte', () => {
    fc.assert(
      fc.property(noise, frame, noise, frame, (one, first, two, second) => {
        const stream = joined(one, Uint8Array.of(0xff), first, two, Uint8Array.of(0xff), second);
        const { frames, noise } = read(bytewise(stream), { silent: true });
        expect(frames).toEqual([[...first], [...second]]);
        expect(noise).toEqual([...one, 0xff, ...two, 0xff]);
      }),
    );
  });

  it('are found after silence where noise looks like the start of a longer one', () => {
    fc.assert(
      fc.property(frame, (sound) => {
        fc.pre(sound.length < 200);
        const stream = joined(Uint8Array.of(7, 3, 250), sound);
        expect(read([stream]).frames).toEqual([]);
        expect(read([stream], { silent: true }).frames).toEqual([[...sound]]);
      }),
    );
  });

  it('may pause longer than the gap and are taken all the same', () => {
    fc.assert(
      fc.property(frame, fc.nat(254), (sound, place) => {
        const at = place % sound.length;
        const frames: number[][] = [];
        const reader = createRtuReader({
          frame: (one) => frames.push([...one]),
          disturbed: () => {},
          echo: () => {},
          noise: () => {},
        });
        reader.push(sound.subarray(0, at));
        reader.silence();
        reader.push(sound.subarray(at));
        expect(frames).toEqual([[...sound]]);
      }),
    );
  });

  it('are disturbed by any changed bit of their data, and are then no frames', () => {
    fc.assert(
      fc.property(data, fc.nat(2000), (sound, place) => {
        const bent = Uint8Array.from(sound);
        const bit = 24 + (place % ((sound.length - 3) * 8));
        bent[bit >> 3]! ^= 1 << (bit & 7);
        const { frames, disturbed } = read([bent], { silent: true });
        expect(frames.map((one) => one.length)).not.toContain(sound.length);
        expect(disturbed).toBeGreaterThan(0);
      }),
    );
  });

  it('come without the echo of the request, which is told once', () => {
    const request = withCrc(Uint8Array.of(1, 3, 2, 0, 0, 1));
    const answer = withCrc(Uint8Array.of(1, 3, 2, 0, 0));
    for (const chunks of [[joined(request, answer)], bytewise(joined(request, answer))]) {
      expect(read(chunks, { request })).toMatchObject({ frames: [[...answer]], echoes: 1, noise: [] });
    }
    expect(read(bytewise(answer), { request, silent: true }).frames).toEqual([[...answer]]);
  });

  it('take the memory of two frames whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 5 }), (chunks) => {
        const { frames, noise } = read(chunks, { silent: true });
        const came = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        const told = noise.length + frames.reduce((sum, one) => sum + one.length, 0);
        expect(told).toBeLessThanOrEqual(came);
        expect(came - told).toBeLessThan(256);
      }),
      { numRuns: LONG ? 100_000 : 2_000 },
    );
  }, 600_000);
});
