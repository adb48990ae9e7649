import { describe, expect, it } from 'vitest';
import type { Controller, Heard } from '#engine/protocols/ethernet-ip/controller.ts';
import { createTagList } from '#engine/protocols/ethernet-ip/tag-list.ts';
import type { BrowseNode, PollConnection } from '#engine/protocols/index.ts';
import { childrenOf } from '#test/support/browse.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { closeAll, type RigOptions, signal, startRig } from './ethernet-ip.ts';

const line: RigOptions = {
  prepare(memory) {
    memory.defineType('Motor', [
      { name: 'Running', type: 'BOOL' },
      { name: 'Tripped', type: 'BOOL' },
      { name: 'Current', type: 'REAL' },
    ]);
    memory.defineType('Reel', [
      { name: 'Motors', type: 'Motor', length: 2 },
      { name: 'Name', type: 'STRING' },
      { name: 'Flags', type: 'BOOL', length: 64 },
      { name: 'Drive', type: 'Motor' },
    ]);
    memory.define('Reels', 'Reel', [3]);
    memory.define('Speed', 'REAL');
    memory.define('Title', 'STRING');
    memory.define('Grid', 'INT', [2, 3, 2]);
    memory.define('Long', 'DINT', [1200]);
    memory.define('Bits', 'BOOL', [32]);
    memory.define('Program:Main.Count', 'DINT');
    memory.define('Program:Other.Motor', 'Motor');
  },
};

/** All nodes under one, itself not included. */
async function walk(connection: PollConnection, parent: string | null): Promise<BrowseNode[]> {
  const all: BrowseNode[] = [];
  for (const node of await childrenOf(connection, parent)) {
    all.push(node);
    if (node.hasChildren) all.push(...(await walk(connection, node.id)));
  }
  return all;
}

describe('browsing a controller', () => {
  guardLeaks();
  closeAll();

  it('shows who it is, its programs and its tags', async () => {
    const { connection } = await startRig(line);
    const root = await childrenOf(connection, null);
    expect(root.map(({ name }) => name)).toEqual(['1756-L83E/B simulated, revision 33.11, serial number 00C0FFEE']);
    const top = await childrenOf(connection, root[0]!.id);
    expect(top.map(({ name, typeName, description, address }) => [name, typeName, description, address])).toEqual([
      ['Program:Main', 'program', undefined, null],
      ['Program:Other', 'program', undefined, null],
      ['Bits', 'BOOL[32]', '32 elements', null],
      ['Grid', 'INT[2,3,2]', '12 elements', null],
      ['Long', 'DINT[1200]', '1200 elements', null],
      ['Reels', 'Reel[3]', '3 elements', null],
      ['Speed', 'REAL', '', 'Speed'],
      ['Title', 'STRING', 'text', 'Title'],
    ]);
  });

  it('leads to every value at any depth, and each address can be read', async () => {
    const { connection, bind } = await startRig(line);
    const nodes = await walk(connection, null);
    const addresses = nodes.flatMap(({ address }) => (address === null ? [] : [address]));
    for (const wanted of [
      'Reels[2].Motors[1].Running',
      'Reels[0].Drive.Current',
      'Reels[1].Name',
      'Reels[1].Flags[63]',
      'Grid[1,2,1]',
      'Long[1199]',
      'Bits[31]',
      'Program:Main.Count',
      'Program:Other.Motor.Tripped',
    ]) {
      expect(addresses).toContain(wanted);
    }
    expect(nodes.filter(({ name }) => /ZZZZ/.test(name))).toEqual([]);
    expect(new Set(addresses).size).toBe(addresses.length);
    // 3 reels of 2 motors with 3, a name, 64 flags and 3; 2x3x2; 1200; 32; 2; 1; 3
    expect(addresses.length).toBe(3 * (6 + 1 + 64 + 3) + 12 + 1200 + 32 + 2 + 1 + 3);
    const wanted = nodes.flatMap(({ address, type }) => (address === null ? [] : [[address, type!] as const]));
    const qualities = new Set<number>();
    const push = (_tag: number, _time: number, ...rest: unknown[]): void => void qualities.add(rest.at(-1) as number);
    await connection.poll(connection.plan('device', bind(wanted)), { push, push64: push, pushText: push }, signal);
    expect([...qualities]).toEqual([0]);
  });

  it('knows names of all languages, and reads them', async () => {
    const { connection, read } = await startRig({
      prepare(memory) {
        memory.defineType('Größe', [
          { name: 'Länge', type: 'REAL' },
          { name: '温度', type: 'INT' },
        ]);
        memory.define('Maße', 'Größe', [2]);
        memory.define('Скорость', 'DINT');
        memory.set('Maße[1].Länge', 2.5);
        memory.set('Maße[1].温度', -7);
        memory.set('Скорость', 44);
      },
    });
    const nodes = await walk(connection, 'device');
    const leaves = nodes.flatMap(({ address, type }) => (address === null ? [] : [[address, type!] as const]));
    expect(leaves).toEqual([
      ['Maße[0].Länge', 'float32'],
      ['Maße[0].温度', 'int16'],
      ['Maße[1].Länge', 'float32'],
      ['Maße[1].温度', 'int16'],
      ['Скорость', 'int32'],
    ]);
    expect(nodes.find(({ name }) => name === 'Maße')?.typeName).toBe('Größe[2]');
    expect((await read(leaves)).map(({ value }) => value)).toEqual([0, 0, 2.5, -7, 44]);
    // Case means as little as in ASCII.
    expect(await read([['СКОРОСТЬ', 'int32']])).toEqual([{ value: 44, quality: 0 }]);
  });

  it('means the same by an id on the next connection', async () => {
    const { connection } = await startRig(line);
    expect((await childrenOf(connection, 'device|Reels[1].Motors[0]')).map(({ address }) => address)).toEqual([
      'Reels[1].Motors[0].Running',
      'Reels[1].Motors[0].Tripped',
      'Reels[1].Motors[0].Current',
    ]);
    for (const id of ['device|Nothing', 'device|Speed', 'other', 'device|Reels[1,2,3]', 'device|Program:Nope']) {
      expect((await childrenOf(connection, id)).filter(({ address }) => address !== null)).toEqual([]);
    }
  });

  it('goes on where a list and a definition do not fit into one answer', async () => {
    const { connection, server } = await startRig({
      prepare(memory) {
        memory.defineType(
          'Wide',
          Array.from({ length: 200 }, (_, n) => ({ name: `Member_with_a_long_name_${n}`, type: 'DINT' })),
        );
        memory.define('Big', 'Wide');
        for (let n = 0; n < 700; n++) memory.define(`Tag_${String(n).padStart(3, '0')}`, 'DINT');
      },
      device: { connection: 'none' },
    });
    const top = await childrenOf(connection, 'device');
    expect(top.length).toBe(701);
    expect((await childrenOf(connection, 'device|Big')).map(({ address }) => address)).toEqual(
      Array.from({ length: 200 }, (_, n) => `Big.Member_with_a_long_name_${n}`),
    );
    expect(server.services().filter(({ service }) => service === 0x55).length).toBeGreaterThan(10);
  });

  it('gives a definition up that comes byte by byte', async () => {
    let asked = 0;
    const answer = (service: number, data: Buffer): Heard => ({
      kind: 'reply',
      reply: { service, status: 0, extended: [], data },
    });
    const head = Buffer.alloc(2 + 2 * 8);
    head.writeUInt16LE(2, 0);
    head.writeUInt16LE(4, 2);
    head.writeUInt32LE(200_000, 6);
    head.writeUInt16LE(2, 10);
    head.writeUInt16LE(3, 14);
    const ask = async (message: Buffer): Promise<Heard> => {
      asked++;
      return asked === 1 ? answer(0x03, head) : answer(message[0]!, Buffer.of(1));
    };
    const list = createTagList({ ask, connectionBytes: null } as unknown as Controller);
    expect(await list.template(1, signal)).toBeNull();
    expect(asked).toBe(2);
  });

  it('says in words that there is no list or no identity, and still reads', async () => {
    const { connection, read } = await startRig({
      tags: [['Speed', 'REAL']],
      faults: { noTagList: true, noIdentity: true },
    });
    const [root] = await childrenOf(connection, null);
    expect(root?.name).toBe('Controller at 1,0 that does not tell what it is');
    const top = await childrenOf(connection, root!.id);
    expect(top.length).toBe(1);
    expect(top[0]).toMatchObject({ hasChildren: false, address: null });
    expect(top[0]!.description).toMatch(/Write the names of tags by hand/);
    expect(await read([['Speed', 'float32']])).toEqual([{ value: 0, quality: 0 }]);
  });

  it('shows a controller without the list service as one without a list', async () => {
    const { connection } = await startRig({ tags: [['Speed', 'REAL']], faults: { lacks: [0x55] } });
    expect((await childrenOf(connection, 'device'))[0]!.description).toMatch(/status 0x08, service not supported/);
  });
});
