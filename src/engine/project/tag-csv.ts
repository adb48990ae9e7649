import type { ConnectionDocument, DeviceDocument, TagDocument } from '#shared/model/index.ts';
import { formatText } from './csv-text.ts';
import { type ColumnName, TAG_COLUMNS } from './tag-columns.ts';

/** The tag list as CSV: what is exported comes back the same. */
export function formatTagCsv(
  tags: readonly TagDocument[],
  context: { readonly connections: readonly ConnectionDocument[]; readonly devices: readonly DeviceDocument[] },
): string {
  const devices = new Map(context.devices.map((device) => [device.id, device]));
  const connections = new Map(context.connections.map((connection) => [connection.id, connection]));
  const lines = [TAG_COLUMNS.map((rule) => rule.column).join(',')];
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
    lines.push(TAG_COLUMNS.map((rule) => cells[rule.column]).join(','));
  }
  return `${lines.join('\r\n')}\r\n`;
}
