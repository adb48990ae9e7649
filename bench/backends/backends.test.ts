import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '#test/support/needs.ts';
import type { PostgresServer } from '#test/support/postgres.ts';
import { measureCache } from './cache.ts';
import { panZoom } from './pan-zoom.ts';
import { measureRead } from './read.ts';
import { samplesOf, startServer } from './rig.ts';
import { measureRollups } from './rollups.ts';
import { measureWrite } from './write.ts';

describe('the recorded way of panning and zooming', () => {
  it('has windows of many sizes, and less to ask for than to draw', () => {
    const spans = panZoom.shown.map(([from, to]) => to - from);
    expect(Math.min(...spans)).toBeGreaterThan(0);
    expect(Math.max(...spans) / Math.min(...spans)).toBeGreaterThan(20);
    expect(panZoom.shown.length).toBeGreaterThan(500);
    expect(panZoom.asked.length).toBeGreaterThan(50);
    for (const [from, to] of panZoom.asked) expect(to).toBeGreaterThan(from);
  });
});

// Each throws where an answer is wrong; the figures of so few rows mean nothing.
describe.skipIf(needs('postgresql'))('the measures of backends', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startServer('none');
  });
  afterAll(() => server.stop());

  it('write, read and draw the same rows on both sides', async () => {
    expect(await measureWrite(server, samplesOf(1_000), 1)).toHaveLength(3);
    expect(await measureRead(server, 1_000, 1)).toHaveLength(2);
    expect(await measureCache(server, 10, 60)).toHaveLength(4);
  }, 60_000);

  it('draw the same month from samples and from a rollup', async () => {
    expect(await measureRollups(server, 30_000, 1)).toHaveLength(1);
  });
});
