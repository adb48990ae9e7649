import { describe, expect, it } from 'vitest';
import { type SourceDocument, type Stored, sourceDocument, tableMapping } from '#shared/model/index.ts';
import type { BackendEntry } from '#shared/rpc/catalogue.ts';
import { changeOf, differences, draftOf, isOutdated, rebased } from './source-draft.ts';

const backend = {
  id: 'timescale',
  title: 'TimescaleDB',
  config: {
    type: 'object',
    properties: {
      host: { type: 'string', title: 'Host' },
      tls: { type: 'object', title: 'TLS', properties: { mode: { type: 'string', title: 'Mode' } } },
    },
  },
} as unknown as BackendEntry;
const stored = (revision: number, change: Partial<SourceDocument> = {}): Stored<SourceDocument> => ({
  revision,
  document: {
    ...sourceDocument.parse({ id: 's', name: 'Plant', backend: 'timescale', enabled: true, settings: { host: 'a' } }),
    ...change,
  },
});
const mapping = tableMapping.parse({
  id: 'm',
  relation: { schema: 'public', name: 't' },
  time: { column: 'ts', kind: 'timestamptz' },
  tag: { kind: 'fixed', name: 'x' },
  values: [{ column: 'v' }],
});

describe('a source that two windows edit', () => {
  const mine = draftOf(stored(1));
  const edited = { ...mine, source: { ...mine.source, name: 'Mine', settings: { host: 'b' } } };

  it('is not in the way of a mapping that is saved meanwhile, and keeps it', () => {
    const mapped = stored(2, { mappings: [mapping] });
    expect(isOutdated(edited, mapped)).toBe(false);
    expect(changeOf(edited, backend, mapped)).toMatchObject({
      expected: 2,
      document: { name: 'Mine', mappings: [{ id: 'm' }] },
    });
  });

  it('is told setting by setting, and saved as it was chosen', () => {
    const theirs = stored(2, { name: 'Theirs', enabled: false, settings: { host: 'c' } });
    expect(isOutdated(edited, theirs)).toBe(true);
    expect(changeOf(edited, backend, theirs)?.expected).toBe(1);
    const found = differences(edited, backend, theirs, []);
    expect(found.map(({ what, untouched }) => [what, untouched])).toEqual([
      ['Name', null],
      ['Switched on', 'mine'],
      ['Host', null],
    ]);
    const merged = rebased(edited, theirs, found.slice(1));
    expect(isOutdated(merged, theirs)).toBe(false);
    expect(changeOf(merged, backend, theirs)).toMatchObject({
      expected: 2,
      document: { name: 'Mine', enabled: false, settings: { host: 'c' } },
    });
  });

  it('can be kept where the other window has removed it', () => {
    expect(isOutdated(edited, undefined)).toBe(true);
    expect(differences(edited, backend, undefined, [])).toMatchObject([
      { what: 'Source', texts: { theirs: 'deleted' } },
    ]);
    expect(changeOf(rebased(edited, undefined, []), backend, undefined)).toMatchObject({ expected: null });
  });
});
