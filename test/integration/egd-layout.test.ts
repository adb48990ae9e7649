import { afterEach, describe, expect, it } from 'vitest';
import type { TagDocument } from '#shared/model/index.ts';
import { makeConnection, makeDevice } from '#test/support/documents.ts';
import { allItems, type EngineClient, startEngine } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function startScreen(): Promise<EngineClient> {
  const { engine, client } = await startEngine(temporaryDirectory());
  cleanUp.push(() => engine.stop());
  const screen = client();
  const connection = makeConnection({ id: 'c', name: 'EGD', protocol: 'egd', enabled: false, settings: {} });
  const device = makeDevice({
    id: 'd',
    connectionId: 'c',
    name: 'Exchange 7',
    settings: { producerId: '10.1.2.3', exchangeId: 7, dataBytes: 64 },
  });
  await screen.project.commit({
    changes: [
      { kind: 'connection', id: 'c', document: connection, expected: null },
      { kind: 'device', id: 'd', document: device, expected: null },
    ],
  });
  return screen;
}

async function preview(screen: EngineClient, text: string) {
  const items = await allItems(screen.tags.previewImport({ text, format: null, deviceId: 'd', assigned: {} }));
  return { format: items[0]!.format, rows: items.flatMap(({ rows }) => rows) };
}
const put = (screen: EngineClient, tags: readonly TagDocument[]) =>
  screen.project.commit({ changes: tags.map((tag) => ({ kind: 'tag', id: tag.id, document: tag, expected: null })) });

describe('the layout of an exchange as a list', () => {
  const list = [
    'Offset;Bit;Type;Name;Unit;Byte order;Description;Length',
    '0;;DINT;Count;;;;',
    '4;0;REAL;Tension;kN;ABCD;of the strip;',
    '0x08;3;BOOL;Running;;;;',
    '9;;STRING;Coil id;;;;12',
    '21;;STRING[8];Grade;;;;',
    '=30;;LREAL;"=1+1";;;;',
    '32;;LREAL;__proto__;;;;',
    '60;;LREAL;Too far;;;;',
    '40;9;BOOL;No such bit;;;;',
    '44;;BOOL;Which bit;;;;',
    '48;;QUATERNION;No such type;;;;',
    '50;;STRING;How long;;;;',
    'byte 3;;INT;No offset;;;;',
  ].join('\r\n');

  it('is read by offset, bit and type; bad rows have reasons, the others go in', async () => {
    const screen = await startScreen();
    const { format, rows } = await preview(screen, list);
    expect(format).toBe('layout');
    const good = rows.filter(({ status }) => status === 'new').map(({ tag }) => tag!);
    expect(good.map(({ name, address, type, order, unit }) => [name, address, type, order, unit])).toEqual([
      ['Count', '0', 'int32', null, null],
      ['Tension', '4', 'float32', 'ABCD', 'kN'],
      ['Running', '8.3', 'bit', null, null],
      ['Coil id', '9:string12', 'string', null, null],
      ['Grade', '21:string8', 'string', null, null],
      ['__proto__', '32', 'float64', null, null],
    ]);
    const bad = rows.filter(({ status }) => status === 'bad');
    expect(bad.map(({ name }) => name)).toEqual([
      '=1+1',
      'Too far',
      'No such bit',
      'Which bit',
      'No such type',
      'How long',
      'No offset',
    ]);
    for (const { reason } of bad) expect(reason).toMatch(/[.]$/);
    await put(screen, good);
    // The same list again changes nothing.
    expect((await preview(screen, list)).rows.filter(({ status }) => status === 'same').length).toBe(6);
  });

  it('goes out as a tag list and comes back without a loss', async () => {
    const screen = await startScreen();
    const good = (await preview(screen, list)).rows.flatMap(({ tag }) => (tag === null ? [] : [tag]));
    await put(screen, good);
    const { text } = await screen.tags.exportCsv({ tagIds: null });
    expect(new Set((await preview(screen, text)).rows.map(({ status }) => status))).toEqual(new Set(['same']));
    const other = await startScreen();
    const { format, rows } = await preview(other, text);
    expect(format).toBe('csv');
    const plain = (tag: TagDocument | null) => ({ ...tag, id: '' });
    expect(rows.map(({ tag }) => plain(tag))).toEqual(good.map(plain));
  });
});
