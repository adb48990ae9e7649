import { describe, expect, it } from 'vitest';
import { watchNetwork } from '#engine/acquisition/index.ts';
import { createFakeClock } from '#test/support/fake-clock.ts';

describe('network watch', () => {
  it('tells addresses that come and go, once, and ends when disposed', async () => {
    const clock = createFakeClock();
    let addresses: Record<string, string[]> = { eth0: ['192.168.0.5'] };
    const heard: string[] = [];
    const watch = watchNetwork({ clock, addresses: () => addresses, onChange: ({ text }) => heard.push(text) });
    await clock.advance(60_000);
    expect(heard).toEqual([]);
    addresses = { eth0: [], wlan0: ['10.0.0.7'] };
    await clock.advance(10_000);
    addresses = { eth0: ['192.168.0.5'], wlan0: ['10.0.0.7'] };
    await clock.advance(10_000);
    expect(heard).toEqual([
      'The network of this computer changed; gone: 192.168.0.5 (eth0); new: 10.0.0.7 (wlan0).',
      'The network of this computer changed; new: 192.168.0.5 (eth0).',
    ]);
    watch[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });

  it('reads the addresses of the system it runs on', async () => {
    const clock = createFakeClock();
    const watch = watchNetwork({ clock, onChange: ({ text }) => expect.fail(text) });
    await clock.advance(4_000);
    watch[Symbol.dispose]();
  });
});
