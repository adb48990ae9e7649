import { describe, expect, it } from 'vitest';
import { mappedValueName, type TableMapping, tableMapping, tableMappingFaults } from './table-mapping.ts';

const narrow = {
  id: 'line_1',
  relation: { schema: 'plc', name: 'Messwerte Halle 1' },
  time: { column: 'ts', kind: 'timestamp', zone: 'Europe/Berlin' },
  tag: { kind: 'column', column: 'tag' },
  values: [{ column: 'value_float' }, { column: 'value_text', type: 'text' }],
  quality: { column: 'q', rule: 'opc' },
} as const;
const pathsOf = (change: object): string[] =>
  tableMappingFaults(tableMapping.parse({ ...narrow, ...change })).map(({ path }) => path);

describe('mapping of a table', () => {
  it('fills in what is usual, and stays the same when it is read again', () => {
    const mapping: TableMapping = tableMapping.parse(narrow);
    expect(mapping).toMatchObject({
      version: 1,
      labels: [],
      rollups: [],
      values: [{ type: 'number', jsonPath: [] }, {}],
    });
    expect(tableMapping.parse(JSON.parse(JSON.stringify(mapping)))).toEqual(mapping);
    expect(tableMappingFaults(mapping)).toEqual([]);
  });

  it('takes names of any characters, and refuses ids that are no part of a metric', () => {
    const relation = { schema: 'Größe "1"', name: "'; DROP TABLE x; --" };
    expect(tableMapping.safeParse({ ...narrow, relation }).success).toBe(true);
    expect(tableMapping.safeParse({ ...narrow, id: 'Halle 1' }).success).toBe(false);
    expect(tableMapping.safeParse({ ...narrow, surprise: 1 }).success).toBe(false);
  });

  it('names the place of what makes no sense', () => {
    expect(pathsOf({ time: { ...narrow.time, zone: 'Berlin' } })).toEqual(['time.zone']);
    expect(pathsOf({ tag: { kind: 'columns' }, values: [{ column: 'a' }, { column: 'b', name: 'a' }] })).toEqual([
      'values.1.name',
    ]);
    expect(pathsOf({ values: [{ column: 'a', quality: 'a_q' }] })).toEqual(['values']);
    expect(pathsOf({ quality: { column: 'q', rule: 'values' } })).toEqual(['quality.good']);
    expect(
      pathsOf({
        labels: [
          { column: 'a', name: 'tag' },
          { column: 'b', name: 'area', of: 'tags' },
        ],
      }),
    ).toEqual(['labels.0.name', 'labels.1.of']);
    expect(
      pathsOf({
        tag: { kind: 'columns' },
        rollups: [
          { relation: narrow.relation, stepMs: 60_000, time: 'bucket', tag: null, columns: { count: 'count' } },
        ],
      }),
    ).toEqual(['rollups']);
  });

  it('calls a value in JSON by the way to it', () => {
    const { values } = tableMapping.parse({ ...narrow, values: [{ column: 'data', jsonPath: ['motor', 'rpm'] }] });
    expect(mappedValueName(values[0]!)).toBe('data.motor.rpm');
  });
});
