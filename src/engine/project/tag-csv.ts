import type { ConnectionDocument, DeviceDocument, TagDocument } from '#shared/model/index.ts';
import { formatText } from './csv-text.ts';
import { settingHeading, settingText } from './setting-text.ts';
import { type ColumnName, TAG_COLUMNS } from './tag-columns.ts';

/**
 * The tag list as CSV: what is exported comes back the same, also in a project that lacks the devices, whose protocol
 * and settings stand behind the tags' own columns.
 */
export function formatTagCsv(
  tags: readonly TagDocument[],
  context: { readonly connections: readonly ConnectionDocument[]; readonly devices: readonly DeviceDocument[] },
): string {
  const devices = new Map(context.devices.map((device) => [device.id, device]));
  const connections = new Map(context.connections.map((connection) => [connection.id, connection]));
  const settings = createSettingColumns(
    [...new Set(tags.map(({ deviceId }) => deviceId))].flatMap((id) => devices.get(id) ?? []),
    connections,
  );
  const lines = [[...TAG_COLUMNS.map((rule) => rule.column), ...settings.headings].join(',')];
  for (const tag of tags) {
    const device = devices.get(tag.deviceId);
    const connection = device === undefined ? undefined : connections.get(device.connectionId);
    const text = (value: string | null | undefined): string => formatText(value ?? '', ',');
    const number = (value: number | null | undefined): string =>
      value === null || value === undefined ? '' : String(value);
    const gain = tag.scaling?.kind === 'gain' ? tag.scaling : null;
    const range = tag.scaling?.kind === 'range' ? tag.scaling : null;
    const cells: Record<ColumnName, string> = {
      name: text(tag.name),
      connection: text(connection?.name),
      device: text(device?.name),
      address: text(tag.address),
      type: tag.type,
      order: tag.order ?? '',
      gain: number(gain?.gain),
      offset: number(gain?.offset),
      raw_low: number(range?.rawLow),
      raw_high: number(range?.rawHigh),
      scaled_low: number(range?.low),
      scaled_high: number(range?.high),
      clamp: range === null ? '' : range.clamp ? 'yes' : 'no',
      unit: text(tag.unit),
      decimals: number(tag.decimals),
      range_low: number(tag.range?.low),
      range_high: number(tag.range?.high),
      period_ms: number(tag.periodMs),
      time: tag.timeKind,
      enabled: tag.enabled ? 'yes' : 'no',
      description: text(tag.description),
      id: tag.id,
    };
    lines.push(TAG_COLUMNS.map((rule) => cells[rule.column]).join(',') + settings.cellsOf(tag.deviceId));
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** The protocol and all settings that one of these devices, or its connection, has; written once for each device. */
function createSettingColumns(
  devices: readonly DeviceDocument[],
  connections: ReadonlyMap<string, ConnectionDocument>,
): { readonly headings: readonly string[]; cellsOf(deviceId: string): string } {
  const values = new Map<string, ReadonlyMap<string, unknown>>();
  const headings = new Set(['protocol']);
  for (const device of devices) {
    const connection = connections.get(device.connectionId);
    // The simulated line has its own connections wherever the list goes.
    if (connection === undefined || connection.demo) continue;
    const own = new Map<string, unknown>([['protocol', connection.protocol]]);
    for (const [key, value] of Object.entries(connection.settings)) own.set(settingHeading('connection', key), value);
    for (const [key, value] of Object.entries(device.settings)) own.set(settingHeading('device', key), value);
    for (const heading of own.keys()) headings.add(heading);
    values.set(device.id, own);
  }
  const order = [...headings].sort((a, b) => Number(a.startsWith('device.')) - Number(b.startsWith('device.')));
  const texts = new Map(
    [...values].map(([id, own]) => [
      id,
      order.map((heading) => `,${own.has(heading) ? formatText(settingText(own.get(heading)), ',') : ''}`).join(''),
    ]),
  );
  const none = ','.repeat(order.length);
  return { headings: order.map((heading) => formatText(heading, ',')), cellsOf: (id) => texts.get(id) ?? none };
}
