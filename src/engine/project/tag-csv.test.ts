import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '#shared/errors.ts';
import type { ConnectionDocument, DeviceDocument, TagDocument } from '#shared/model/index.ts';
import { formatTagCsv } from './tag-csv.ts';
import { previewTagList, type TagImportPreview, type TagListContext } from './tag-import.ts';

const connections: ConnectionDocument[] = [
  { id: 'c1', name: 'Mill', protocol: 'modbus', enabled: true, demo: false, settings: {} },
  { id: 'c2', name: 'Furnace', protocol: 'modbus', enabled: true, demo: false, settings: {} },
];
const devices: DeviceDocument[] = [
  { id: 'd1', connectionId: 'c1', name: 'Stand, 1', enabled: true, settings: {} },
  { id: 'd2', connectionId: 'c2', name: 'PLC', enabled: true, settings: {} },
  { id: 'd3', connectionId: 'c1', name: 'PLC', enabled: true, settings: {} },
];
const tag = (part: Partial<TagDocument>): TagDocument => ({
  id: 't1',
  deviceId: 'd1',
  name: 'Speed',
  description: '',
  address: '400001',
  type: 'int16',
  order: null,
  scaling: null,
  unit: null,
  decimals: null,
  range: null,
  periodMs: 1000,
  timeKind: 'receive',
  enabled: true,
  ...part,
});
let ids = 0;
const context = (tags: readonly TagDocument[]): TagListContext => ({
  connections,
  devices,
  tags,
  resolveAddress(text) {
    const match = /^(\d{6})(:int32)?$/.exec(text);
    if (match === null) {
      throw new AppError('config.invalid', `"${text}" is not an address.`, { details: { issues: [] } });
    }
    return { canonical: match[1]!, type: match[2] === undefined ? 'int16' : 'int32', order: null };
  },
  checkTag: () => undefined,
  readSettings: (_protocol, _part, settings) => settings,
  newId: () => `new${(ids += 1)}`,
});

/** All pages as one. */
async function preview(
  text: string,
  deviceId: string | null,
  project: TagListContext,
  giveWay: () => Promise<void> | null,
): Promise<TagImportPreview> {
  const pages: TagImportPreview[] = [];
  const input = { text, format: 'csv', deviceId, assigned: {} };
  for await (const page of previewTagList(input, project, giveWay)) pages.push(page);
  return { ...pages[0]!, rows: pages.flatMap(({ rows }) => rows) };
}

/** Nobody else is waiting. */
const never = (): null => null;

describe('tag list as CSV', () => {
  it('comes back the same, whatever the texts and numbers', async () => {
    const words = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .map((text) => text.replace(/[\p{Cc}\p{Z}]/gu, 'x').trim() || 'x');
    const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));
    const anyTag = fc.record({
      name: fc.oneof(words, fc.constantFrom('=1+1', '__proto__', "'quoted", 'a;b,c"d', 'Walzkraft Gerüst 1 ⚙')),
      description: words,
      order: fc.constantFrom(null, 'ABCD' as const, 'DCBA' as const),
      deviceId: fc.constantFrom('d1', 'd2', 'd3'),
      unit: fc.option(fc.constantFrom('m/s', '°C', '%', '-')),
      decimals: fc.option(fc.integer({ min: 0, max: 12 })),
      periodMs: fc.integer({ min: 1, max: 86_400_000 }),
      enabled: fc.boolean(),
      scaling: fc.option(
        fc.oneof(
          fc.record({ kind: fc.constant('gain' as const), gain: number, offset: number }),
          fc.record({
            kind: fc.constant('range' as const),
            rawLow: fc.constant(0),
            rawHigh: fc.constant(27648),
            low: number,
            high: number,
            clamp: fc.boolean(),
          }),
        ),
      ),
      range: fc.option(fc.record({ low: number, high: number })),
    });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(anyTag, { selector: (one) => one.name, maxLength: 8 }), async (parts) => {
        const tags = parts.map((part, index) => tag({ ...part, id: `t${index}` }));
        const { rows, unknownColumns } = await preview(
          formatTagCsv(tags, { connections, devices }),
          null,
          context(tags),
          never,
        );
        expect(unknownColumns).toEqual([]);
        expect(rows.map((row) => row.reason)).toEqual(tags.map(() => null));
        expect(rows.map((row) => row.tag)).toEqual(tags);
        expect(rows.every((row) => row.status === 'same')).toBe(true);
      }),
    );
  });

  it('lets good rows in and says of each bad one what is wrong, by line', async () => {
    const text = [
      'Tag Name;Device;Register;Data Type;Factor;Scan Rate;Colour',
      'a;Stand, 1;400001;float32;0,1;100;red',
      'b;Stand, 1;nonsense;;;;',
      'c;Nowhere;400001;;;;',
      'a;Stand, 1;400002;;;;',
      'd;Stand, 1;400003;colour;;;',
      'e;PLC;400003;;;;',
      'f;Stand, 1;400003;;x;;',
      'g;Stand, 1;400003;;;0;',
      ';Stand, 1;400003;;;;',
      'h;;400005:int32;;;;',
    ].join('\n');
    const { rows, unknownColumns, separator } = await preview(text, 'd2', context([]), never);
    expect(separator).toBe(';');
    expect(unknownColumns).toEqual(['Colour']);
    expect(rows.map((row) => [row.line, row.status])).toEqual([
      [2, 'new'],
      [3, 'bad'],
      [4, 'bad'],
      [5, 'bad'],
      [6, 'bad'],
      [7, 'bad'],
      [8, 'bad'],
      [9, 'bad'],
      [10, 'bad'],
      [11, 'new'],
    ]);
    expect(rows[0]?.tag).toMatchObject({
      type: 'float32',
      scaling: { kind: 'gain', gain: 0.1, offset: 0 },
      periodMs: 100,
    });
    expect(rows[9]?.tag).toMatchObject({ deviceId: 'd2', type: 'int32' });
    expect(rows.map((row) => row.reason)).toEqual([
      null,
      '"nonsense" is not an address.',
      'There is no device "Nowhere". Add it first, or correct the name.',
      'The name "a" stands in line 2 already.',
      expect.stringContaining('"colour" in column type is not one of'),
      'Several devices are named "PLC". Add the column connection.',
      '"x" in column gain is not a number.',
      'periodMs: At least 1 ms.',
      'name: A name is needed.',
      null,
    ]);
  });

  it('renames by id, and refuses a name that belongs to another tag', async () => {
    const tags = [tag({ id: 't1', name: 'one' }), tag({ id: 't2', name: 'two' })];
    const { rows } = await preview(
      'name,address,device,id\nnew name,400001,"Stand, 1",t1\ntwo,400001,"Stand, 1",t1',
      null,
      context(tags),
      never,
    );
    expect(rows.map((row) => row.status)).toEqual(['change', 'bad']);
    expect(rows[0]?.tag).toMatchObject({ id: 't1', name: 'new name' });
  });

  it('says what the first line must hold', async () => {
    const { rows } = await preview('foo,bar\n1,2', null, context([]), never);
    expect(rows[0]?.reason).toBe('The first line must name the columns; "name" and "address" are needed.');
    expect((await preview('', null, context([]), never)).rows).toEqual([]);
  });

  it('takes 10,000 rows without growing slower per row', async () => {
    const lines = (count: number): string =>
      ['name,device,address', ...Array.from({ length: count }, (_, n) => `tag ${n},"Stand, 1",400001`)].join('\n');
    const { rows } = await preview(lines(10_000), null, context([]), never);
    expect(rows.filter((row) => row.status === 'new')).toHaveLength(10_000);
  });

  it('lets others have a turn in a long list, and ends when nobody wants it any more', async () => {
    const text = ['name,device,address', ...Array.from({ length: 500 }, (_, n) => `tag ${n},"Stand, 1",400001`)].join(
      '\n',
    );
    let asked = 0;
    let turns = 0;
    const giveWay = (): Promise<void> | null => {
      asked += 1;
      if (asked % 100 !== 0) return null;
      return new Promise((resolve, reject) => {
        setImmediate(() => {
          turns += 1;
          if (turns === 4) reject(new Error('not wanted any more'));
          else resolve();
        });
      });
    };
    await expect(preview(text, null, context([]), giveWay)).rejects.toThrow('not wanted any more');
    expect([asked, turns]).toEqual([400, 4]);
  });
});
