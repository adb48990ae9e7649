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

  it('brings connections and devices with their settings into another project', async () => {
    const screen = await start();
    const documents: DocumentChange[] = [];
    const odd: Readonly<Record<string, { readonly link: object; readonly device: object }>> = {
      modbus: {
        link: { host: '192.0.2.1', port: 1502, framing: 'rtu-over-tcp' },
        device: { unitId: 7, wordOrder: 'CDAB', oneValuePerRequest: true, forbidden: ['HR5-HR9', '400101'] },
      },
      // Empty is another way than the one that a new device has.
      'ethernet-ip': { link: { host: '192.0.2.2' }, device: { route: '', multiple: false, connection: 'small' } },
      egd: { link: { groups: ['224.0.7.1', '224.0.7.2'] }, device: { producerId: '192.0.2.3', exchangeId: 7 } },
    };
    for (const [protocol, { link, device }] of Object.entries(odd)) {
      const connection = {
        ...{ id: `c-${protocol}`, name: `=Link, ${protocol}`, protocol, enabled: false, demo: false },
        settings: { ...link },
      };
      const unit = {
        ...{ id: `${protocol}-device`, connectionId: connection.id, name: 'PLC; "1"', enabled: true },
        settings: { ...device },
      };
      documents.push(added('connection', connection), added('device', unit));
      for (const [index, one] of addresses[protocol]!.entries()) {
        documents.push(added('tag', tagOf(unit.id, `${protocol}-${index}`, one)));
      }
    }
    await screen.project.commit({ changes: documents });
    const { text } = await screen.tags.exportCsv({ tagIds: null });
    await running!.engine.stop();

    const other = await start();
    const input = { text, format: null, deviceId: null, assigned: {} };
    const first = await firstItem(other.tags.previewImport(input));
    expect(first.rows.map(({ status, reason }) => [status, reason])).toEqual(first.rows.map(() => ['new', null]));
    expect(first.unknownColumns).toEqual([]);
    expect(first.devices.map(({ name, connection, deviceId }) => [name, connection, deviceId])).toEqual(
      Object.keys(odd).map((protocol) => ['PLC; "1"', `=Link, ${protocol}`, null]),
    );
    for (const [protocol, { link, device }] of Object.entries(odd)) {
      const connection = first.made.connections.find((one) => one.protocol === protocol)!;
      expect(connection).toMatchObject({ name: `=Link, ${protocol}`, settings: link });
      expect(first.made.devices.find(({ connectionId }) => connectionId === connection.id)?.settings).toMatchObject(
        device,
      );
    }
    await other.project.commit({
      changes: [
        ...first.made.connections.map((one) => added('connection', { ...one, enabled: false })),
        ...first.made.devices.map((one) => added('device', one)),
        ...first.rows.map(({ tag }) => added('tag', tag!)),
      ],
    });
    // Now it is there, and comes out as it came in but for what settings had been left at their defaults.
    const second = await firstItem(other.tags.previewImport(input));
    expect(second.made).toEqual({ connections: [], devices: [] });
    expect(second.notes).toEqual([]);
    // What is there by its own name needs no choice.
    expect(second.devices).toEqual([]);
    expect(new Set(second.rows.map(({ status }) => status))).toEqual(new Set(['same']));
    const { text: again } = await other.tags.exportCsv({ tagIds: null });
    const third = await firstItem(other.tags.previewImport({ ...input, text: again }));
    expect(new Set(third.rows.map(({ status }) => status))).toEqual(new Set(['same']));
    // Another port in the list than in the project is told, and the project's stays.
    const moved = await firstItem(other.tags.previewImport({ ...input, text: text.replaceAll(',1502,', ',1503,') }));
    expect(moved.notes).toEqual([expect.stringMatching(/=Link, modbus .* has other settings in the project/s)]);
    expect(moved.made.devices).toEqual([]);
  });

  it('says row by row what is wrong with settings', async () => {
    const screen = await start();
    const list = (rows: readonly string[]): Promise<{ readonly rows: readonly { readonly reason: string | null }[] }> =>
      firstItem(
        screen.tags.previewImport({
          text: ['name,connection,device,address,type,protocol,connection.host,device.unitId', ...rows].join('\n'),
          ...{ format: null, deviceId: null, assigned: {} },
        }),
      );
    const { rows } = await list([
      'a,Mill,Drive,400001,int16,modbus,192.0.2.1,3',
      'b,Mill,Drive,400002,int16,,,',
      'c,Mill,Drive,400003,int16,modbus,192.0.2.1,4',
      'd,Mill,Pump,400001,int16,modbus,192.0.2.1,300',
      'e,Hall,Pump,400001,int16,s7,192.0.2.1,3',
      'f,Nowhere,Pump,400001,int16,,,',
      'g,Mill,Fan,400001,int16,modbus,192.0.2.1,five',
      'h,,Fan,400001,int16,modbus,192.0.2.1,5',
      `i,Mill,${'x'.repeat(300)},400001,int16,modbus,192.0.2.1,5`,
      'j,Mill,"a\nb",400001,int16,modbus,192.0.2.1,5',
    ]);
    expect(rows.map(({ reason }) => reason)).toEqual([
      null,
      null,
      expect.stringContaining('Line 2 has other settings for the same device.'),
      expect.stringContaining('Unit ids are 0 to 255.'),
      expect.stringMatching(/"s7"/),
      expect.stringContaining('There is no device "Pump"'),
      expect.stringMatching(/The device "Fan" cannot be made: .*number/),
      expect.stringContaining('There is no device "Fan"'),
      expect.stringContaining('at most 200 characters'),
      expect.stringContaining('Line breaks and control characters are not allowed.'),
    ]);
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
