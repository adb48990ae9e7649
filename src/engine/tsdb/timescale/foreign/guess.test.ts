import { describe, expect, it } from 'vitest';
import type { CatalogueColumn, CatalogueRelation, ColumnKind } from '#shared/model/index.ts';
import { guessMappings, likenessOf } from './guess.ts';
import { surveyOf } from './survey.ts';

const KINDS: Readonly<Record<string, ColumnKind>> = {
  timestamptz: 'instant',
  timestamp: 'wall',
  int: 'integer',
  float: 'number',
  bool: 'boolean',
  text: 'text',
  jsonb: 'json',
};

/** `name: column type, column type!, ...`; `!` is of the key, `->table.column` refers. */
function relation(line: string): CatalogueRelation {
  const [, name = '', rest = ''] = /^([^:]+): (.*)$/.exec(line)!;
  const key: string[] = [];
  const references: { columns: string[]; relation: { schema: string; name: string }; to: string[] }[] = [];
  const columns = rest.split(', ').map((part, at): CatalogueColumn => {
    const [, column = '', type = '', ofKey, to] = /^(.+) (\w+)(!)?(?: ?->(\S+))?$/.exec(part)!;
    if (ofKey !== undefined) key.push(column);
    if (to !== undefined) {
      const [table = '', target = ''] = to.split('.');
      references.push({ columns: [column], relation: { schema: 'public', name: table }, to: [target] });
    }
    return { name: column, type, kind: KINDS[type]!, position: at + 1, nullable: true, comment: null, distinct: null };
  });
  return {
    schema: 'public',
    name,
    kind: 'table',
    comment: null,
    rows: 1_000,
    bytes: 8_192,
    columns,
    key,
    indexes: key.length > 0 ? [key] : [],
    references,
    partition: null,
    range: null,
    rollupOf: null,
    looksLike: null,
  };
}

const around = { now: Date.UTC(2026, 10, 21) * 1_000, serverZone: 'Europe/Berlin' };
const all = [
  'tags: id int!, name text, unit text, description text, area text',
  'sqlth_te: id int!, tagpath text, scid int',
  'TagTable: TagName text, TagIndex int, TagType int',
  'items: itemid int!, name text, key_ text, units text',
  'punkte: punkt_nr int!, kks text, bezeichnung text, einheit text',
].map(relation);

/** The best guess in short: layout, time, tag, values, quality, labels. */
function inShort(line: string, examples: Readonly<Record<string, readonly (string | null)[]>> = {}): string {
  const one = relation(line);
  const [guess] = guessMappings(one, surveyOf([one, ...all]), new Map(Object.entries(examples)), around);
  if (guess === undefined) return 'nothing';
  const { time, tag, values, quality, labels } = guess.mapping;
  const unit = time.kind === 'epoch' ? ` ${time.unit}` : time.kind === 'timestamp' ? ` ${time.zone}` : '';
  const named =
    tag.kind === 'table'
      ? `${tag.column}->${tag.relation.name}.${tag.key}.${tag.name}${tag.unit === null ? '' : `[${tag.unit}]`}`
      : tag.kind === 'column'
        ? tag.column
        : tag.kind === 'fixed'
          ? `"${tag.name}"`
          : '*';
  return [
    guess.layout,
    `${time.column} ${time.kind}${unit}`,
    named,
    values
      .map((value) => [value.column, ...value.jsonPath].join('.') + (value.quality === null ? '' : `?${value.quality}`))
      .join('+'),
    quality === null
      ? '-'
      : `${quality.column} ${quality.rule}${quality.good.length > 0 ? `(${quality.good.join('|')})` : ''}`,
    labels.map(({ column, name, of }) => `${of === 'tags' ? 't.' : ''}${column}=${name}`).join(' '),
    ...(guess.questions.length > 0 ? [`asks ${guess.questions.map(({ path }) => path).join()}`] : []),
  ]
    .join(' | ')
    .replace(/ \| (?=$)/, '');
}

describe('what a table may mean', () => {
  it.each([
    ['history: time timestamptz!, tag text!, value float', 'narrow | time timestamptz | tag | value | -'],
    [
      'log: ts timestamptz, id int!, TagName text, Val float, Quality int',
      'narrow | ts timestamptz | TagName | Val | Quality opc',
    ],
    [
      'samples: ts timestamptz!, tag_id int! ->tags.id, value float, quality int',
      'tag table | ts timestamptz | tag_id->tags.id.name[unit] | value | quality opc | t.area=area',
    ],
    [
      'sqlt_data_1: tagid int!, intvalue int, floatvalue float, stringvalue text, dataintegrity int, t_stamp int!',
      'tag table | t_stamp epoch ms | tagid->sqlth_te.id.tagpath | floatvalue+intvalue+stringvalue | dataintegrity opc |  | asks time.unit',
    ],
    [
      'werte: zeitpunkt timestamp!, punkt_nr int!, wert float, güte int',
      'tag table | zeitpunkt timestamp Europe/Berlin | punkt_nr->punkte.punkt_nr.kks[einheit] | wert | güte opc |  | asks time.zone',
    ],
    [
      'conditions: time timestamptz!, device_id text!, temperature float, humidity float',
      'wide | time timestamptz | * | temperature+humidity | - | device_id=device',
    ],
    [
      'mill: ts_utc timestamp!, speed float, speed_q int, force float, q_force int, on bool',
      'wide | ts_utc timestamp UTC | * | speed?speed_q+force?q_force+on | speed_q opc |  | asks time.zone',
    ],
    // Loggers as they are sold.
    [
      'FloatTable: DateAndTime timestamp, Millitm int, TagIndex int, Val float, Status text, Marker text',
      'tag table | DateAndTime timestamp Europe/Berlin | TagIndex->TagTable.TagIndex.TagName | Val | - |  | asks time.zone',
    ],
    [
      'history: itemid int!, clock int!, value float, ns int',
      'tag table | clock epoch ms | itemid->items.itemid.name[units] | value | - |  | asks time.unit',
    ],
    [
      'KEPWARE: id int!, _NAME text, _NUMERICID int, _VALUE text, _TIMESTAMP timestamp, _QUALITY int',
      'narrow | _TIMESTAMP timestamp Europe/Berlin | _NAME | _VALUE | _QUALITY opc |  | asks time.zone',
    ],
    [
      'ts_kv: entity_id text!, key int!, ts int!, bool_v bool, str_v text, long_v int, dbl_v float',
      'narrow | ts epoch ms | entity_id | dbl_v+long_v+bool_v+str_v | - | key=key | asks time.unit',
    ],
    ['furnace_1: ts timestamptz!, value float', 'one tag | ts timestamptz | "furnace_1" | value | -'],
    ['flow: time timestamptz!, sensor text!, litres float', 'narrow | time timestamptz | sensor | litres | -'],
    [
      'data: time timestamptz!, site text!, sensor_id text!, reading float, created_at timestamptz',
      'narrow | time timestamptz | sensor_id | reading | - | site=site',
    ],
    ['people: id int!, name text, created_at timestamptz, note text', 'nothing'],
    ['tags: id int!, name text, unit text', 'nothing'],
    ['orders: id int!, customer text', 'nothing'],
  ])('%s', (line, wanted) => {
    expect(inShort(line)).toBe(wanted);
  });

  it.each([
    ['s', '1774742400'],
    ['ms', '1774742400123'],
    ['us', '1774742400123456'],
    ['ns', '1774742400123456789'],
  ])('counts in %s where rows show it', (unit, example) => {
    expect(inShort('log: ts int!, tag text!, value float', { ts: [example] })).toBe(
      `narrow | ts epoch ${unit} | tag | value | -`,
    );
  });

  it('takes no small number for a time', () => {
    expect(inShort('log: t int!, tag text!, value float', { t: ['21', '22'] })).toBe('nothing');
  });

  it.each([
    [['192', '0', '64'], 'int', 'q opc'],
    [['0', '2147483648'], 'int', 'q status-code'],
    [['0', '1'], 'int', 'q values(0)'],
    [['Good', 'Bad', 'Uncertain'], 'text', 'q values(Good)'],
    [['GOOD', 'OK', 'FAIL'], 'text', 'q values(GOOD|OK)'],
    [['true', 'false'], 'bool', 'q boolean'],
  ])('reads quality %j', (examples, type, wanted) => {
    const short = inShort(`log: time timestamptz!, tag text!, value float, q ${type}`, { q: examples });
    expect(short.split(' | ')[4]).toBe(wanted);
  });

  it('takes a text without a telling name that comes again and again, and no state', () => {
    const of = (line: string, distinct: number) => {
      const one = relation(line);
      const columns = one.columns.map((column) => (column.kind === 'text' ? { ...column, distinct } : column));
      return guessMappings({ ...one, columns }, surveyOf([]), new Map(), around)[0]!.mapping;
    };
    const tagged = { kind: 'column', column: 'walze' };
    expect(inShort('energy: t timestamptz, walze text, kwh float')).toContain('narrow | t timestamptz | walze | kwh');
    expect(of('energy: t timestamptz, walze text, kwh float', 12).tag).toEqual(tagged);
    expect(of('energy: t timestamptz, walze text, kwh float', 900).tag).toEqual({ kind: 'columns' });
    expect(of('energy: t timestamptz, mode text, kwh float', 3).tag).toEqual({ kind: 'columns' });
    expect(of('energy: t timestamptz, walze text, kwh float, kw float', 12)).toMatchObject({
      tag: { kind: 'columns' },
      labels: [{ column: 'walze', name: 'walze' }],
    });
  });

  it('leaves a state alone that is called status', () => {
    const short = inShort('log: time timestamptz!, tag text!, value float, status text', {
      status: ['running', 'stopped'],
    });
    expect(short.split(' | ')[4]).toBe('-');
  });

  it('finds values in documents, and of a document with one value that one', () => {
    const line = 'events: time timestamptz!, topic text!, payload jsonb';
    expect(
      inShort(line, { payload: ['{"temp": 1, "drive": {"speed": 2}, "ts": 5, "list": [1]}', 'cut sho', null] }),
    ).toBe('wide | time timestamptz | * | payload.temp+payload.drive.speed | - | topic=topic');
    expect(inShort(line, { payload: ['{"value": 1, "unit": "m", "seq": 4}'] })).toBe(
      'narrow | time timestamptz | topic | payload.value | -',
    );
    expect(likenessOf(relation(line), surveyOf([]), around)).toEqual({ layout: 'wide', confidence: 0.3 });
  });

  it('takes what names and documents of a hostile hand hold as they are', () => {
    const deep = `${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`;
    expect(
      inShort('x"; DROP TABLE y; --: time timestamptz!, tag text!, payload jsonb', {
        payload: [deep, '{"__proto__": {"value": 3}}'],
      }),
    ).toBe('narrow | time timestamptz | tag | payload.__proto__.value | -');
    const [guess] = guessMappings(
      relation('Ω温: time timestamptz!, tag text!, value float'),
      surveyOf([]),
      new Map(),
      around,
    );
    expect(guess!.mapping.id).toMatch(/^[a-z0-9_]{1,60}$/);
  });

  it('has a reason for every part, and says that newest entries ahead of UTC are no UTC', () => {
    const one = {
      ...relation('log: ts timestamp!, tag text!, value float'),
      range: { column: 'ts', from: 0, to: around.now + 3_600e6 },
    };
    const [guess] = guessMappings(one, surveyOf([one]), new Map(), around);
    expect(guess!.reasons.map(({ part }) => part)).toEqual(['time', 'tag', 'values', 'quality']);
    expect(guess!.questions).toMatchObject([
      {
        path: 'time.zone',
        text: expect.stringContaining('Its newest entry is 60 minutes ahead of UTC, so that it is hardly UTC.'),
        choices: [{ value: 'Europe/Berlin' }, { value: 'UTC' }],
      },
    ]);
    expect(guess!.mapping.seen).toEqual([
      {
        relation: { schema: 'public', name: 'log' },
        columns: ['ts', 'tag', 'value'].map((name, at) => ({
          name,
          type: ['timestamp', 'text', 'float'][at],
          position: at + 1,
        })),
      },
    ]);
  });

  it('looks through a table of 1,600 columns in no time', () => {
    const columns = Array.from({ length: 1_600 }, (_, at) => `m_${at} float`).join(', ');
    const one = relation(`line: time timestamptz!, ${columns}`);
    const begun = performance.now();
    expect(guessMappings(one, surveyOf([one, ...all]), new Map(), around)[0]!.mapping.values).toHaveLength(1_600);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it('looks through thousands of tables in no time', () => {
    const many = Array.from({ length: 3_000 }, (_, at) =>
      relation(
        `machine_${at}: id int!, ts timestamptz, tag_id int, machine_id int, a float, b float, note text, c_id int`,
      ),
    );
    const begun = performance.now();
    const survey = surveyOf([...many, ...all]);
    for (const one of many) likenessOf(one, survey, around);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});
