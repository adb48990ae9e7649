import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGraph } from '#engine/analytics/index.ts';
import { systemClock } from '#engine/platform/index.ts';
import type { TsdbConnection } from '#engine/tsdb/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import {
  createMetricRegistry,
  gauge,
  graph,
  labelsText,
  metricDeclaration,
  registeredMetric,
  stepQuality,
  type TimeSeriesResult,
} from '#shared/model/graph/index.ts';
import {
  type CatalogueRelation,
  catalogueRelation,
  checkMapping,
  DEFAULT_LIMITS,
  isBad,
  mappingGuess,
  mappingPreview,
  type TableMapping,
} from '#shared/model/index.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { type PostgresEdition, type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';
import { LAYOUTS, type Layout, SIGNAL, type TruthTag, valueAt } from './foreign-layouts.ts';

export const never = new AbortController().signal;
export const READER = { user: 'reader', password: 'only reads' };

/** What the signals come to in one step, worked out from their formula. */
function truthOf(tag: TruthTag, from: number, to: number) {
  let usable = 0;
  let other = 0;
  let worst = 0;
  let sum = 0;
  let max = Number.NaN;
  let last = Number.NaN;
  for (let n = 0; n < SIGNAL.samples; n++) {
    const time = SIGNAL.start + n * SIGNAL.stepUs;
    const quality = tag.quality === undefined ? 0 : tag.quality(n);
    if (time < from || time >= to || quality === null) continue;
    worst = Math.max(worst, quality);
    const value = tag.value?.(n) ?? valueAt(tag.k, n);
    if (isBad(quality)) {
      other++;
      last = Number.NaN;
      continue;
    }
    usable++;
    sum += value;
    max = Number.isNaN(max) ? value : Math.max(max, value);
    last = value;
  }
  return {
    quality: stepQuality(usable, other, worst),
    count: usable,
    mean: usable === 0 ? Number.NaN : sum / usable,
    max,
    last,
  };
}

const AGGREGATES = ['mean', 'max', 'last', 'count'] as const;

/** Every layout of an edition, from the server's catalogue to the drawn graph. */
export function describeForeign(edition: PostgresEdition, skip: boolean, more: (place: Place) => void): void {
  describe.skipIf(skip)(`tables of others on a server of the edition "${edition}"`, () => {
    let server: PostgresServer;
    const place: Place = {
      server: () => server,
      open: (mappings = [], limits = {}) => open(server, mappings, limits),
    };
    const layouts = LAYOUTS.filter(({ editions }) => editions.includes(edition));
    beforeAll(async () => {
      server = await startPostgres(edition);
      if (edition !== 'none') await server.run('CREATE EXTENSION IF NOT EXISTS timescaledb');
      if (edition !== 'community') await server.run(`CREATE ROLE ${READER.user} LOGIN PASSWORD '${READER.password}'`);
      for (const { schema, setup, grants } of layouts) {
        const quoted = `"${schema}"`;
        await server.run(`CREATE SCHEMA ${quoted}`);
        for (const statement of setup.split(/;\s*\n\s*/)) await server.run(statement);
        if (edition === 'community') continue;
        await server.run(`GRANT USAGE ON SCHEMA ${quoted} TO ${READER.user}`);
        await server.run(grants ?? `GRANT SELECT ON ALL TABLES IN SCHEMA ${quoted} TO ${READER.user}`);
      }
      await server.run('ANALYZE');
    }, 120_000);
    afterAll(() => server.stop());
    guardLeaks();

    describe.each(layouts)('$name', (layout) => {
      it('is found, guessed, checked, looked at, listed and drawn', () => goThrough(layout, place), 60_000);
    });
    more(place);
    it('has left alone what names and values tried to remove', async () => {
      const there = await server.run("SELECT to_regclass('hostile.victims') IS NOT NULL AS there");
      expect(there).toEqual([{ there: true }]);
    });
  });
}

export interface Place {
  server(): PostgresServer;
  open(mappings?: readonly TableMapping[], limits?: Partial<typeof DEFAULT_LIMITS>): Promise<TsdbConnection>;
}

async function open(
  { host, port, user, password, database, edition }: PostgresServer,
  mappings: readonly TableMapping[],
  limits: Partial<typeof DEFAULT_LIMITS>,
): Promise<TsdbConnection> {
  const login = edition === 'community' ? { user, password } : READER;
  const config = timescale.config.parse({ host, port, user: login.user, database, tls: 'off' });
  const context = tsdbContext({
    clock: systemClock(),
    mappings,
    limits: { ...DEFAULT_LIMITS, ...(edition === 'community' ? { connections: 1 } : {}), ...limits },
    secrets: { password: login.password },
  });
  return timescale.connect(config, context, never);
}

export async function everything(connection: TsdbConnection): Promise<CatalogueRelation[]> {
  const relations: CatalogueRelation[] = [];
  for await (const page of connection.foreign!.discover(never)) relations.push(...page);
  return relations;
}

async function goThrough(layout: Layout, { open: connect }: Place): Promise<void> {
  const mapping = await mapped(layout, await connect());
  const connection = await connect([mapping]);
  try {
    await listed(layout, connection);
    await drawn(layout, mapping, connection);
  } finally {
    await connection.close();
  }
}

/** From the catalogue to a mapping, as a person would who only answers what is asked. */
async function mapped(layout: Layout, connection: TsdbConnection): Promise<TableMapping> {
  try {
    const relations = await everything(connection);
    const relation = relations.find(({ schema, name }) => schema === layout.schema && name === layout.relation);
    expect(relation?.looksLike?.confidence, 'it stands out in the list').toBeGreaterThan(0.2);
    const [guess] = await connection.foreign!.guess({ schema: layout.schema, name: layout.relation }, never);
    const said = JSON.stringify(guess, null, 1);
    expect(guess?.layout, said).toBe(layout.layout);
    expect(guess!.confidence, said).toBeGreaterThanOrEqual(0.5);
    expect(
      guess!.questions.map(({ path }) => path),
      said,
    ).toEqual(layout.questions ?? []);
    expect(guess!.mapping.quality?.rule, said).toBe(layout.rule);
    expect(
      guess!.mapping.rollups.map(({ relation: of }) => of.name),
      said,
    ).toEqual(layout.rollups ?? []);
    for (const part of ['time', 'tag', 'values', 'quality']) {
      expect(
        guess!.reasons.some((one) => one.part === part),
        `${part} has a reason`,
      ).toBe(true);
    }
    const mapping = layout.answer?.(guess!.mapping as TableMapping) ?? (guess!.mapping as TableMapping);
    const errors = checkMapping(mapping, relations).filter(({ severity }) => severity === 'error');
    expect(errors).toEqual([]);
    expect(await connection.foreign!.drift([mapping], never)).toEqual([]);

    const preview = await connection.foreign!.preview(mapping, never);
    // As it goes to a screen.
    expect(mappingPreview.parse(preview)).toEqual(preview);
    expect(mappingGuess.parse(guess)).toEqual(guess);
    expect(catalogueRelation.parse(relation)).toEqual(relation);
    expect(preview.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(preview.rows.length).toBeGreaterThan(0);
    const tags = new Map(layout.tags.map((tag) => [tag.labels.tag, tag]));
    let checked = 0;
    for (const { time, tag, labels, value, quality, unit, problems } of preview.samples) {
      const found = layout.tags.find((one) =>
        Object.entries(one.labels).every(([name, text]) => (name === 'tag' ? tag : labels[name]) === text),
      );
      if (found === undefined) continue;
      const n = (time! - SIGNAL.start) / SIGNAL.stepUs;
      expect(Number.isInteger(n), `${time} is a time of the signal`).toBe(true);
      const truth = found.quality === undefined ? 0 : found.quality(n);
      if (truth === null) {
        expect(problems).toEqual(['There is no value: no sample.']);
        continue;
      }
      expect(problems).toEqual([]);
      expect(quality).toBe(truth);
      expect(Number(value)).toBe(found.value?.(n) ?? valueAt(found.k, n));
      expect(unit ?? undefined).toBe(found.unit);
      checked++;
    }
    expect(checked, `${[...tags.keys()].join()} of ${JSON.stringify(preview.samples[0])}`).toBeGreaterThan(0);
    return mapping;
  } finally {
    await connection.close();
  }
}

async function listed({ tags: truth }: Layout, connection: TsdbConnection): Promise<void> {
  const search = { text: '', ids: null, offset: 0, limit: 2_000 };
  const page = await connection.tags!(search, never);
  const found = new Map(page.tags.map((tag) => [labelsText(tag.labels), tag]));
  for (const { labels, unit } of truth) {
    const tag = found.get(labelsText(labels));
    expect(tag?.name, [...found.keys()].slice(0, 5).join()).toBe(labels.tag);
    expect(tag!.unit ?? undefined).toBe(unit);
    const again = await connection.tags!({ ...search, ids: [tag!.id] }, never);
    expect(again.tags.map(({ id }) => id)).toEqual([tag!.id]);
    const words = await connection.tags!({ ...search, text: labels.tag!.toUpperCase() }, never);
    expect(words.tags.map(({ id }) => id)).toContain(tag!.id);
  }
}

/** Against the formula: on steps that cut the signals, that touch its ends, and over all of it. */
async function drawn(layout: Layout, mapping: TableMapping, connection: TsdbConnection): Promise<void> {
  for (const [from, to, stepMs] of [
    [SIGNAL.start - 600e6, SIGNAL.start + 7_800e6, 60_000],
    [SIGNAL.start + 3_300e6, SIGNAL.start + 3_900e6, 25_000],
    [SIGNAL.start, SIGNAL.start + 7_200e6, 1_800_000],
  ] as const) {
    const result = await draw(mapping, connection, layout.tags, from, to, stepMs);
    /** Points that are not as the formula says; one look at all of them, since there are thousands. */
    const wrong: string[] = [];
    for (const [at, tag] of layout.tags.entries()) {
      const own = AGGREGATES.map((name) => result.series.find(({ definition }) => definition === `${name}_${at}`));
      for (const series of own) expect(series?.labels, result.warnings.join()).toEqual(tag.labels);
      for (const [i, time] of own[0]!.time.entries()) {
        const truth = truthOf(tag, Math.max(from, time), Math.min(to, time + stepMs * 1_000));
        for (const [n, name] of AGGREGATES.entries()) {
          const value = own[n]!.value[i]!;
          const same = Object.is(value, truth[name]) || Math.abs(value - truth[name]) < 1e-9;
          if (!same) wrong.push(`${name} of ${labelsText(tag.labels)} at ${time}: ${value}, not ${truth[name]}`);
        }
        const quality = own[0]!.quality[i];
        if (quality !== truth.quality) wrong.push(`quality of ${labelsText(tag.labels)} at ${time}: ${quality}`);
      }
    }
    expect(wrong.slice(0, 20)).toEqual([]);
  }
}

export function draw(
  mapping: TableMapping,
  connection: TsdbConnection,
  tags: readonly Pick<TruthTag, 'labels'>[],
  from: number,
  to: number,
  stepMs: number,
  aggregates: readonly (typeof AGGREGATES)[number][] = AGGREGATES,
): Promise<TimeSeriesResult> {
  const key = `plant.${mapping.id}`;
  const labels = ['tag', ...mapping.labels.map(({ name }) => name)];
  const { metric } = registeredMetric(key, metricDeclaration.parse({ type: 'gauge', labels }));
  let definition = graph().between(from, to).step(stepMs);
  for (const [at, tag] of tags.entries()) {
    for (const aggregate of aggregates) {
      let series = gauge(key)[aggregate]();
      for (const [name, text] of Object.entries(tag.labels)) series = series.where(name, text);
      definition = definition.add(`${aggregate}_${at}`, series);
    }
  }
  return runGraph(
    definition.build(),
    {
      registry: createMetricRegistry([metric]),
      source: () => ({ backend: timescale, connection }),
      now: to,
      zone: 'UTC',
    },
    never,
  );
}

/** The limit of rows is held against the parts that a range touches, not against the whole table. */
export async function holdsLimit(place: Place, mapping: TableMapping, rows: number): Promise<void> {
  const connection = await place.open([mapping], { rows });
  const ask = (to: number) =>
    draw(mapping, connection, [{ labels: { tag: 'Line 1/Temp' } }], SIGNAL.start, to, 600_000, ['count']);
  try {
    const { series } = await ask(SIGNAL.start + 1_200e6);
    expect([...series[0]!.value]).toEqual([60, 60]);
    await expect(ask(SIGNAL.start + 7_200e6)).rejects.toMatchObject({
      code: 'query.too-many-samples',
      message: expect.stringContaining('raise "Rows a query may read"'),
    });
  } finally {
    await connection.close();
  }
}
