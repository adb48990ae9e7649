import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { previewTagList, type TagImportPreview, type TagListInput, tagListFormats } from '#engine/project/index.ts';
import { findProtocol } from '#engine/protocols/index.ts';
import { isAppError, refuse } from '#shared/errors.ts';
import type { ConnectionDocument, DeviceDocument, Scaling } from '#shared/model/index.ts';
import { seededRandom } from '#test/support/random.ts';

// A case is a folder: a list as another program writes it, and what the preview must say of it, row by row.

const folder = new URL('./tag-lists/', import.meta.url);
const present: ConnectionDocument = {
  id: 'c1',
  name: 'Here',
  protocol: 'modbus',
  enabled: true,
  demo: false,
  settings: { host: '192.168.0.20', port: 1502 },
};
const device: DeviceDocument = { id: 'd1', connectionId: 'c1', name: 'Meter', enabled: true, settings: { unitId: 3 } };

async function preview(
  text: string,
  input: Partial<TagListInput> = {},
  devices: readonly DeviceDocument[] = [device],
): Promise<TagImportPreview> {
  let ids = 0;
  const driverAt = (one: DeviceDocument, connection: ConnectionDocument | null) => {
    const driver = findProtocol(connection?.protocol ?? 'modbus')!;
    return { driver, settings: driver.device.parse(one.settings) };
  };
  const pages: TagImportPreview[] = [];
  const context = {
    connections: [present],
    devices,
    tags: [],
    resolveAddress(address: string, one: DeviceDocument, connection: ConnectionDocument | null) {
      const { driver, settings } = driverAt(one, connection);
      const parsed = driver.parseAddress(address, settings);
      return { canonical: driver.formatAddress(parsed.address), type: parsed.type, order: parsed.order };
    },
    checkTag: () => undefined,
    readSettings(protocol: string, part: 'connection' | 'device', settings: Readonly<Record<string, unknown>>) {
      const driver = findProtocol(protocol)!;
      const parsed = (part === 'connection' ? driver.config : driver.device).safeParse(settings);
      if (parsed.success) return parsed.data;
      return refuse(part, parsed.error.issues[0]!.message);
    },
    newId: () => `new-${++ids}`,
  };
  const all = { text, format: null, deviceId: 'd1', assigned: {}, ...input };
  for await (const page of previewTagList(all, context, () => null)) pages.push(page);
  return { ...pages[0]!, rows: pages.flatMap(({ rows }) => rows) };
}

const scalingText = (scaling: Scaling | null): string =>
  scaling === null
    ? ''
    : scaling.kind === 'gain'
      ? ` x ${scaling.gain} + ${scaling.offset}`
      : ` ${scaling.rawLow}..${scaling.rawHigh} is ${scaling.low}..${scaling.high}${scaling.clamp ? ' clamped' : ''}`;

function shown({ format, devices, made, notes, rows }: TagImportPreview): string {
  const settings = (record: Readonly<Record<string, unknown>>, names: readonly string[]): string =>
    names.flatMap((name) => (record[name] === undefined ? [] : [`${name}=${record[name]}`])).join(' ');
  const link = ['framing', 'host', 'port', 'path', 'baudRate', 'parity', 'stopBits', 'pauseAfterConnectMs'];
  const unit = ['unitId', 'wordOrder', 'maxRegisters', 'responseTimeoutMs', 'pauseMs', 'route'];
  return [
    `format: ${format}`,
    ...notes.map((note) => `note: ${note}`),
    ...devices.map(
      (one) =>
        `device ${one.key}: ${one.name}, ${one.problem ?? (one.deviceId === null ? 'new' : `is ${one.deviceId}`)}`,
    ),
    ...made.connections.map((one) => `makes ${one.id} ${one.protocol} ${one.name}: ${settings(one.settings, link)}`),
    ...made.devices.map((one) => `makes ${one.id} on ${one.connectionId}: ${settings(one.settings, unit)}`),
    ...rows.map(({ line, status, name, reason, tag }) =>
      tag === null
        ? `${line} ${status} ${name}: ${reason}`
        : `${line} ${status} ${name}: ${tag.deviceId} ${tag.address} ${tag.type} ${tag.order ?? '-'}${scalingText(tag.scaling)} ${tag.periodMs} ms${tag.unit === null ? '' : ` [${tag.unit}]`}${tag.decimals === null ? '' : ` .${tag.decimals}`}${tag.enabled ? '' : ' off'}`,
    ),
    '',
  ].join('\n');
}

const cases = readdirSync(folder);

describe('tag lists of other programs', () => {
  it.each(cases)('%s', async (name) => {
    const own = new URL(`${name}/`, folder);
    const file = readdirSync(own).find((one) => one.startsWith('list.'))!;
    const wanted = new URL('expected.txt', own);
    const text = shown(await preview(readFileSync(new URL(file, own), 'utf8')));
    expect(text).toBe(readFileSync(wanted, 'utf8'));
  });
});

const golden = cases.map((name) => {
  const own = new URL(`${name}/`, folder);
  return readFileSync(new URL(readdirSync(own).find((one) => one.startsWith('list.'))!, own), 'utf8');
});

describe('any tag list', () => {
  it('goes to the device that was chosen instead, and is made anew on request', async () => {
    const text = golden[cases.indexOf('telegraf-registers')]!;
    const other = { ...device, id: 'd2', name: 'Other' };
    const both = await preview(text, { assigned: { '0/3': 'd2', '2/1': 'd2', '1/1': null } }, [device, other]);
    expect(both.devices.map(({ deviceId }) => deviceId)).toEqual(['d2', null, 'd2']);
    expect(both.rows.filter(({ tag }) => tag?.deviceId === 'd2')).toHaveLength(8);
    const anew = await preview(text, { assigned: { '0/3': null } });
    // The connection is there already; only the device is new.
    expect(anew.made.connections).toHaveLength(1);
    expect(anew.made.devices.map(({ connectionId }) => connectionId)).toEqual(['c1', 'new-2']);
  });

  it('is read in the format that is asked for, and refused in words where it is not of it', async () => {
    for (const format of ['telegraf', 'fuxa', 'modbusscope']) {
      await expect(preview('name,address\nA,400001\n', { format })).rejects.toMatchObject({
        code: 'config.invalid',
        message: expect.stringContaining('that can be read'),
      });
    }
    expect((await preview(golden[cases.indexOf('kepware')]!, { format: 'csv' })).format).toBe('csv');
  });

  it('expands no entity and follows no depth', async () => {
    const lol = Array.from({ length: 30 }, (_, n) => `<!ENTITY l${n + 1} "&l${n};&l${n};&l${n};">`).join('');
    const hostile: readonly [string, string][] = [
      ['modbusscope', `<!DOCTYPE x [<!ENTITY l0 "ha">${lol}]><modbusscope><scope>&l30;</scope></modbusscope>`],
      ['modbusscope', `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><modbusscope>&f;</modbusscope>`],
      ['modbusscope', `<modbusscope>${'<a>'.repeat(100_000)}`],
      [
        'modbusscope',
        `<modbusscope><scope><register><text>${'x'.repeat(100_000)}</text></register></scope></modbusscope>`,
      ],
      ['fuxa', `{"devices":${'['.repeat(200_000)}`],
      ['modbusscope', `{"adapters":[],"scope":${'['.repeat(200_000)}`],
      ['telegraf', `[[inputs.modbus]]\nx = ${'['.repeat(100_000)}`],
      ['telegraf', `[[inputs.modbus]]\nx = """${'x'.repeat(5 << 20)}"""`],
    ];
    for (const [format, text] of hostile) {
      const start = performance.now();
      await expect(preview(text, { format })).rejects.toMatchObject({ code: 'config.invalid' });
      expect(performance.now() - start).toBeLessThan(2_000);
    }
  });

  it('ends in rows or a refusal, whatever is broken in it', async () => {
    const { below, next } = seededRandom(20_263);
    const splinters = [
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      ',',
      '\n',
      '=',
      '<',
      '>',
      '&',
      '$',
      '9'.repeat(40),
      '-',
      '\u0000',
      '@',
      '😀',
    ];
    let refused = 0;
    let read = 0;
    for (let round = 0; round < 700; round++) {
      let text = golden[below(golden.length)]!;
      for (let change = 1 + below(4); change > 0; change--) {
        const from = below(text.length + 1);
        text =
          text.slice(0, from) +
          (next() < 0.5 ? splinters[below(splinters.length)]! : '') +
          text.slice(from + below(12));
      }
      const format = next() < 0.8 ? null : tagListFormats[below(tagListFormats.length)]!.id;
      try {
        read += (await preview(text, { format })).rows.length > 0 ? 1 : 0;
      } catch (error) {
        if (!isAppError(error, 'config.invalid')) throw error;
        refused++;
      }
    }
    expect(read).toBeGreaterThan(200);
    expect(refused).toBeGreaterThan(50);
  });
});
