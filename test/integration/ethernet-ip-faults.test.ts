import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { systemClock } from '#engine/platform/index.ts';
import { isBad, QUALITY } from '#shared/model/index.ts';
import { createTagMemory } from '#simulators/ethernet-ip/index.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { createCollector, createDriverContext } from '#test/support/sample-collector.ts';
import { closeAll, driver, type RigOptions, signal, startRig, startServer, type Wanted } from './ethernet-ip.ts';

const GOOD = QUALITY.good;
/** 300 numbers, of which the value is the number. */
const many: RigOptions = {
  prepare(memory) {
    for (let n = 0; n < 300; n++) {
      memory.define(`Tag${n}`, 'DINT');
      memory.set(`Tag${n}`, n);
    }
  },
};
const manyTags: readonly Wanted[] = Array.from({ length: 300 }, (_, n) => [`Tag${n}`, 'int32'] as const);
const manyValues = manyTags.map((_, n) => ({ value: n, quality: GOOD }));

/** A long array, a long text and a text type of the user. */
const long: RigOptions = {
  prepare(memory) {
    memory.define('Long', 'DINT', [3000]);
    for (let n = 0; n < 3000; n++) memory.set(`Long[${n}]`, n * 7);
    memory.defineType('Text700', [
      { name: 'LEN', type: 'DINT' },
      { name: 'DATA', type: 'SINT', length: 700 },
    ]);
    memory.define('Story', 'Text700');
    memory.set('Story', 'x'.repeat(699));
    memory.define('Short', 'Text700');
    memory.set('Short', 'short');
    memory.defineType('Pair', [
      { name: 'First', type: 'DINT' },
      { name: 'Second', type: 'REAL' },
    ]);
    memory.define('Pair', 'Pair');
  },
};
const longTags: readonly Wanted[] = Array.from({ length: 3000 }, (_, n) => [`Long[${n}]`, 'int32'] as const);
const longValues = longTags.map((_, n) => ({ value: n * 7, quality: GOOD }));
const texts: readonly Wanted[] = [
  ['Story', 'string'],
  ['Short', 'string'],
];
const textValues = [
  { value: 'x'.repeat(699), quality: GOOD },
  { value: 'short', quality: GOOD },
];

describe('the way to a controller', () => {
  guardLeaks();
  closeAll();

  it('is a large connection, a small one, or none, as the controller gives it', async () => {
    for (const [faults, bytes, device] of [
      [{}, 4002, {}],
      [{ noLargeForwardOpen: true }, 504, {}],
      [{ lacks: [] }, 504, { connection: 'small' }],
      [{ refuseForwardOpen: [1, 0x113] }, 0, {}],
      [{}, 0, { connection: 'none' }],
    ] as const) {
      const rig = await startRig({ ...many, faults, device });
      expect(await rig.read(manyTags)).toEqual(manyValues);
      const longest = Math.max(...rig.traffic.frames.map((frame) => frame.bytes.length));
      if (bytes > 0) {
        expect(rig.server.connections).toBe(1);
        expect(longest).toBeLessThanOrEqual(bytes + 44);
        expect(longest).toBeGreaterThan(bytes * 0.8);
        expect(rig.connection.notice?.()).toBeNull();
      } else {
        expect(rig.server.connections).toBe(0);
        expect(longest).toBeLessThanOrEqual(544);
        if (!('connection' in device)) expect(rig.connection.notice?.()).toMatch(/no more connections/);
      }
      await rig.connection.close();
      expect(rig.server.connections).toBe(0);
    }
  });

  it('is given back at the end', async () => {
    const { server, connection } = await startRig(many);
    expect(server.connections).toBe(1);
    await connection.close();
    await wait(20);
    expect([server.connections, server.links]).toEqual([0, 0]);
  });

  it('leads to a slot, or straight to a controller without a rack', async () => {
    for (const [slot, route] of [
      [3, '1,3'],
      [null, ''],
    ] as const) {
      for (const connection of ['auto', 'none'] as const) {
        const rig = await startRig({ ...many, slot, device: { route, connection } });
        expect(await rig.read(manyTags)).toEqual(manyValues);
      }
    }
  });

  it('to a slot without a controller makes tags bad by name, and the link goes on', async () => {
    const { read, server } = await startRig({ ...many, slot: 3, device: { route: '1,2' } });
    const [sample] = await read([['Tag1', 'int32']]);
    expect(driver.statusName(sample!.quality & 0x7f)).toMatch(/status 0x01\/0x0311/);
    expect((await read(manyTags)).every(({ quality }) => isBad(quality))).toBe(true);
    expect(server.accepted).toBe(1);
  });
});

describe('a connection in the controller', () => {
  guardLeaks();
  closeAll();

  it('that it has forgotten is told after one time-out, and opened anew in the next poll', async () => {
    const { server, read, lines } = await startRig(many);
    expect(await read(manyTags)).toEqual(manyValues);
    server.faults = { forgetConnections: true };
    const started = performance.now();
    await expect(read(manyTags)).rejects.toMatchObject({ code: 'protocol.timeout', retryable: true });
    expect(performance.now() - started).toBeLessThan(1.5 * 300);
    server.faults = {};
    server.clear();
    expect(await read(manyTags)).toEqual(manyValues);
    expect(server.services().every(({ connected }) => connected)).toBe(true);
    expect(lines.join(' ')).toMatch(/a new one is opened/);
    expect(server.accepted).toBe(1);
  });

  it('that was not used for so long that it must be forgotten is opened anew without a try', async () => {
    let later = 0;
    const clock = { ...systemClock(), monotonicMs: () => performance.now() + later };
    const { server, read } = await startRig({ ...many, clock });
    expect(await read(manyTags)).toEqual(manyValues);
    later = 50_000;
    expect(await read(manyTags)).toEqual(manyValues);
    expect(server.connections).toBe(1);
    later += 60_000;
    server.clear();
    const started = performance.now();
    expect(await read(manyTags)).toEqual(manyValues);
    expect(performance.now() - started).toBeLessThan(300);
    // The simulated controller forgets nothing by itself.
    expect(server.connections).toBe(2);
    expect(server.services().every(({ connected }) => connected)).toBe(true);
  });

  it.each([{ forgetConnections: true }, { wrongSequence: true }])(
    'that never answers (%j) is done without',
    async (faults) => {
      const { server, read } = await startRig({ ...many, device: { responseTimeoutMs: 100 } });
      server.faults = faults;
      await expect(read(manyTags)).rejects.toMatchObject({ code: 'protocol.timeout' });
      for (let turn = 0; turn < 2; turn++) {
        server.clear();
        expect(await read(manyTags)).toEqual(manyValues);
        expect(server.services().every(({ connected }) => !connected)).toBe(true);
      }
    },
  );
});

describe('what a controller does not know', () => {
  guardLeaks();
  closeAll();

  it.each([
    [{ lacks: [0x0a] }, {}],
    [{ lacks: [0x52] }, {}],
    [{ lacks: [0x0a, 0x52] }, { connection: 'small' }],
    [{ lacks: [0x5b, 0x54] }, {}],
    [{}, { multiple: false }],
  ])('is noticed: %j, settings %j', async (faults, device) => {
    const rig = await startRig({
      prepare(memory) {
        many.prepare?.(memory);
        long.prepare?.(memory);
      },
      // Without a rack, so that a service without connection is not taken for the way through it.
      slot: null,
      faults,
      device,
    });
    for (let turn = 0; turn < 2; turn++) {
      rig.server.clear();
      expect(await rig.read(manyTags)).toEqual(manyValues);
      expect(await rig.read(longTags)).toEqual(longValues);
      const [, short] = await rig.read(texts);
      expect(short).toEqual(textValues[1]);
    }
    // Known by the second turn, it is not tried again.
    if ('multiple' in device || ('lacks' in faults && faults.lacks.includes(0x0a))) {
      expect(rig.server.services().filter(({ service }) => service === 0x0a)).toEqual([]);
    }
  });
});

describe('values', () => {
  guardLeaks();
  closeAll();

  it('longer than an answer come in parts', async () => {
    for (const device of [{}, { connection: 'small' }, { connection: 'none' }]) {
      const { read } = await startRig({ ...long, device });
      for (let turn = 0; turn < 2; turn++) {
        expect(await read(texts)).toEqual(textValues);
        expect(await read(longTags)).toEqual(longValues);
      }
    }
  });

  it('of answers that are shorter than agreed come all the same', async () => {
    const { read } = await startRig({ ...long, device: { connection: 'none' }, unconnectedLimit: 200 });
    expect(await read(texts)).toEqual(textValues);
    expect(await read(longTags)).toEqual(longValues);
  });

  it.each(['auto', 'small', 'none'])(
    'take as many requests and bytes as the plan says: connection %s',
    async (kind) => {
      const rig = await startRig({
        prepare(memory) {
          many.prepare?.(memory);
          long.prepare?.(memory);
          memory.define('Flags', 'BOOL', [128]);
          for (let n = 0; n < 128; n += 3) memory.set(`Flags[${n}]`, true);
        },
        device: { connection: kind },
      });
      const wanted: readonly Wanted[] = [
        ...manyTags,
        ...longTags.slice(100, 400),
        ...Array.from({ length: 128 }, (_, n) => [`Flags[${n}]`, 'bit'] as const),
        ['Long[100].3', 'bit'],
      ];
      const plan = rig.connection.plan('device', rig.bind(wanted));
      await rig.connection.poll(plan, createCollector(), signal);
      rig.server.clear();
      rig.traffic.bytes = 0;
      const sink = createCollector();
      await rig.connection.poll(plan, sink, signal);
      expect(sink.samples.every(({ quality }) => quality === GOOD)).toBe(true);
      expect(sink.one(300 + 300 + 3).value).toBe(1);
      expect(sink.one(300 + 300 + 4).value).toBe(0);
      expect(rig.traffic.bytes).toBe(plan.bytes);
      expect(rig.server.messages).toBe(plan.requests);
      const reads = rig.server.services().filter(({ service }) => service === 0x4c).length;
      // 300 tags, one array of 300 and one of BOOL, as few pieces as fit.
      expect(reads).toBe(kind === 'auto' ? 302 : 304);
      expect(plan.requests).toBeLessThanOrEqual(kind === 'auto' ? 3 : 16);
    },
  );

  it('of another type than the tag are bad with words, never a wrong number', async () => {
    const rig = await startRig({
      ...long,
      tags: [
        ['Speed', 'REAL'],
        ['Count', 'DINT'],
        ['Small', 'SINT'],
        ['Switch', 'BOOL'],
        ['Title', 'STRING'],
        ['Arr', 'DINT', [100]],
      ],
    });
    const wanted: readonly (readonly [string, Wanted[1], RegExp])[] = [
      ['Speed', 'int32', /Speed .*it is REAL in the controller and int32 here. Set its type to float32/],
      ['Count', 'float32', /Set its type to int32/],
      ['Count', 'uint32', /Set its type to int32/],
      ['Count', 'int64', /Set its type to int32/],
      ['Count', 'bit', /Name one of its bits, such as Count.0/],
      ['Count', 'string', /Set its type to int32/],
      ['Small.9', 'bit', /it is SINT in the controller, with bits 0 to 7/],
      ['Speed.3', 'bit', /Leave ".3" out and set its type to float32/],
      ['Switch', 'uint8', /Set its type to bit/],
      ['Title', 'int32', /it is a text in the controller. Set its type to string/],
      ['Pair', 'int32', /it is a structure in the controller. Name one of its members/],
      ['Pair', 'string', /not a text with LEN and DATA/],
      ['Arr[40]', 'bit', /Name one of its bits, such as Arr\[40\].0/],
      ['Arr[41]', 'float64', /Set its type to int32/],
    ];
    const samples = await rig.read(wanted.map(([address, type]) => [address, type] as const));
    expect(samples.map(({ quality }) => quality)).toEqual(wanted.map(() => QUALITY.badConfiguration));
    for (const [, , words] of wanted) expect(rig.lines.join('\n')).toMatch(words);
    const before = rig.lines.length;
    await rig.read(wanted.map(([address, type]) => [address, type] as const));
    expect(rig.lines.length).toBe(before);
    expect(
      await rig.read([
        ['Arr[41]', 'int32'],
        ['speed', 'float32'],
      ]),
    ).toEqual([
      { value: 0, quality: GOOD },
      { value: 0, quality: GOOD },
    ]);
  });

  it('refused are bad by name, alone, also in the middle and at the end of an array', async () => {
    const rig = await startRig({ ...long, faults: { refused: { Story: [0x0f], Pair: [0xff, 0x2107] } } });
    const wanted: readonly Wanted[] = [
      ...longTags.slice(2990),
      ['Long[3000]', 'int32'],
      ['Long[3001]', 'int32'],
      ['Story', 'string'],
      ['Pair', 'int32'],
      ['Nothing', 'int32'],
      ['Short', 'string'],
    ];
    for (let turn = 0; turn < 3; turn++) {
      const samples = await rig.read(wanted);
      expect(samples.slice(0, 10)).toEqual(longValues.slice(2990));
      expect(samples.slice(10).map(({ quality }) => driver.statusName(quality & 0x7f))).toEqual([
        'status 0xFF/0x2105, beyond the end of the tag: the index is too large',
        'status 0xFF/0x2105, beyond the end of the tag: the index is too large',
        'status 0x0F, privilege violation: the tag does not allow external access',
        'status 0xFF/0x2107, the type does not match the tag',
        'status 0x05, path destination unknown: no such tag or member',
        undefined,
      ]);
      expect(samples.at(-1)).toEqual(textValues[1]);
    }
    expect(rig.server.accepted).toBe(1);
    // What was refused is known: the other elements go together again, those two by themselves.
    rig.server.clear();
    await rig.read(wanted.slice(0, 12));
    expect(rig.server.services().filter(({ service }) => service === 0x4c).length).toBe(3);
    expect(rig.server.messages).toBe(1);
    rig.server.faults = {};
    expect((await rig.read([['Story', 'string']]))[0]).toEqual(textValues[0]);
  });
});

describe('a controller that keeps each BOOL of an array by itself', () => {
  guardLeaks();
  closeAll();

  it('gives the one that is meant, in the first poll and in later ones', async () => {
    const { read, server } = await startRig({
      memory: createTagMemory({ packBools: false }),
      slot: null,
      prepare(memory) {
        memory.define('Flags', 'BOOL', [100]);
        for (const n of [0, 37, 99]) memory.set(`Flags[${n}]`, true);
      },
    });
    const wanted = Array.from({ length: 100 }, (_, n) => [`Flags[${n}]`, 'bit'] as const);
    for (let turn = 0; turn < 2; turn++) {
      const samples = await read(wanted);
      expect(samples.flatMap(({ value }, n) => (value === 1 ? [n] : []))).toEqual([0, 37, 99]);
      expect(samples.every(({ quality }) => quality === GOOD)).toBe(true);
    }
    server.clear();
    await read(wanted);
    expect(server.services().length).toBe(1);
  });
});

describe('disturbed links', () => {
  guardLeaks();
  closeAll();

  it.each([{ splitBytes: true }, { mergeAnswers: 2 }, { twice: true }, { delayMs: 30 }])(
    '%j changes nothing',
    async (faults) => {
      const { server, read } = await startRig({ ...many, device: { responseTimeoutMs: 2_000 } });
      server.faults = faults;
      // Twice: what came doubled to one request must not be taken for the answer to the next.
      expect(await read(manyTags)).toEqual(manyValues);
      expect(await read(manyTags.slice(5))).toEqual(manyValues.slice(5));
    },
  );

  it('an answer under another context or session is of nobody', async () => {
    for (const [faults, connection] of [
      [{ wrongContext: true }, 'none'],
      [{ wrongSession: true }, 'none'],
      [{ wrongSession: true }, 'large'],
    ] as const) {
      const { server, read } = await startRig({ ...many, device: { connection, responseTimeoutMs: 100 } });
      server.faults = faults;
      await expect(read(manyTags)).rejects.toMatchObject({ code: 'protocol.timeout' });
      await expect(read(manyTags)).rejects.toThrow(/unrelated answers? came/);
      server.faults = {};
      expect(await read(manyTags)).toEqual(manyValues);
    }
  });

  it('a late answer is never taken for another', async () => {
    for (const connection of ['none', 'auto']) {
      const rig = await startRig({ ...many, device: { connection, responseTimeoutMs: 200 } });
      rig.server.faults = { delayMs: 60 };
      const controller = new AbortController();
      const first = rig.read([['Tag1', 'int32']], controller.signal);
      const ended = expect(first).rejects.toThrow('no more');
      await wait(15);
      controller.abort(new Error('no more'));
      await ended;
      // The answer to Tag1 comes while Tag2 is waited for.
      expect(await rig.read([['Tag2', 'int32']])).toEqual([{ value: 2, quality: GOOD }]);
    }
  });

  it.each([
    [{ garbage: true }, /not EtherNet\/IP/],
    [{ cutMidAnswer: true }, /the controller closed it/],
    [{ encapsulationStatus: 0x64 }, /no longer knows the session/],
  ])('%j is protocol.link-lost at once', async (faults, words) => {
    const { server, read } = await startRig(many);
    server.faults = faults;
    const started = performance.now();
    const work = read(manyTags);
    await expect(work).rejects.toMatchObject({ code: 'protocol.link-lost', retryable: true });
    await expect(read(manyTags)).rejects.toThrow(words);
    expect(performance.now() - started).toBeLessThan(250);
  });

  it('a link that is closed after each answer is lost with the next request', async () => {
    const { server, read } = await startRig({ ...many, device: { connection: 'none' } });
    server.faults = { closeAfterAnswer: true };
    await expect(read(manyTags)).rejects.toMatchObject({ code: 'protocol.link-lost' });
  });

  it('an encapsulation refused in other words is protocol.bad-answer', async () => {
    const { server, read } = await startRig(many);
    server.faults = { encapsulationStatus: 3 };
    await expect(read(manyTags)).rejects.toMatchObject({ code: 'protocol.bad-answer', retryable: true });
    server.faults = {};
    expect(await read(manyTags)).toEqual(manyValues);
  });

  it('an answer that is missing now and then costs the poll that it belongs to', async () => {
    const { server, read } = await startRig({ ...many, device: { connection: 'small', responseTimeoutMs: 100 } });
    server.faults = { dropEvery: 5 };
    await expect(read(manyTags)).rejects.toMatchObject({ code: 'protocol.timeout' });
    server.faults = {};
    expect(await read(manyTags)).toEqual(manyValues);
  });

  it('a controller that left five requests unanswered is a lost link', async () => {
    const { server, read } = await startRig({ ...many, device: { connection: 'none', responseTimeoutMs: 20 } });
    expect(await read(manyTags)).toEqual(manyValues);
    server.faults = { silent: true };
    for (let turn = 0; turn < 4; turn++) {
      await expect(read(manyTags)).rejects.toMatchObject({ code: 'protocol.timeout' });
    }
    await expect(read(manyTags)).rejects.toMatchObject({ code: 'protocol.link-lost' });
  });

  it.each([
    [{ silent: true }, 'protocol.timeout'],
    [{ garbage: true }, 'protocol.connect-failed'],
    [{ closeAfterAnswer: true }, 'protocol.connect-failed'],
    [{ encapsulationStatus: 0x69 }, 'protocol.connect-failed'],
  ])('%j from the beginning is %s', async (faults, code) => {
    const server = await startServer({ ...many, faults });
    const config = driver.config.parse({ host: server.host, port: server.port, connectTimeoutMs: 200 });
    const devices = new Map([['device', driver.device.parse({ responseTimeoutMs: 100 })]]);
    const work = driver.connect(config, devices, createDriverContext(), signal);
    await expect(work).rejects.toMatchObject({ code, retryable: true });
  });

  it('two controllers behind one host share the link, and a dead path blinds the own one alone', async () => {
    const server = await startServer(many);
    const context = createDriverContext();
    const devices = new Map([
      ['near', driver.device.parse({ responseTimeoutMs: 300 })],
      ['far', driver.device.parse({ route: '1,5', responseTimeoutMs: 300 })],
    ]);
    const config = driver.config.parse({ host: server.host, port: server.port });
    const connection = await driver.connect(config, devices, context, signal);
    if (connection.mode !== 'poll') throw new Error('polled');
    try {
      for (const [id, good] of [
        ['far', false],
        ['near', true],
      ] as const) {
        const { address } = driver.parseAddress('Tag7', devices.get(id));
        const recipe = driver.recipe(
          { type: 'int32', order: null, scaling: null, unit: null },
          address,
          devices.get(id),
        );
        const sink = createCollector();
        await connection.poll(connection.plan(id, [{ index: 0, address, recipe }]), sink, signal);
        expect(isBad(sink.one(0).quality)).toBe(!good);
      }
      expect(server.accepted).toBe(1);
    } finally {
      await connection.close();
    }
  });
});
