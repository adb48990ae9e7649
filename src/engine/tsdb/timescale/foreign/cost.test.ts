import { expect, it } from 'vitest';
import { isAppError } from '#shared/errors.ts';
import { costOf, costText, requireCost } from './cost.ts';
import type { Ask } from './sql.ts';

const never = new AbortController().signal;
type Node = Record<string, unknown>;

const node = (type: string, rows: number, more: Node = {}, ...plans: Node[]): Node => ({
  'Node Type': type,
  'Plan Rows': rows,
  'Plan Width': 8,
  'Total Cost': rows,
  ...more,
  ...(plans.length === 0 ? {} : { Plans: plans }),
});
const scan = (name: string, rows: number, more: Node = {}): Node =>
  node('Seq Scan', rows, { 'Relation Name': name, Schema: 'public', ...more });
const index = (name: string, rows: number, more: Node = {}): Node =>
  node('Index Scan', rows, { 'Relation Name': name, Schema: 'public', 'Index Cond': '(x)', ...more });

/** A server with this plan, and tables of these sizes. */
const server =
  (
    plan: Node,
    sizes: Readonly<Record<string, { rows: number; bytes?: number; of?: string }>> = {},
    batch?: number,
  ): Ask =>
  async (text, values) => {
    if (text.startsWith('EXPLAIN')) return [{ 'QUERY PLAN': [{ Plan: plan }] }];
    if (text.includes('compression')) return batch === undefined ? [] : [{ schema: 'public', name: 'p', rows: batch }];
    return (values[1] as string[]).flatMap((name) => {
      const size = sizes[name];
      return size === undefined ? [] : [{ schema: 'public', name, bytes: 0, of: name, ...size }];
    });
  };
const rowsOf = async (...given: Parameters<typeof server>) =>
  (await costOf(server(...given), 'SELECT 1', [], never))!.rows;

it('counts what a filter throws away, and of an index what it finds', async () => {
  expect(await rowsOf(scan('a', 10), { a: { rows: 5e6 } })).toBe(5e6);
  expect(await rowsOf(index('a', 10), { a: { rows: 5e6 } })).toBe(10);
  expect(await rowsOf(index('a', 10, { 'Index Cond': undefined }), { a: { rows: 5e6 } })).toBe(5e6);
  expect(await rowsOf(node('Bitmap Heap Scan', 70, { 'Relation Name': 'a', Schema: 'public' }))).toBe(70);
});

it('knows by its pages a table that was never analysed', async () => {
  expect(await rowsOf(scan('a', 10), { a: { rows: -1, bytes: 40_000 } })).toBe(1_000);
});

it('counts a part for each row of the other side of a loop', async () => {
  const inner = index('b', 20, { 'Parent Relationship': 'Inner' });
  const outer = index('a', 100, { 'Parent Relationship': 'Outer' });
  expect(await rowsOf(node('Nested Loop', 1, {}, outer, inner))).toBe(2_100);
});

it('ends with a limit, unless rows are gathered before it', async () => {
  expect(await rowsOf(node('Limit', 20, {}, scan('a', 5e6)), { a: { rows: 5e6 } })).toBe(20);
  expect(await rowsOf(node('Limit', 20, {}, node('Sort', 5e6, {}, scan('a', 5e6))), { a: { rows: 5e6 } })).toBe(5e6);
});

it('unpacks compressed parts, which hold as many rows in one as were counted, or a thousand', async () => {
  const packed = node(
    'Custom Scan',
    50_000,
    { 'Custom Plan Provider': 'ColumnarScan', 'Relation Name': 'c' },
    scan('p', 50),
  );
  expect(await rowsOf(packed, { p: { rows: 60, of: 'samples' } })).toBe(60_000);
  expect(await rowsOf(packed, { p: { rows: 60, of: 'samples' } }, 150)).toBe(9_000);
});

it('refuses with what can be done, names the table that would be read whole, and lets pass what it cannot judge', async () => {
  const parts = node('Append', 1, {}, scan('c1', 1), scan('c2', 1));
  const sizes = { c1: { rows: 3e7, of: 'samples' }, c2: { rows: 4.2e7, of: 'samples' } };
  const ask = server(parts, sizes);
  const cost = await costOf(ask, 'SELECT 1', [], never);
  expect(cost).toEqual({ rows: 7.2e7, whole: [{ name: 'samples', rows: 7.2e7 }], parts: 2 });
  expect(costText(cost!, 5e7)).toBe(
    'This would read about 72 million rows of the database: "samples" would be read whole, since no index fits. The limit of this source is 50 million. Ask for a shorter range or fewer series, or raise "Rows a query may read" in the source\'s limits if the server can bear it.',
  );
  const refused = await requireCost(ask, 'SELECT 1', [], 5e7, never).catch((error: unknown) => error);
  expect(isAppError(refused, 'query.too-many-samples') && refused.details).toEqual({ limit: 5e7 });
  await requireCost(ask, 'SELECT 1', [], 8e7, never);
  const broken: Ask = async () => {
    throw new Error('no EXPLAIN here');
  };
  await requireCost(broken, 'SELECT 1', [], 1, never);
});
