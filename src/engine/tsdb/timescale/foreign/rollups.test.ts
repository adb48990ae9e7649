import { expect, it } from 'vitest';
import { intervalMs, rollupOf } from './rollups.ts';

const of = (definition: string) =>
  rollupOf({
    view: { schema: 'public', name: 'v' },
    of: { schema: 'public', name: 'm' },
    definition,
    live: true,
  });
const inShort = (definition: string): string => {
  const { step, filtered, columns } = of(definition);
  const list = columns
    .map(({ name, of: what, source }) => `${name}=${what}${source === null ? '' : `(${source})`}`)
    .join(' ');
  return `${step === null ? '-' : (step.ms ?? `#${step.count}`)}${filtered ? ' filtered' : ''} ${list}`;
};

it.each([
  [
    `SELECT time_bucket('01:00:00'::interval, "time") AS bucket, tag, avg(v) AS mean_v, min(v) AS min, count(v) AS n, last(v, "time") AS l FROM m GROUP BY (time_bucket('01:00:00'::interval, "time")), tag;`,
    '3600000 bucket=time(time) tag=key(tag) mean_v=mean(v) min=min(v) n=count(v) l=last(v)',
  ],
  [
    `SELECT public.time_bucket('1 day'::interval, m."Zeit") AS "Tag, der", m."Tag""Name", sum((m.v)::double precision) AS s FROM "M" m GROUP BY 1, 2`,
    '86400000 Tag, der=time(Zeit) Tag"Name=key(Tag"Name) s=other',
  ],
  [
    `SELECT time_bucket('1 mon'::interval, t) AS b, count(*) AS n, max((v + (1)::double precision)) AS x FROM m GROUP BY 1`,
    '- b=time(t) n=other x=other',
  ],
  [`SELECT time_bucket('1 day'::interval, t, 'Europe/Berlin'::text) AS b FROM m GROUP BY 1`, '- b=time(t)'],
  [`SELECT time_bucket('7 days'::interval, t) AS b FROM m GROUP BY 1`, '- b=time(t)'],
  [
    `SELECT time_bucket((60000)::bigint, t) AS b, sum(v) AS s FROM m WHERE (v > (0)::double precision) GROUP BY 1`,
    '#60000 filtered b=time(t) s=sum(v)',
  ],
  [
    `SELECT time_bucket('00:05:00'::interval, a.t) AS b, sum(a.v) AS s FROM (a JOIN b ON ((a.id = b.id))) GROUP BY 1`,
    '300000 filtered b=time(t) s=sum(v)',
  ],
  ['nonsense', '- '],
])('reads %s', (definition, wanted) => {
  expect(inShort(definition)).toBe(wanted);
});

it.each([
  ['01:00:00', 3_600_000],
  ['00:00:00.1', 100],
  ['1 day', 86_400_000],
  ['2 days 12:00:00', 216_000_000],
  ['1 mon', null],
  ['1 year 1 day', null],
  ['', null],
])('an interval of %s', (text, wanted) => {
  expect(intervalMs(text)).toBe(wanted);
});
