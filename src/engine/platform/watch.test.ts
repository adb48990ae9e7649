import { expect, it } from 'vitest';
import { systemClock } from './clock.ts';
import { changedKeys, conflate, createChanging } from './watch.ts';

it('gives the state at once, then the newest after changes, and ends with the signal', async () => {
  const changing = createChanging();
  const abort = new AbortController();
  let value = 1;
  const stream = conflate(() => value, changing.watch, systemClock(), abort.signal, 1);
  expect((await stream.next()).value).toBe(1);
  value = 2;
  changing.notify();
  value = 3;
  changing.notify();
  expect((await stream.next()).value).toBe(3);
  const waiting = stream.next();
  abort.abort();
  expect((await waiting).done).toBe(true);
});

it('lets go of the source when the consumer leaves', async () => {
  let listeners = 0;
  const watch = (): Disposable => {
    listeners += 1;
    return { [Symbol.dispose]: () => void (listeners -= 1) };
  };
  const stream = conflate(() => 0, watch, systemClock(), new AbortController().signal, 1);
  await stream.next();
  expect(listeners).toBe(1);
  await stream.return(undefined);
  expect(listeners).toBe(0);
});

it('gives all keys in pages, then each changed key once, and tells when the beginning is complete', async () => {
  const abort = new AbortController();
  let change: (keys: Iterable<number>) => void = () => undefined;
  let listeners = 0;
  const watch = (listener: (keys: Iterable<number>) => void): Disposable => {
    change = listener;
    listeners += 1;
    return { [Symbol.dispose]: () => void (listeners -= 1) };
  };
  const all = Array.from({ length: 4_500 }, (_, key) => key);
  const stream = changedKeys(() => all, watch, systemClock(), abort.signal);
  const pages: { complete: boolean; keys: readonly number[] }[] = [];
  const pull = async (): Promise<void> => {
    const { value } = await stream.next();
    if (value !== undefined) pages.push(value);
  };
  await pull();
  // One that was given already and is due again, one that still waits, and a new one.
  change([7, 4_400, 9_999]);
  await pull();
  await pull();
  expect(pages.map(({ complete, keys }) => [complete, keys.length])).toEqual([
    [false, 2_000],
    [false, 2_000],
    [true, 502],
  ]);
  expect(pages[2]!.keys.slice(-3)).toEqual([4_499, 7, 9_999]);
  change([1, 2]);
  change([2, 3]);
  await pull();
  expect(pages[3]).toEqual({ complete: true, keys: [1, 2, 3] });
  const waiting = stream.next();
  abort.abort();
  expect((await waiting).done).toBe(true);
  expect(listeners).toBe(0);
});

it('says of an empty collection that it is complete', async () => {
  const silent = (): Disposable => ({ [Symbol.dispose]: () => undefined });
  const stream = changedKeys(() => [], silent, systemClock(), new AbortController().signal);
  expect((await stream.next()).value).toEqual({ complete: true, keys: [] });
  await stream.return(undefined);
});
