// @vitest-environment happy-dom
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';
import type { SlowQuery } from '#shared/model/index.ts';
import { QueryDetail } from './slow-queries.tsx';

const query: SlowQuery = {
  id: '1',
  time: 1,
  ms: 1_840,
  text: 'SELECT avg("value") FROM "public"."history" WHERE "ts" >= $1',
  rows: 4_000_000,
  plan: 'Seq Scan on history  (cost=0.00..84000.00 rows=4000000)',
  hints: [{ finding: 'The whole table was read.', advice: 'Make an index on (tag_id, ts).' }],
};

afterEach(cleanup);

describe('a slow query', () => {
  it('says what was found and what to do, with the query and the plan to copy', () => {
    render(<QueryDetail query={query} />);
    const text = screen.getByRole('region', { name: 'Query' }).textContent ?? '';
    expect(text.indexOf('The whole table was read.')).toBeGreaterThanOrEqual(0);
    expect(text.indexOf('Make an index')).toBeGreaterThan(text.indexOf('The whole table'));
    expect(text).toContain('Seq Scan on history');
    expect(screen.getByRole('button', { name: 'Copy the plan' })).toBeDefined();
  });

  it('says so where there is no plan and nothing to do', () => {
    render(<QueryDetail query={{ ...query, plan: null, hints: [] }} />);
    const text = screen.getByRole('region', { name: 'Query' }).textContent ?? '';
    expect(text).toContain('Nothing in the plan asks for a change.');
    expect(text).toContain('The server was not asked for it');
    expect(screen.queryByRole('button', { name: 'Copy the plan' })).toBeNull();
  });
});
