import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConnectionDocument, DeviceDocument, DocumentChange, TagDocument } from '#shared/model/index.ts';
import { type EngineClient, firstItem, startEngine, type TestEngine } from '#test/support/engine.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

let running: TestEngine | undefined;
guardLeaks();
afterEach(async () => {
  await running?.engine.stop();
  running = undefined;
});

async function start(): Promise<EngineClient> {
  running = await startEngine(temporaryDirectory());
  return running.client();
}

const added = (
  kind: 'connection' | 'device' | 'tag',
  document: ConnectionDocument | DeviceDocument | TagDocument,
): DocumentChange => ({ kind, id: document.id, document, expected: null }) as DocumentChange;

const settings: Readonly<Record<string, { readonly link: object; readonly device: object }>> = {
  modbus: { link: { host: '192.0.2.1' }, device: {} },
  'ethernet-ip': { link: { host: '192.0.2.2' }, device: { route: '1,0' } },
  egd: { link: {}, device: { producerId: '192.0.2.3', exchangeId: 7 } },
};
const addresses: Readonly<Record<string, readonly (readonly [string, TagDocument['type'], TagDocument['order']])[]>> = {
  modbus: [
    ['400001', 'float32', 'CDAB'],
    ['400010.3', 'bit', null],
    ['400100:string20', 'string', null],
    ['000005', 'bit', null],
  ],
  'ethernet-ip': [
    ['Speed', 'float32', null],
    ['Program:Main.Line.Reels[2].Speed', 'int64', null],
    ['Status.5', 'bit', null],
    ['Arr[1,2]', 'uint32', 'ABCD'],
    ['Recipe', 'string', null],
  ],
  egd: [
    ['0', 'float64', null],
    ['12.3', 'bit', null],
    ['20:string16', 'string', null],
    ['status', 'uint32', null],
  ],
};

function tagOf(deviceId: string, id: string, [address, type, order]: (typeof addresses)[string][number]): TagDocument {
  return {
    id,
    deviceId,
    name: `${deviceId} ${address}`,
    description: 'a "quoted", text',
    address,
    type,
    order,
    scaling: type === 'float32' ? { kind: 'range', rawLow: 0, rawHigh: 27_648, low: -5, high: 5, clamp: true } : null,
    unit: type === 'bit' ? null : 'm/s',
    decimals: type === 'float64' ? 3 : null,
    range: type === 'float32' ? { low: -5, high: 5 } : null,
    periodMs: 250,
    timeKind: deviceId.startsWith('egd') ? 'source' : 'receive',
    enabled: type !== 'int64',
  };
}

describe('the tag list as CSV', () => {
  it('goes out and comes back with the tags of every protocol', async () => {
    const screen = await start();
    const tags: TagDocument[] = [];
    const changes: DocumentChange[] = [];
    for (const [protocol, { link, device }] of Object.entries(settings)) {
      const connection: ConnectionDocument = {
        id: `c-${protocol}`,
        name: `Link ${protocol}`,
        protocol,
        enabled: false,
        demo: false,
        settings: { ...link },
      };
      // All devices have one name: only the column of the connection tells them apart.
      const unit: DeviceDocument = {
        id: `${protocol}-device`,
        connectionId: connection.id,
        name: 'PLC',
        enabled: true,
        settings: { ...device },
      };
      changes.push(added('connection', connection), added('device', unit));
      for (const [index, one] of addresses[protocol]!.entries()) tags.push(tagOf(unit.id, `${protocol}-${index}`, one));
    }
    await screen.project.commit({ changes: [...changes, ...tags.map((tag) => added('tag', tag))] });
    const { text } = await screen.tags.exportCsv({ tagIds: null });
    const again = await firstItem(
      screen.tags.previewImport({ text, format: null, deviceId: null, assigned: {} }),
      () => true,
    );
    expect(again.format).toBe('csv');
    expect(again.rows.map(({ status, reason }) => [status, reason])).toEqual(tags.map(() => ['same', null]));

    // Into a project without them: all but the identity is as before.
    const removed: DocumentChange[] = [];
    await firstItem(screen.project.watch(), ({ complete, changes: seen }) => {
      for (const { kind, id, revision } of seen) {
        if (kind === 'tag') removed.push({ kind, id, document: null, expected: revision });
      }
      return complete;
    });
    expect(removed).toHaveLength(tags.length);
    await screen.project.commit({ changes: removed });
    const anew = await firstItem(screen.tags.previewImport({ text, format: null, deviceId: null, assigned: {} }));
    expect(anew.rows.map(({ tag }) => ({ ...tag, id: '' }))).toEqual(tags.map((tag) => ({ ...tag, id: '' })));
  });
});

describe('a list of another program', () => {
  it('brings its connections, devices and tags, and finds them again', async () => {
    const screen = await start();
    const file = new URL('../golden/tag-lists/telegraf-registers/list.conf', import.meta.url);
    const text = readFileSync(file, 'utf8').replaceAll('192.168.0', '192.0.2');
    const input = { text, format: null, deviceId: null, assigned: {} };
    const first = await firstItem(screen.tags.previewImport(input));
    const made = first.made;
    await screen.project.commit({
      changes: [
        ...made.connections.map((one) => added('connection', { ...one, enabled: false })),
        ...made.devices.map((one) => added('device', one)),
        ...first.rows.flatMap(({ tag }) => (tag === null ? [] : [added('tag', tag)])),
      ],
    });
    const second = await firstItem(screen.tags.previewImport(input));
    expect(second.made).toEqual({ connections: [], devices: [] });
    expect(second.rows.map(({ status }) => status)).toEqual(
      first.rows.map(({ status }) => (status === 'new' ? 'same' : 'bad')),
    );
    expect(first.rows.filter(({ status }) => status === 'new').length).toBeGreaterThan(5);
  });

  it('is not for a viewer', async () => {
    await start();
    const viewer = running!.client('viewer');
    const preview = viewer.tags.previewImport({ text: 'a', format: null, deviceId: null, assigned: {} });
    await expect(firstItem(preview)).rejects.toMatchObject({ code: 'access.denied' });
  });
});
