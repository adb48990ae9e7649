import { QUALITY, type TableMapping } from '#shared/model/index.ts';
import type { PostgresEdition } from '#test/support/postgres.ts';

/**
 * Tables as plants have them, all filled with the same signals, so that the truth is a formula and no query: three tags,
 * a sample every ten seconds for two hours, across the night in which summer time begins in Berlin.
 */
export const SIGNAL = { start: Date.UTC(2026, 2, 29) * 1_000, stepUs: 10_000_000, samples: 720 } as const;
/** SQL of a row's instant and of the value of tag `k`; `n` counts the rows. */
const AT = `to_timestamp(${SIGNAL.start / 1e6} + n * 10)`;
const value = (k: number | string): string => `(${k} * 1000 + (n % 60) * 0.5)`;
export const valueAt = (k: number, n: number): number => k * 1000 + (n % 60) * 0.5;
const ROWS = `generate_series(0, ${SIGNAL.samples - 1}) AS n`;
const TAGS = 'generate_series(0, 2) AS k';

export interface TruthTag {
  readonly labels: Readonly<Record<string, string>>;
  /** Which of the three it is. */
  readonly k: number;
  readonly unit?: string;
  /** Null: no sample there. */
  readonly quality?: (n: number) => number | null;
  readonly value?: (n: number) => number;
}

export interface Layout {
  readonly name: string;
  readonly editions: readonly PostgresEdition[];
  /** Of its own, filled by `setup`; the login `reader` may read all of it, unless `grants` says otherwise. */
  readonly schema: string;
  readonly setup: string;
  readonly grants?: string;
  readonly relation: string;
  readonly layout: string;
  /** Paths of what has to be asked, and what somebody answers. */
  readonly questions?: readonly string[];
  readonly answer?: (mapping: TableMapping) => TableMapping;
  readonly rule?: string;
  /** Kept aggregates that serve long ranges. */
  readonly rollups?: readonly string[];
  readonly tags: readonly TruthTag[];
}

const all: readonly PostgresEdition[] = ['none', 'apache', 'community'];
const three = (names: readonly string[], more: Partial<TruthTag> = {}): TruthTag[] =>
  names.map((tag, k) => ({ labels: { tag }, k, ...more }));
const CASE = (names: readonly string[]): string =>
  `(ARRAY[${names.map((name) => `'${name.replaceAll("'", "''")}'`).join(', ')}])[k + 1]`;
const names = ['Line 1/Temp', 'Line 1/Speed', 'Line 1/Force'];

const opc = (n: number): number => (n % 10 === 3 ? QUALITY.bad : n % 10 === 7 ? QUALITY.uncertain : QUALITY.good);
const OPC = 'CASE WHEN n % 10 = 3 THEN 0 WHEN n % 10 = 7 THEN 64 ELSE 192 END';

const epoch = (name: string, column: string, type: string, of: string): Layout => ({
  name: `time as ${name} since 1970`,
  editions: ['none'],
  schema: `epoch_${name}`,
  setup: `CREATE TABLE epoch_${name}.log (${column} ${type} NOT NULL, sensor text NOT NULL, reading real, PRIMARY KEY (sensor, ${column}));
    INSERT INTO epoch_${name}.log SELECT (${of})::${type}, ${CASE(names)}, ${value('k')} FROM ${ROWS}, ${TAGS}`,
  relation: 'log',
  layout: 'narrow',
  tags: three(names),
});
const SECONDS = `(${SIGNAL.start / 1e6}::int8 + n * 10)`;

const HOSTILE = [`'; DROP TABLE hostile.victims; --`, `x" OR "1"="1`, `\\'; SELECT pg_sleep(60); --`];
const TABLE = `samples"; DROP TABLE hostile.victims; --`;
const COLUMN = `value"); DROP TABLE hostile.victims; --`;
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Columns of each of four tables, 5,000 in all. */
const WIDE = 1_250;

export const LAYOUTS: readonly Layout[] = [
  {
    name: 'narrow, the tag as text',
    editions: all,
    schema: 'narrow',
    setup: `CREATE TABLE narrow.history (time timestamptz NOT NULL, tag text NOT NULL, value double precision);
      CREATE INDEX ON narrow.history (tag, time);
      INSERT INTO narrow.history SELECT ${AT}, ${CASE(names)}, ${value('k')} FROM ${ROWS}, ${TAGS}`,
    relation: 'history',
    layout: 'narrow',
    tags: three(names),
  },
  {
    name: 'narrow with a table of tags and OPC quality',
    editions: all,
    schema: 'tagtable',
    setup: `CREATE TABLE tagtable.tags (id int PRIMARY KEY, name text NOT NULL UNIQUE, unit text, description text, area text);
      INSERT INTO tagtable.tags SELECT k + 1, ${CASE(names)}, ${CASE(['°C', 'm/min', 'kN'])}, 'Signal ' || k, 'Mill' FROM ${TAGS};
      CREATE TABLE tagtable.samples (ts timestamptz NOT NULL, tag_id int NOT NULL REFERENCES tagtable.tags (id), value float8, quality int2 NOT NULL, PRIMARY KEY (tag_id, ts));
      INSERT INTO tagtable.samples SELECT ${AT}, k + 1, ${value('k')}, ${OPC} FROM ${ROWS}, ${TAGS}`,
    relation: 'samples',
    layout: 'tag table',
    rule: 'opc',
    tags: names.map((tag, k) => ({ labels: { tag, area: 'Mill' }, k, unit: ['°C', 'm/min', 'kN'][k]!, quality: opc })),
  },
  {
    name: 'values of several types, a table of tags without a foreign key, time in ms',
    editions: ['none', 'apache'],
    schema: 'scada',
    setup: `CREATE TABLE scada.sqlth_te (id int PRIMARY KEY, tagpath varchar(255), scid int, datatype int, created bigint);
      INSERT INTO scada.sqlth_te SELECT k + 7, ${CASE(names)}, 1, 1, 0 FROM ${TAGS};
      CREATE TABLE scada.sqlt_data_1_2026_03 (tagid int, intvalue bigint, floatvalue float8, stringvalue varchar(255), datevalue timestamp, dataintegrity int, t_stamp bigint, PRIMARY KEY (tagid, t_stamp));
      INSERT INTO scada.sqlt_data_1_2026_03 SELECT k + 7, CASE WHEN k = 0 THEN n % 60 END, CASE WHEN k = 1 THEN ${value('k')} END, CASE WHEN k = 2 THEN ${value('k')}::text END, NULL, ${OPC}, ${SECONDS} * 1000 FROM ${ROWS}, ${TAGS}`,
    relation: 'sqlt_data_1_2026_03',
    layout: 'tag table',
    rule: 'opc',
    tags: three(names, { quality: opc }).map((tag) => (tag.k === 0 ? { ...tag, value: (n) => n % 60 } : tag)),
  },
  {
    name: 'wide',
    editions: all,
    schema: 'wide',
    setup: `CREATE TABLE wide.mill (time timestamptz PRIMARY KEY, temperature float8, speed real, running boolean);
      COMMENT ON COLUMN wide.mill.speed IS 'm/min';
      INSERT INTO wide.mill SELECT ${AT}, ${value(0)}, ${value(1)}, n % 2 = 0 FROM ${ROWS}`,
    relation: 'mill',
    layout: 'wide',
    tags: [
      { labels: { tag: 'temperature' }, k: 0 },
      { labels: { tag: 'speed' }, k: 1, unit: 'm/min' },
      { labels: { tag: 'running' }, k: 2, value: (n) => (n % 2 === 0 ? 1 : 0) },
    ],
  },
  {
    name: 'wide with holes, one row for each device',
    editions: all,
    schema: 'holes',
    setup: `CREATE TABLE holes.conditions (time timestamptz NOT NULL, device_id text NOT NULL, temperature float8, humidity float8, temperature_q int, humidity_q int, PRIMARY KEY (device_id, time));
      INSERT INTO holes.conditions SELECT ${AT}, 'dev ' || k, CASE WHEN n % 3 = 0 THEN ${value('k')} END, CASE WHEN n % 2 = 0 THEN ${value('k')} END, ${OPC}, 192 FROM ${ROWS}, ${TAGS}`,
    relation: 'conditions',
    layout: 'wide',
    rule: 'opc',
    tags: [0, 1, 2].flatMap((k): TruthTag[] => [
      { labels: { tag: 'temperature', device: `dev ${k}` }, k, quality: (n) => (n % 3 === 0 ? opc(n) : null) },
      { labels: { tag: 'humidity', device: `dev ${k}` }, k, quality: (n) => (n % 2 === 0 ? QUALITY.good : null) },
    ]),
  },
  {
    name: 'documents',
    editions: ['none', 'community'],
    schema: 'documents',
    setup: `CREATE TABLE documents.events (time timestamptz NOT NULL, machine text NOT NULL, payload jsonb);
      CREATE INDEX ON documents.events (machine, time);
      INSERT INTO documents.events SELECT ${AT}, 'press', jsonb_build_object('temperature', ${value(0)}, 'drive', jsonb_build_object('speed', ${value(1)}), 'on', n % 2 = 0, 'note', 'text') FROM ${ROWS}`,
    relation: 'events',
    layout: 'wide',
    tags: [
      { labels: { tag: 'temperature', machine: 'press' }, k: 0 },
      { labels: { tag: 'drive.speed', machine: 'press' }, k: 1 },
      { labels: { tag: 'on', machine: 'press' }, k: 2, value: (n) => (n % 2 === 0 ? 1 : 0) },
    ],
  },
  epoch('seconds', 'ts', 'float8', SECONDS),
  epoch('milliseconds', 't_stamp', 'bigint', `${SECONDS} * 1000`),
  epoch('microseconds', 'epoch', 'bigint', `${SECONDS} * 1000000`),
  epoch('nanoseconds', 'timestamp', 'bigint', `${SECONDS} * 1000000000`),
  {
    name: 'a wall clock without a zone, over the change to summer time',
    editions: ['none', 'apache'],
    schema: 'wall',
    setup: `CREATE TABLE wall.messwerte (zeitstempel timestamp NOT NULL, messstelle text NOT NULL, wert numeric(12, 3));
      CREATE INDEX ON wall.messwerte (messstelle, zeitstempel);
      INSERT INTO wall.messwerte SELECT ${AT} AT TIME ZONE 'Europe/Berlin', ${CASE(names)}, ${value('k')} FROM ${ROWS}, ${TAGS}`,
    relation: 'messwerte',
    layout: 'narrow',
    questions: ['time.zone'],
    answer: (mapping) => ({ ...mapping, time: { ...mapping.time, zone: 'Europe/Berlin' } }),
    tags: three(names),
  },
  {
    name: 'a value as number, fraction, switch or text',
    editions: all,
    schema: 'mixed',
    setup: `CREATE TABLE mixed.points (recorded_at timestamptz NOT NULL, point_name text NOT NULL, value_int bigint, value_float float8, value_bool boolean, value_text text, is_good boolean);
      CREATE INDEX ON mixed.points (point_name, recorded_at);
      INSERT INTO mixed.points SELECT ${AT}, ${CASE(names)}, CASE WHEN k = 0 THEN n % 60 END, CASE WHEN k = 1 THEN ${value('k')} END, NULL, CASE WHEN k = 2 THEN ${value('k')}::text END, n % 10 <> 3 FROM ${ROWS}, ${TAGS}`,
    relation: 'points',
    layout: 'narrow',
    rule: 'boolean',
    tags: three(names, { quality: (n) => (n % 10 === 3 ? QUALITY.bad : QUALITY.good) }).map((tag) =>
      tag.k === 0 ? { ...tag, value: (n) => n % 60 } : tag,
    ),
  },
  {
    name: 'a hypertable with a continuous aggregate',
    editions: ['community'],
    schema: 'kept',
    setup: `CREATE TABLE kept.samples (time timestamptz NOT NULL, tag text NOT NULL, value float8);
      SELECT create_hypertable('kept.samples', 'time', chunk_time_interval => interval '30 minutes');
      INSERT INTO kept.samples SELECT ${AT}, ${CASE(names)}, ${value('k')} FROM ${ROWS}, ${TAGS};
      CREATE MATERIALIZED VIEW kept.samples_1m WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
        SELECT time_bucket('1 minute', time) AS bucket, tag, min(value) AS low, max(value) AS high, sum(value) AS total, count(value) AS n, first(value, time) AS first, last(value, time) AS last
        FROM kept.samples GROUP BY 1, 2;
      CREATE MATERIALIZED VIEW kept.samples_5m WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
        SELECT time_bucket('5 minutes', time) AS bucket, tag, sum(value) AS total, count(value) AS n FROM kept.samples GROUP BY 1, 2;
      CREATE MATERIALIZED VIEW kept.means WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
        SELECT time_bucket('10 minutes', time) AS bucket, tag, avg(value) AS mean FROM kept.samples GROUP BY 1, 2`,
    relation: 'samples',
    layout: 'narrow',
    rollups: ['samples_1m', 'samples_5m'],
    tags: three(names),
  },
  {
    name: 'a hypertable, compressed',
    editions: ['community'],
    schema: 'packed',
    setup: `CREATE TABLE packed.samples (time timestamptz NOT NULL, tag text NOT NULL, value float8, quality int);
      SELECT create_hypertable('packed.samples', 'time', chunk_time_interval => interval '30 minutes');
      ALTER TABLE packed.samples SET (timescaledb.compress, timescaledb.compress_segmentby = 'tag');
      INSERT INTO packed.samples SELECT ${AT}, ${CASE(names)}, ${value('k')}, ${OPC} FROM ${ROWS}, ${TAGS};
      SELECT compress_chunk(c) FROM show_chunks('packed.samples') AS c`,
    relation: 'samples',
    layout: 'narrow',
    rule: 'opc',
    tags: three(names, { quality: opc }),
  },
  {
    name: 'a hypertable of the Apache edition',
    editions: ['apache'],
    schema: 'parted',
    setup: `CREATE TABLE parted.samples (time timestamptz NOT NULL, tag text NOT NULL, value float8);
      SELECT create_hypertable('parted.samples', 'time', chunk_time_interval => interval '30 minutes');
      INSERT INTO parted.samples SELECT ${AT}, ${CASE(names)}, ${value('k')} FROM ${ROWS}, ${TAGS}`,
    relation: 'samples',
    layout: 'narrow',
    tags: three(names),
  },
  {
    name: 'a hypertable whose time is a number',
    editions: ['apache', 'community'],
    schema: 'counted',
    setup: `CREATE TABLE counted.samples (ts_ms bigint NOT NULL, tag text NOT NULL, value float8);
      SELECT create_hypertable('counted.samples', 'ts_ms', chunk_time_interval => 1800000);
      INSERT INTO counted.samples SELECT ${SECONDS} * 1000, ${CASE(names)}, ${value('k')} FROM ${ROWS}, ${TAGS}`,
    relation: 'samples',
    layout: 'narrow',
    tags: three(names),
  },
  {
    name: 'a view alone, the tables behind it out of reach',
    editions: ['none'],
    schema: 'seen',
    setup: `CREATE TABLE seen.secret (id int, at timestamptz, v float8);
      INSERT INTO seen.secret SELECT k, ${AT}, ${value('k')} FROM ${ROWS}, ${TAGS};
      CREATE VIEW seen.process AS SELECT at AS "timestamp", ${CASE(names).replace('k + 1', 'id + 1')} AS tagname, v AS value, 'Good'::text AS quality FROM seen.secret`,
    grants: 'GRANT SELECT ON seen.process TO reader',
    relation: 'process',
    layout: 'narrow',
    rule: 'values',
    tags: three(names),
  },
  {
    name: '5,000 columns in four tables',
    editions: ['none'],
    schema: 'broad',
    setup: [0, 1, 2, 3]
      .map((table) => {
        const columns = Array.from({ length: WIDE }, (_, at) => `m${table}_${String(at).padStart(4, '0')}`);
        const filled = columns.map((_, at) => (at < 3 ? value(at) : 'NULL::real')).join(', ');
        return `CREATE TABLE broad.line_${table} (time timestamptz PRIMARY KEY, ${columns.map((one) => `${one} real`).join(', ')});
          INSERT INTO broad.line_${table} SELECT ${AT}, ${filled} FROM ${ROWS}`;
      })
      .join(';\n'),
    relation: 'line_2',
    layout: 'wide',
    tags: [0, 1, 2].map((k) => ({ labels: { tag: `m2_000${k}` }, k })),
  },
  {
    name: 'capitals, spaces and letters of other scripts',
    editions: all,
    schema: 'Werk Süd',
    setup: `CREATE TABLE "Werk Süd"."Messwerte Öfen" ("Zeit" timestamptz NOT NULL, "TagName" varchar(80) NOT NULL, "Wert" float8, "Qualität" int, PRIMARY KEY ("TagName", "Zeit"));
      INSERT INTO "Werk Süd"."Messwerte Öfen" SELECT ${AT}, ${CASE(['Ofen 1 Ärmel', 'Печь 2', '炉温 "3"'])}, ${value('k')}, ${OPC} FROM ${ROWS}, ${TAGS}`,
    relation: 'Messwerte Öfen',
    layout: 'narrow',
    rule: 'opc',
    tags: three(['Ofen 1 Ärmel', 'Печь 2', '炉温 "3"'], { quality: opc }),
  },
  {
    name: 'one tag in a table',
    editions: ['none'],
    schema: 'single',
    setup: `CREATE TABLE single.furnace_pressure (ts timestamptz PRIMARY KEY, value float8);
      INSERT INTO single.furnace_pressure SELECT ${AT}, ${value(1)} FROM ${ROWS}`,
    relation: 'furnace_pressure',
    layout: 'one tag',
    tags: [{ labels: { tag: 'furnace_pressure' }, k: 1 }],
  },
  {
    name: 'names that would break out of a statement',
    editions: all,
    schema: 'hostile',
    setup: `CREATE TABLE hostile.victims (a int);
      CREATE TABLE hostile.${quoted(TABLE)} (time timestamptz NOT NULL, tag text NOT NULL, "si""te'; --" text, ${quoted(COLUMN)} float8, PRIMARY KEY (tag, "si""te'; --", time));
      INSERT INTO hostile.${quoted(TABLE)} SELECT ${AT}, ${CASE(HOSTILE)}, ${CASE(HOSTILE)}, ${value('k')} FROM ${ROWS}, ${TAGS}`,
    relation: TABLE,
    layout: 'narrow',
    tags: HOSTILE.map((tag, k) => ({ labels: { tag, si_te: tag }, k })),
  },
];
