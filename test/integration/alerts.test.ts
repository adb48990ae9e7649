import { expect, it } from 'vitest';
import { createAlerts } from '#engine/platform/index.ts';
import { createFakeClock } from '#test/support/fake-clock.ts';

const alert = (text: string) => ({ severity: 'error', source: 'Mill', text, advice: null }) as const;

it('holds one alert per condition, keeps when it was raised, and remembers when it cleared', async () => {
  const clock = createFakeClock();
  const alerts = createAlerts(clock);
  let heard = 0;
  alerts.watch(() => void (heard += 1));
  const start = clock.now();
  alerts.raise('a', alert('No answer for 1 s.'));
  alerts.raise('a', alert('No answer for 1 s.'));
  expect(heard).toBe(1);
  await clock.advance(1000);
  alerts.raise('a', alert('No answer for 2 s.'));
  expect(alerts.list()).toMatchObject([{ id: 'a', text: 'No answer for 2 s.', raised: start, cleared: null }]);
  await clock.advance(1000);
  alerts.clear('a');
  alerts.clear('a');
  expect(alerts.list()).toMatchObject([{ raised: start, cleared: clock.now() }]);
  alerts.raise('a', alert('Again.'));
  expect(alerts.list().map(({ cleared }) => cleared === null)).toEqual([true, false]);
});
