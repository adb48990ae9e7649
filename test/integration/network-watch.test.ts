import { expect, it } from 'vitest';
import { watchNetwork } from '#engine/platform/index.ts';
import { createFakeClock } from '#test/support/fake-clock.ts';

it('tells which addresses came and which are gone, and nothing while all stays', async () => {
  const clock = createFakeClock();
  const changes: unknown[] = [];
  let addresses = ['eth0 192.168.0.5'];
  const watch = watchNetwork({ clock, addresses: () => addresses, onChange: (change) => changes.push(change) });
  await clock.advance(20_000);
  expect(changes).toEqual([]);
  addresses = ['wlan0 10.0.0.2'];
  await clock.advance(5_000);
  expect(changes).toEqual([{ gone: ['eth0 192.168.0.5'], came: ['wlan0 10.0.0.2'] }]);
  watch[Symbol.dispose]();
  expect(clock.pending).toBe(0);
});
