import { expect, it } from 'vitest';
import { systemClock } from './clock.ts';
import { conflate, createChanging } from './watch.ts';

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
