import { afterEach, describe, expect, it } from 'vitest';
import type { ResolutionItem, ScanItem } from '#shared/rpc/looking.ts';
import { startEgdProducer } from '#simulators/egd/index.ts';
import { createRegisterImage, type RegisterImage, startModbusSimulator } from '#simulators/modbus/index.ts';
import { makeConnection, makeDevice, makeTag } from '#test/support/documents.ts';
import { type EngineClient, startEngine } from '#test/support/engine.ts';
import { freeUdpPort } from '#test/support/free-port.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

// Looking closer at a device, through the whole engine: which type and order a place has, and what can be read at all.

const cleanUp: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function start(image: RegisterImage, settings: object = {}, link: object = {}) {
  const simulator = await startModbusSimulator({ units: { 1: image } });
  cleanUp.push(() => simulator.close());
  const { engine, client } = await startEngine(temporaryDirectory());
  cleanUp.push(() => engine.stop());
  const screen = await client();
  const documents = [
    [
      'connection',
      makeConnection({ id: 'c', name: 'c', settings: { host: '127.0.0.1', port: simulator.port, ...link } }),
    ],
    [
      'device',
      makeDevice({
        id: 'd',
        connectionId: 'c',
        name: 'd',
        settings: { unitId: 1, responseTimeoutMs: 300, ...settings },
      }),
    ],
    ['tag', makeTag({ id: 't', deviceId: 'd', name: 't', address: '400101', type: 'float32', periodMs: 50 })],
  ] as const;
  await screen.project.commit({
    changes: documents.map(([kind, document]) => ({ kind, id: document.id, document, expected: null })),
  });
  return { simulator, screen };
}

/** A float32 in the order CDAB. */
function swapped(value: number): [number, number] {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return [view.getUint16(2), view.getUint16(0)];
}

async function scan(screen: EngineClient, ranges: readonly (readonly [string, number, number])[], every = false) {
  let last: ScanItem | undefined;
  const input = { deviceId: 'd', every, ranges: ranges.map(([area, first, end]) => ({ area, first, last: end })) };
  for await (const item of screen.looking.scan(input)) last = item;
  return last!;
}
const rangesOf = ({ found }: ScanItem) => found.map(({ area, from, to }) => `${area} ${from} ${to}`);

const tag = { address: '400101', type: 'float32', order: null, scaling: null, range: null } as const;

describe('the word-order resolver', () => {
  it('puts the order first that a live value has, with neighbours and reasons, and asks once a look', async () => {
    const image = createRegisterImage({ everything: true });
    const { screen, simulator } = await start(image);
    await screen.project.commit({ changes: [{ kind: 'tag', id: 't', document: null, expected: 1 }] });
    const before = simulator.control.requests().length;
    let item: ResolutionItem | undefined;
    let value = 812.4;
    image.setRegisters('holding', 100, swapped(value));
    for await (item of screen.looking.resolve({ deviceId: 'd', tag, periodMs: 0 })) {
      value += Math.sin(item.looks) * 3;
      image.setRegisters('holding', 100, swapped(value));
      if (item.looks >= 6) break;
    }
    const own = item!.places.find(({ shift }) => shift === 0)!;
    expect(own.candidates[0]).toMatchObject({ type: 'float32', order: 'CDAB', address: '400101', score: 1 });
    expect(own.candidates[0]!.reasons[0]).toMatch(/^changes by at most 0\.\d %/);
    expect(own.candidates.filter(({ current }) => current)).toMatchObject([{ type: 'float32', order: 'ABCD' }]);
    expect(item!.places.map(({ shift, address }) => [shift, address])).toEqual([
      [-1, '400100'],
      [0, '400101'],
      [1, '400102'],
    ]);
    expect(item!.moved).toBe(true);
    expect(simulator.control.requests().length - before).toBeLessThanOrEqual(7);
  }, 20_000);

  it('reads as far as the device goes, and says what it refuses', async () => {
    const image = createRegisterImage();
    image.setRegisters('holding', 100, [0x41c8, 0]);
    const { screen } = await start(image);
    for await (const item of screen.looking.resolve({ deviceId: 'd', tag, periodMs: 0 })) {
      const own = item.places.find(({ shift }) => shift === 0)!;
      expect(own.bytes).toHaveLength(4);
      expect(own.candidates.find(({ current }) => current)).toMatchObject({ value: 25 });
      expect(own.candidates.some(({ type }) => type === 'float64')).toBe(false);
      expect(item.places.some(({ shift }) => shift === -1)).toBe(false);
      break;
    }
    for await (const item of screen.looking.resolve({
      deviceId: 'd',
      tag: { ...tag, address: '400301' },
      periodMs: 0,
    })) {
      expect(item.problem).toContain('exception 2, illegal data address');
      break;
    }
    const coil = screen.looking.resolve({
      deviceId: 'd',
      tag: { ...tag, address: '000001', type: 'bit' },
      periodMs: 0,
    });
    await expect(coil[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'config.invalid' });
  }, 20_000);

  it('says that a device is away, and goes on when it is back', async () => {
    const image = createRegisterImage({ everything: true });
    const { screen, simulator } = await start(image);
    let away = false;
    let back = 0;
    let down: Promise<void> | null = null;
    for await (const item of screen.looking.resolve({ deviceId: 'd', tag, periodMs: 0 })) {
      if (item.looks === 2 && down === null) down = simulator.control.restart(1_500);
      if (item.problem !== null) away = true;
      else if (away) back++;
      if (back === 2) break;
    }
    expect(away).toBe(true);
    await down;
  }, 30_000);

  it('moves the addresses of all tags of a device by one', async () => {
    const { screen } = await start(createRegisterImage({ everything: true }), { forbidden: ['HR501-HR510'] });
    const tags = [
      makeTag({ id: 'a', deviceId: 'd', name: 'a', address: '400110.3', type: 'bit' }),
      makeTag({ id: 'b', deviceId: 'd', name: 'b', address: '400200:string20', type: 'string' }),
      makeTag({ id: 'e', deviceId: 'd', name: 'e', address: '000001', type: 'bit' }),
    ];
    await screen.project.commit({
      changes: tags.map((document) => ({ kind: 'tag' as const, id: document.id, document, expected: null })),
    });
    expect(await screen.looking.moved({ deviceId: 'd', shift: -1 })).toEqual({
      settings: null,
      tags: [
        { id: 't', address: '400100' },
        { id: 'a', address: '400109.3' },
        { id: 'b', address: '400199:string20' },
      ],
      stay: ['e'],
    });
    const on = await screen.looking.moved({ deviceId: 'd', shift: 1 });
    expect(on.tags[0]).toEqual({ id: 't', address: '400102' });
    // What is never read stays where it is, though names count from zero now.
    expect(on.settings).toMatchObject({ addressBase: 'zero', forbidden: ['400501-400510'] });
  });
});

describe('bytes that a device tells by itself', () => {
  it('are resolved as those that are asked for', async () => {
    const port = await freeUdpPort();
    const data = Buffer.alloc(16);
    data.writeFloatBE(0, 4);
    const producer = await startEgdProducer({
      producerId: '10.0.0.1',
      host: '127.0.0.1',
      port,
      exchanges: [{ id: 5, periodMs: 50, data }],
    });
    cleanUp.push(() => producer.close());
    const { engine, client } = await startEngine(temporaryDirectory());
    cleanUp.push(() => engine.stop());
    const screen = await client();
    const documents = [
      [
        'connection',
        makeConnection({ id: 'c', name: 'c', protocol: 'egd', settings: { port, localAddress: '127.0.0.1' } }),
      ],
      [
        'device',
        makeDevice({ id: 'd', connectionId: 'c', name: 'd', settings: { producerId: '10.0.0.1', exchangeId: 5 } }),
      ],
      ['tag', makeTag({ id: 't', deviceId: 'd', name: 't', address: '4', type: 'float32' })],
    ] as const;
    await screen.project.commit({
      changes: documents.map(([kind, document]) => ({ kind, id: document.id, document, expected: null })),
    });
    let value = 97.3;
    let item: ResolutionItem | undefined;
    for await (item of screen.looking.resolve({ deviceId: 'd', tag: { ...tag, address: '4' }, periodMs: 0 })) {
      value += Math.sin(item.looks);
      data.writeFloatBE(value, 4);
      if (item.looks >= 8) break;
    }
    const own = item!.places.find(({ shift }) => shift === 0)!;
    expect(own.candidates[0]).toMatchObject({ type: 'float32', order: 'ABCD', address: '4' });
    expect(own.candidates.find(({ current }) => current)).toMatchObject({ type: 'float32', order: 'DCBA' });
  }, 30_000);
});

describe('what was recorded with a wrong order', () => {
  it('is read in the right one, in the history by itself and in recordings when asked for', async () => {
    const image = createRegisterImage({ everything: true });
    image.setRegisters('holding', 100, swapped(812.5));
    const { screen } = await start(image);
    await screen.recording.start({ name: 'one', tagIds: ['t'], preTriggerS: 0 });
    await new Promise((resolve) => setTimeout(resolve, 700));
    await screen.recording.stop();
    let recording: { readonly id: string } | undefined;
    for await (const { files } of screen.recording.files(undefined)) {
      recording = files[0];
      if (recording !== undefined) break;
    }
    const last = async (source: string): Promise<number | null> =>
      (await screen.history.neighbours({ source, tag: 't', time: 4e15 })).before?.value ?? null;
    const opened = await screen.recording.open({ id: recording!.id, path: null });
    expect(await last(opened.id)).not.toBe(812.5);
    await screen.project.commit({
      changes: [
        {
          kind: 'tag',
          id: 't',
          document: makeTag({
            id: 't',
            deviceId: 'd',
            name: 't',
            address: '400101',
            type: 'float32',
            order: 'CDAB',
            periodMs: 50,
          }),
          expected: 1,
        },
      ],
    });
    let done: { readonly changed: readonly string[]; readonly refused: readonly string[] } | undefined;
    for await (done of screen.looking.reread({ tagId: 't' }));
    expect(done).toMatchObject({ changed: ['one'], refused: [] });
    expect(await last(opened.id)).toBe(812.5);
    await screen.recording.close({ id: opened.id });
    const again = await screen.recording.open({ id: recording!.id, path: null });
    expect(again.damage).toEqual([]);
    expect(await last(again.id)).toBe(812.5);
    await expect.poll(() => last('history')).toBe(812.5);

    // Registers that were never stored can't be made up.
    await screen.project.commit({
      changes: [
        {
          kind: 'tag',
          id: 't',
          document: makeTag({ id: 't', deviceId: 'd', name: 't', address: '400101', type: 'float64', periodMs: 50 }),
          expected: 2,
        },
      ],
    });
    for await (done of screen.looking.reread({ tagId: 't' }));
    expect(done!.changed).toEqual([]);
    expect(done!.refused).toEqual(['one: "t" was recorded as float32, which holds other bytes than float64 needs.']);
  }, 30_000);
});

describe('a scan', () => {
  function islands(): RegisterImage {
    const image = createRegisterImage();
    image.setRegisters(
      'holding',
      0,
      Array.from({ length: 40 }, (_, i) => i),
    );
    image.setRegisters(
      'holding',
      300,
      Array.from({ length: 250 }, (_, i) => 1000 + i),
    );
    image.setRegisters('input', 1000, [7, 8, 9]);
    return image;
  }

  it('finds the ranges of all tables with few requests, and what they hold', async () => {
    const { screen, simulator } = await start(islands());
    const before = simulator.control.requests().length;
    const result = await scan(screen, [
      ['holding', 0, 1999],
      ['input', 0, 1999],
      ['coil', 0, 1999],
      ['discrete', 0, 1999],
    ]);
    expect(rangesOf(result)).toEqual(['holding 400001 400040', 'holding 400301 400550', 'input 301001 301003']);
    expect(result.found[1]!.values.slice(0, 3)).toEqual([1000, 1001, 1002]);
    expect(result.done).toBe(1);
    expect(result.says).toContain('293 places in 3 ranges');
    expect(simulator.control.requests().length - before).toBeLessThan(700);
  }, 30_000);

  it('looks at every place when asked to, and finds a single register among refused ones', async () => {
    const image = createRegisterImage();
    image.setRegisters('holding', 77, [4711]);
    const { screen } = await start(image);
    expect(rangesOf(await scan(screen, [['holding', 0, 249]]))).toEqual([]);
    expect(rangesOf(await scan(screen, [['holding', 0, 249]], true))).toEqual(['holding 400078 400078']);
  }, 30_000);

  it('ends with a clear sentence where nobody answers, and stops when it is cancelled', async () => {
    const { screen, simulator } = await start(islands());
    const abort = new AbortController();
    const stream = screen.looking.scan(
      { deviceId: 'd', every: true, ranges: [{ area: 'holding', first: 0, last: 65_535 }] },
      { signal: abort.signal },
    );
    await expect(
      (async () => {
        for await (const _ of stream) abort.abort();
      })(),
    ).rejects.toMatchObject({ code: 'rpc.cancelled' });
    const after = simulator.control.requests().filter(({ count }) => count > 2).length;
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(simulator.control.requests().filter(({ count }) => count > 2).length - after).toBeLessThanOrEqual(1);
    simulator.control.set({ dropEvery: 1 });
    await expect(scan(screen, [['holding', 0, 999]])).rejects.toMatchObject({
      code: expect.stringMatching(/^protocol\./),
    });
  }, 30_000);

  it('keeps the polls of the link running', async () => {
    const { screen, simulator } = await start(islands());
    const polls = () => simulator.control.requests().filter(({ offset }) => offset === 100).length;
    const [before, began] = [polls(), performance.now()];
    await scan(screen, [['holding', 0, 3999]]);
    const seconds = (performance.now() - began) / 1000;
    // One poll every 50 ms is wanted.
    expect(polls() - before).toBeGreaterThan(seconds * 20 * 0.7);
  }, 30_000);
});
