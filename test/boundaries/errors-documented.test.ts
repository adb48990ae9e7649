import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

it('lists every error code with cause and remedy, and no code that does not exist', () => {
  const source = read('src/shared/errors.ts');
  const catalogue = source.slice(source.indexOf('interface ErrorCatalogue'), source.indexOf('export type ErrorCode'));
  const codes = [...catalogue.matchAll(/^ {2}'([a-z.-]+)'/gm)].map((match) => match[1]);
  const documented = [...read('docs/errors.md').matchAll(/^\| `([a-z.-]+)` \|/gm)].map((match) => match[1]);
  expect(codes.length).toBeGreaterThan(20);
  expect(documented.toSorted()).toEqual(codes.toSorted());
});
