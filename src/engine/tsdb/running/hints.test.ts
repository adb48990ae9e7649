import { expect, it } from 'vitest';
import { hintsOf } from './hints.ts';

const query = { ms: 900, rows: 60, raw: false, failed: null };
const findings = (plan: string): string[] => hintsOf(query, plan).map(({ finding }) => finding);

it('names the table that is read whole as people call it, not as the statement does', () => {
  const plan = (name: string): string => `HashAggregate  (cost=217.00..242.00 rows=1000 width=56)
  Group Key: floor(...)
  ->  Seq Scan on ${name}  (cost=0.00..163.20 rows=3586 width=24)
        Filter: ((zeit >= '2026-01-05 06:00:00+00'::timestamp with time zone) AND (messstelle = 'Druck 1'::text))`;
  expect(findings(plan('werte s'))).toEqual(['The whole of werte is read row by row.']);
  expect(findings(plan('"Werte der Anlage" s'))).toEqual(['The whole of Werte der Anlage is read row by row.']);
  expect(findings(plan('public.werte s'))).toEqual(['The whole of werte is read row by row.']);
  expect(findings(plan('"Anlage"."Werte"'))).toEqual(['The whole of Werte is read row by row.']);
  expect(findings(plan('_hyper_1_7_chunk s'))).toEqual(['The whole of a part of the table is read row by row.']);
  expect(findings('Index Scan using werte_pkey on werte s  (cost=0.28..8.30 rows=1 width=24)')).toEqual([]);
});

it('says what else costs time: many parts, samples one by one, no answer', () => {
  const chunks = Array.from({ length: 101 }, (_, n) => `->  Index Scan using i on _hyper_1_${n}_chunk`).join('\n');
  expect(findings(chunks)).toEqual(['101 chunks were opened.']);
  expect(hintsOf({ ...query, raw: true, rows: 2_000_000 }, null)).toEqual([
    {
      finding: '2,000,000 samples were sent, one by one.',
      advice: 'Choose an aggregation that the source does itself, or a shorter range.',
    },
  ]);
  expect(hintsOf({ ...query, failed: 'It took too long.' }, null)).toHaveLength(1);
  // What is found by the plan later stands beside what the figures said.
  const known = hintsOf({ ...query, raw: true, rows: 2_000_000 }, null);
  expect(hintsOf(query, 'Seq Scan on werte s', known)).toHaveLength(2);
});
