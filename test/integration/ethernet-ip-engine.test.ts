import { afterEach, describe, expect, it } from 'vitest';
import { isBad, isGood } from '#shared/model/index.ts';
import { createTagMemory, startEipSimulator } from '#simulators/ethernet-ip/index.ts';
import { makeConnection, makeDevice, makeTag } from '#test/support/documents.ts';
import { firstItem, startEngine } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

describe('a Logix controller in the whole engine', () => {
  it('is read live, goes bad while it is away and comes back by itself', async () => {
    const memory = createTagMemory();
    memory.define('Line', 'REAL');
    memory.define('Program:Main.Title', 'STRING');
    memory.set('Line', 12.5);
    memory.set('Program:Main.Title', 'COIL 4711');
    const server = await startEipSimulator({ memory });
    cleanUp.push(() => server.close());
    const { engine, client } = await startEngine(temporaryDirectory());
    cleanUp.push(() => engine.stop());
    const screen = client();
    const settings = { host: server.host, port: server.port, connectTimeoutMs: 500 };
    const documents = [
      ['connection', makeConnection({ id: 'c', name: 'Logix', protocol: 'ethernet-ip', settings })],
      ['device', makeDevice({ id: 'd', connectionId: 'c', settings: { route: '1,0', responseTimeoutMs: 500 } })],
      ['tag', makeTag({ id: 'line', deviceId: 'd', name: 'Line', address: 'line', type: 'float32', periodMs: 50 })],
      [
        'tag',
        makeTag({
          id: 'title',
          deviceId: 'd',
          name: 'Title',
          address: 'program:Main.Title',
          type: 'string',
          periodMs: 50,
        }),
      ],
    ] as const;
    await screen.project.commit({
      changes: documents.map(([kind, document]) => ({ kind, id: document.id, document, expected: null })),
    });
    const values = (wanted: (quality: number) => boolean) =>
      firstItem(
        screen.live.values({ tags: ['line', 'title'], maxHz: 20 }),
        (item) => item.quality.length === 2 && item.quality.every(wanted),
      );
    const first = await values(isGood);
    expect(first.value[0]).toBe(12.5);
    expect(Object.values(first.texts)).toContain('COIL 4711');
    const away = server.restart(700);
    await values(isBad);
    await away;
    memory.set('Line', -3.25);
    expect((await values(isGood)).value[0]).toBe(-3.25);

    // A controller that says nothing any more, its link as it was: one response time-out, not two.
    server.faults = { silent: true };
    const silentMs = performance.now();
    await values(isBad);
    expect(performance.now() - silentMs).toBeLessThan(50 + 1.8 * 500);
    server.faults = {};
    const backMs = performance.now();
    await values(isGood);
    expect(performance.now() - backMs).toBeLessThan(2_000);
  });
});
