import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { isGood } from '#shared/model/index.ts';
import { createRegisterImage, startModbusSimulator } from '#simulators/modbus/index.ts';
import { parseRecords } from '#test/contracts/read-csv.ts';
import { makeConnection, makeDevice, makeTag } from '#test/support/documents.ts';
import { allItems, firstItem, startEngine } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

const cleanUp: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

const NAMES = [
  'Bandgeschwindigkeit Gerüst 3 – Ist',
  '温度センサー 1 号機',
  'Скорость полосы',
  'سرعة الشريط',
  'Pressure 🔥 zone 👷‍♀️ e\u0301',
  'x'.repeat(200),
  '長'.repeat(200),
  'with "quotes", commas; semicolons\\and\\backslashes',
  "=SUM(A1)'+cmd",
  '  -12'.trim(),
  'null',
  '__proto__',
  'constructor',
  '<b>bold</b> &amp; {{x}} %s',
  'a/b\\c:d*e?f',
];

async function startWithTags() {
  const image = createRegisterImage();
  image.setRegisters(
    'holding',
    0,
    NAMES.map((_, index) => 1_000 + index),
  );
  const device = await startModbusSimulator({ units: { 1: image } });
  cleanUp.push(() => device.close());
  const { engine, client } = await startEngine(temporaryDirectory());
  cleanUp.push(() => engine.stop());
  const screen = client();
  const tags = NAMES.map((name, index) =>
    makeTag({ id: `t${index}`, name, address: String(400_001 + index), periodMs: 50, unit: 'm³/h' }),
  );
  const documents = [
    ['connection', makeConnection({ name: 'Werk Süd / 1', settings: { host: device.host, port: device.port } })],
    ['device', makeDevice({ name: 'Gerät "A", links' })],
    ...tags.map((tag) => ['tag', tag] as const),
  ] as const;
  await screen.project.commit({
    changes: documents.map(([kind, document]) => ({ kind, id: document.id, document, expected: null })),
  });
  return { screen, tags, engine };
}

describe('tags with long names in every script', () => {
  it('keep name and value through live, history, the tag list as CSV, a recording and an export', async () => {
    const { screen, tags, engine } = await startWithTags();
    const ids = tags.map(({ id }) => id);
    const good = new Map<number, number>();
    await firstItem(screen.live.values({ tags: ids, maxHz: 20 }), ({ position, value, quality }) => {
      for (const [index, at] of position.entries())
        if (isGood(quality[index] as number)) good.set(at, value[index] as number);
      return good.size === ids.length;
    });
    expect([...good].sort(([a], [b]) => a - b)).toEqual(NAMES.map((_, index) => [index, 1_000 + index]));

    // The tag list goes out and comes back as it was.
    const { text } = await screen.tags.exportCsv({ tagIds: null });
    const { rows } = await firstItem(screen.tags.previewImport({ text, format: null, deviceId: null, assigned: {} }));
    expect(rows.map(({ status, name, reason }) => ({ status, name, reason }))).toEqual(
      NAMES.map((name) => ({ status: 'same', name, reason: null })),
    );

    await screen.recording.start({ name: `Nacht: ${NAMES[1]} ${'長'.repeat(100)}`, tagIds: [], preTriggerS: 0 });
    const since = Date.now() * 1000;
    await firstItem(screen.recording.watch(), (state) => (state.storedUntil ?? 0) > since + 500_000);
    await screen.recording.stop();
    const { files } = await firstItem(screen.recording.files(), (item) => item.files.length === 1);
    const opened = await screen.recording.open({ id: files[0]?.id ?? '', path: null });
    expect(opened.damage).toEqual([]);
    const stored = await screen.history.tags({ source: opened.id });
    expect(stored.tags.filter(({ id }) => ids.includes(id)).map(({ name }) => name)).toEqual(NAMES);
    expect(stored.tags.find(({ id }) => id === 't0')).toMatchObject({ device: 'Gerät "A", links', unit: 'm³/h' });

    const { range } = await screen.history.bounds({ source: opened.id });
    const { id } = await screen.exports.start({
      traces: ids.map((tag) => ({ source: opened.id, tag, shiftMs: 0, label: '' })),
      range: range ?? { from: 0, to: 1 },
      format: 'csv',
      name: `${NAMES[4]} / ${'表'.repeat(150)}`,
      quality: false,
      options: {},
    });
    const { jobs } = await firstItem(
      screen.exports.watch(),
      (item) => !['waiting', 'running'].includes(item.jobs[0]?.state ?? ''),
    );
    expect(jobs[0]).toMatchObject({ state: 'done', message: null });
    const artifact = await engine.openArtifact(id);
    const [heading, , first] = parseRecords(readFileSync(artifact?.path ?? '', 'utf8'), ',');
    // A text that a spreadsheet would run has one apostrophe in front.
    const plain = (cell: string): string => (/^'[=+\-@]/.test(cell) ? cell.slice(1) : cell);
    expect(heading?.slice(1).map((cell) => plain(cell.text))).toEqual(NAMES);
    expect(first).toHaveLength(NAMES.length + 1);
    await screen.recording.close({ id: opened.id });
  });

  it('refuses what cannot be a name with the place named, and takes the others of a list', async () => {
    const { screen } = await startWithTags();
    const { rows } = await firstItem(
      screen.tags.previewImport({
        format: null,
        assigned: {},
        text: `name,address,type\n${'y'.repeat(201)},400001,uint16\n\u0007bell,400001,uint16\n,400001,uint16\nFine,400001,uint16\nFine,400002,uint16\n`,
        deviceId: 'device-1',
      }),
    );
    expect(rows.map(({ status }) => status)).toEqual(['bad', 'bad', 'bad', 'new', 'bad']);
    for (const { status, reason } of rows) if (status === 'bad') expect(reason).toMatch(/name/i);
  });
});

describe('overlapping and duplicate tags', () => {
  it('each get the value of their own cells', async () => {
    const { screen } = await startWithTags();
    const extra = [
      makeTag({ id: 'same-1', name: 'Same 1', address: '400001', periodMs: 50 }),
      makeTag({ id: 'same-2', name: 'Same 2', address: '400001', periodMs: 200 }),
      makeTag({ id: 'wide', name: 'Wide', address: '400001', type: 'uint32', periodMs: 50 }),
      makeTag({ id: 'shifted', name: 'Shifted', address: '400002', type: 'uint32', periodMs: 50 }),
      makeTag({ id: 'bit', name: 'Bit', address: '400001.3', type: 'bit', periodMs: 50 }),
    ];
    await screen.project.commit({
      changes: extra.map((document) => ({ kind: 'tag' as const, id: document.id, document, expected: null })),
    });
    const ids = ['t0', ...extra.map(({ id }) => id)];
    const good = new Map<string, number>();
    await firstItem(screen.live.values({ tags: ids, maxHz: 20 }), ({ position, value, quality }) => {
      for (const [index, at] of position.entries())
        if (isGood(quality[index] as number)) good.set(ids[at] as string, value[index] as number);
      return good.size === ids.length;
    });
    expect(Object.fromEntries(good)).toEqual({
      t0: 1_000,
      'same-1': 1_000,
      'same-2': 1_000,
      wide: 1_000 * 65_536 + 1_001,
      shifted: 1_001 * 65_536 + 1_002,
      bit: (1_000 >> 3) & 1,
    });
    await expect(
      screen.project.commit({
        changes: [
          {
            kind: 'tag',
            id: 'again',
            document: makeTag({ id: 'again', name: NAMES[0] as string, address: '400001' }),
            expected: null,
          },
        ],
      }),
    ).rejects.toMatchObject({ code: 'config.invalid' });
    const { tags } = await screen.history.tags({ source: 'history' });
    expect(
      await allItems(screen.history.view({ source: 'history', tags: ['wide'], range: { from: 0, to: 1 }, pixels: 10 })),
    ).toBeDefined();
    expect(tags.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
  });
});
