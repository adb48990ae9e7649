import { expect, it } from 'vitest';
import { isAppError } from '#shared/errors.ts';
import { createFakeClock } from '#test/support/fake-clock.ts';
import { createTraces } from './traces.ts';

it('costs nothing while nobody wants bytes, and keeps copies of them from the moment it is switched on', () => {
  const clock = createFakeClock();
  const traces = createTraces(clock, () => undefined);
  expect(traces.listenerOf('a')).toBeNull();
  traces.keep('a');
  traces.keep('a');
  const bytes = Uint8Array.of(1, 2, 3);
  traces.listenerOf('a')!('sent', bytes);
  bytes[0] = 9;
  traces.listenerOf('a')!('received', new Uint8Array(5_000));
  expect(traces.packets('a').map(({ direction, bytes: kept, length }) => [direction, kept.length, length])).toEqual([
    ['sent', 3, 3],
    ['received', 2_048, 5_000],
  ]);
  expect(traces.packets('a')[0]?.bytes[0]).toBe(1);
  expect(traces.kept()).toMatchObject([{ connectionId: 'a', packets: 2, bytes: 2_051, dropped: 0 }]);
  traces.retain(new Set(['a']));
  expect(traces.kept()).toHaveLength(1);
  traces.retain(new Set());
  expect(traces.listenerOf('a')).toBeNull();
  expect(traces.packets('a')).toEqual([]);
});

it('holds the newest in 16 MiB, however many come, and eight connections at most', () => {
  const traces = createTraces(createFakeClock(), () => undefined);
  traces.keep('a');
  const hear = traces.listenerOf('a')!;
  for (let n = 0; n < 200_000; n++) hear('received', Uint8Array.of(n & 255, n >> 8, n >> 16));
  const [state] = traces.kept();
  const packets = traces.packets('a');
  expect(packets.length).toBe(state?.packets);
  expect((state?.packets ?? 0) + (state?.dropped ?? 0)).toBe(200_000);
  expect(packets.length * 163).toBeLessThanOrEqual(16 << 20);
  expect(packets.length * 163).toBeGreaterThan((16 << 20) - 1_000);
  expect([...packets.at(-1)!.bytes]).toEqual([199_999 & 255, (199_999 >> 8) & 255, 199_999 >> 16]);
  for (let n = 1; n < 8; n++) traces.keep(`c${n}`);
  try {
    traces.keep('too many');
    expect.unreachable();
  } catch (error) {
    expect(isAppError(error, 'config.invalid') ? error.message : error).toContain('Switch one of them off');
  }
});
