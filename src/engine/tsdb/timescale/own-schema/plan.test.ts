import { describe, expect, it } from 'vitest';
import { identifier, instant, literal } from '../sql.ts';
import type { Facts } from './facts.ts';
import { type Edition, LATEST, migrations } from './migrations.ts';
import { type Planned, planInstall, planRefresh, planRemove } from './plan.ts';
import { MOST_COUNTED, planPrune } from './prune.ts';
import { ownPresets, ownSettings, ROLLUP_STEPS, rollupName, rollupSeconds, wantedRollups } from './settings.ts';

const factsOf = (edition: Edition, change: Partial<Facts> = {}): Facts => ({
  edition,
  extension: edition === 'none' ? null : '2.23.0',
  available: false,
  server: '17.5',
  database: 'plant',
  user: 'parx',
  mayCreate: true,
  schemaExists: false,
  relations: new Map(),
  columns: new Map(),
  version: null,
  settings: null,
  hypertable: null,
  jobs: [],
  rollups: [],
  batches: edition === 'community',
  ...change,
});

const textOf = ({ steps, warnings }: Planned): string =>
  [
    ...warnings.map((warning) => `-- Warning: ${warning}`),
    ...steps.map(({ says, sql, destructive }) => `-- ${destructive ? 'LOST: ' : ''}${says}\n${sql};`),
  ].join('\n\n');
/** A file per case; `vitest -u` writes them anew, and the change of the text is then to be read. */
const golden = (name: string): string => `../../../../../test/golden/own-schema/${name}.sql`;

describe('plans', () => {
  for (const edition of ['none', 'apache', 'community'] as const) {
    for (const { id, settings } of ownPresets) {
      it(`install ${id} on ${edition}`, async () => {
        const plan = planInstall(factsOf(edition), ownSettings.parse(settings));
        await expect(`${textOf(plan)}\n`).toMatchFileSnapshot(golden(`install-${id}-${edition}`));
      });
    }
  }

  const relations = ['schema_version', 'series', 'samples'].map((name) => [name, 'r'] as const);
  const installed = factsOf('community', {
    schemaExists: true,
    version: LATEST,
    relations: new Map([...relations, ['notes', 'r']]),
    hypertable: { chunkHours: 24, compression: true, chunks: 40 },
    rollups: [{ name: 'samples_1h', seconds: 3_600, bytes: 0, filled: null }],
  });

  it('fill a rollup in windows on whole steps, the last without an end', async () => {
    const range = { from: Date.UTC(2026, 0, 5) * 1_000, to: Date.UTC(2026, 5, 1) * 1_000 };
    const plan = planRefresh(installed, 'parx', 'samples_1h', range, true);
    expect(plan.steps.length).toBeLessThanOrEqual(51);
    expect(plan.steps.every(({ alone, destructive }) => alone && !destructive)).toBe(true);
    await expect(`${textOf(plan)}\n`).toMatchFileSnapshot(golden('refresh'));
  });

  it('remove what is ours and leave the rest', async () => {
    await expect(`${textOf(planRemove(installed, 'parx'))}\n`).toMatchFileSnapshot(golden('remove'));
    const before = Date.UTC(2026, 0, 5) * 1_000;
    const there = { rows: 1_234_567, chunks: 12 };
    await expect(`${textOf(planPrune(installed, 'parx', before, there))}\n`).toMatchFileSnapshot(golden('prune'));
    const plain = { ...installed, hypertable: null };
    const [most] = planPrune(plain, 'parx', before, { rows: MOST_COUNTED + 1, chunks: 0 }).steps;
    expect(most?.says).toMatch(/^More than 10,000,000 samples before 2026-01-05/);
    expect(planPrune(plain, 'parx', before, { rows: 0, chunks: 0 }).steps).toEqual([]);
  });

  it('say who has to grant what where rights are missing', () => {
    const user = 'o"connor';
    const [, right] = planInstall(factsOf('none', { mayCreate: false, user }), ownSettings.parse({})).warnings;
    expect(right).toContain('GRANT CREATE ON DATABASE "plant" TO "o""connor"');
    const [enable] = planInstall(factsOf('none', { available: true }), ownSettings.parse({})).warnings;
    expect(enable).toContain('CREATE EXTENSION timescaledb');
  });
});

describe('versions', () => {
  it('are numbered without gaps', () => {
    expect(migrations.map(({ version }) => version)).toEqual(migrations.map((_, at) => at + 1));
  });
});

describe('names and values in statements', () => {
  it('cannot end what they are in', () => {
    expect(identifier('a"b')).toBe('"a""b"');
    expect(literal("a'b")).toBe("'a''b'");
    expect(literal("a\\'b").trim()).toBe("E'a\\\\''b'");
  });
  it('are instants to the microsecond', () => {
    expect(instant(0)).toBe('1970-01-01T00:00:00.000000Z');
    expect(instant(-1)).toBe('1969-12-31T23:59:59.999999Z');
    expect(instant(1_767_571_200_123_456)).toBe('2026-01-05T00:00:00.123456Z');
  });
  it('are rollups by their length', () => {
    for (const seconds of ROLLUP_STEPS) {
      expect(86_400 % seconds).toBe(0);
      expect(rollupSeconds(rollupName(seconds))).toBe(seconds);
    }
    expect(wantedRollups({ rollups: ['1s', '6h', '1m 366d'] })).toEqual([
      { seconds: 1, keepDays: null },
      { seconds: 21_600, keepDays: null },
      { seconds: 60, keepDays: 366 },
    ]);
    for (const wrong of ['2h', '1m 0d', '1m  3d', '1M', ' 1m', "1m'"]) {
      expect(ownSettings.safeParse({ rollups: [wrong] }).success, wrong).toBe(false);
    }
    expect(rollupName(21_600)).toBe('samples_6h');
    expect(rollupSeconds('samples_2h')).toBeNull();
  });
});
