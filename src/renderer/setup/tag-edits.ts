import { newId, type ProjectState } from '#renderer/client/index.ts';
import { countAddress, countUp, groupDigits, parsePeriod } from '#renderer/ui/index.ts';
import {
  type DocumentChange,
  type Scaling,
  type TagDocument,
  type TimeKind,
  type ValueType,
  valueType,
  type WordOrder,
  wireBytes,
  wordOrder,
} from '#shared/model/index.ts';
import type { ImportPreview, ImportRow } from '#shared/rpc/importing.ts';

export const TYPES: readonly ValueType[] = valueType.options;
export const ORDERS: readonly WordOrder[] = wordOrder.options;
export const timeKindNames: Readonly<Record<TimeKind, string>> = {
  source: 'Time of the device',
  server: 'Time of the server between',
  receive: 'Time of receipt here',
};

export const newTag = (deviceId: string): TagDocument => ({
  id: newId(),
  deviceId,
  name: '',
  description: '',
  address: '',
  type: 'float32',
  order: null,
  scaling: null,
  unit: null,
  decimals: null,
  range: null,
  periodMs: 500,
  timeKind: 'receive',
  enabled: true,
});

/**
 * How many places an address moves for the next value of this type; a suggestion that can be changed. `bytes` lie
 * between an address and the next; null: each holds one value of any type. `valueBytes` is what a value takes whose
 * address says so, such as that of a text.
 */
export function addressStep(type: ValueType, bytes: number | null, valueBytes: number | null = null): number {
  return type === 'bit' || bytes === null ? 1 : Math.max(1, Math.ceil((valueBytes ?? wireBytes(type)) / bytes));
}

/** Rows of "add many": names and addresses count up from the first. */
export function fillDown(
  first: TagDocument,
  count: number,
  step: { readonly name: number; readonly address: number },
  /** Of the protocol: see `addressStep`. */
  addressBytes: number | null = null,
): readonly TagDocument[] {
  const counting = /\d/.test(first.name);
  const bits = first.type === 'bit' && addressBytes !== null ? addressBytes * 8 : null;
  return Array.from({ length: count }, (_, index) => ({
    ...first,
    id: newId(),
    name: counting
      ? countUp(first.name, index, step.name)
      : index === 0
        ? first.name
        : `${first.name} ${1 + index * step.name}`,
    address: countAddress(first.address, index, step.address, bits),
  }));
}

/** A text field that may be empty. */
export const textOrNull = (text: string): string | null => (text.trim() === '' ? null : text.trim());

/** A number field: undefined where it is no number, null where it is empty. */
export function numberOrNull(text: string): number | null | undefined {
  const trimmed = text.trim().replace(',', '.').replaceAll('\u202f', '').replace('\u2212', '-');
  if (trimmed === '') return null;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : undefined;
}

/** A factor as it was typed, not padded to a number of digits. */
const plain = (value: number): string => groupDigits(String(Number(value.toPrecision(12))));

export function scalingText(scaling: Scaling | null): string {
  if (scaling === null) return '';
  if (scaling.kind === 'gain') {
    const offset = scaling.offset === 0 ? '' : ` ${scaling.offset < 0 ? '−' : '+'} ${plain(Math.abs(scaling.offset))}`;
    return `× ${plain(scaling.gain)}${offset}`;
  }
  return `${plain(scaling.rawLow)} to ${plain(scaling.rawHigh)} is ${plain(scaling.low)} to ${plain(scaling.high)}`;
}

/** Null when right, else the sentence that says what would be right. */
export function checkPeriod(text: string): string | null {
  const ms = parsePeriod(text);
  if (ms === null) return 'A period such as 100 ms, 1.5 s or 2 min is needed.';
  if (ms < 1) return 'A period is at least 1 ms.';
  return ms > 86_400_000 ? 'A period is at most 24 h.' : null;
}

/** The name is the tag's face towards people: unique in the project. */
export function checkName(name: string, project: ProjectState, ownId: string): string | null {
  const wanted = name.trim();
  if (wanted === '') return 'A name is needed.';
  if (wanted.length > 200) return 'A name has at most 200 characters.';
  for (const { document } of project.tag.values()) {
    if (document.name === wanted && document.id !== ownId) return `Another tag is called "${wanted}".`;
  }
  return null;
}

export function tagChange(project: ProjectState, tag: TagDocument): DocumentChange<'tag'> {
  return { kind: 'tag', id: tag.id, document: tag, expected: project.tag.get(tag.id)?.revision ?? null };
}

/**
 * What an import writes: new and changed rows, and the new devices and connections that these need; the bad rows stay
 * out, the equal ones need nothing.
 */
export function importChanges(
  rows: readonly ImportRow[],
  made: ImportPreview['made'],
  project: ProjectState,
): readonly DocumentChange[] {
  const tags: DocumentChange[] = [];
  const needed = new Set<string>();
  for (const row of rows) {
    if (row.tag === null || (row.status !== 'new' && row.status !== 'change')) continue;
    needed.add(row.tag.deviceId);
    tags.push(tagChange(project, row.tag));
  }
  const devices = made.devices.filter(({ id }) => needed.has(id));
  const links = new Set(devices.map(({ connectionId }) => connectionId));
  const connections = made.connections.filter(({ id }) => links.has(id));
  return [
    ...connections.map((document) => ({ kind: 'connection', id: document.id, document, expected: null }) as const),
    ...devices.map((document) => ({ kind: 'device', id: document.id, document, expected: null }) as const),
    ...tags,
  ];
}

export function removeChanges(ids: Iterable<string>, project: ProjectState): readonly DocumentChange[] {
  const changes: DocumentChange[] = [];
  for (const id of ids) {
    const stored = project.tag.get(id);
    if (stored !== undefined) changes.push({ kind: 'tag', id, document: null, expected: stored.revision });
  }
  return changes;
}

/** UTF-8 where it is, else the code page that spreadsheets on Windows write. */
export function decodeText(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}
