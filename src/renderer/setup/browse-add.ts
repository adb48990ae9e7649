import { freeName, type ProjectState } from '#renderer/client/index.ts';
import type { TagDocument } from '#shared/model/index.ts';
import type { BrowseEntry } from '#shared/rpc/browsing.ts';
import { newTag } from './tag-edits.ts';

/** How tags that are added from a device get their names. */
export interface Naming {
  /** The whole path in the device, or only its last part. */
  readonly from: 'full' | 'last';
  readonly prefix: string;
}

export interface PlannedTag {
  readonly id: string;
  readonly entry: BrowseEntry;
  readonly name: string;
  /** Null for what is not added, for the reason given. */
  readonly tag: TagDocument | null;
  readonly reason: string | null;
}

const LONGEST_NAME = 200;
/** Room for the number that tells a name from one that is taken. */
const NAME_ROOM = 8;

/** The name of the tag that reads what a node stands for; null where there is none yet. */
export type KnownAs = (entry: BrowseEntry) => string | null;

/** `caseless`: the protocol of the connection reads upper and lower case in addresses as the same. */
export function knownTags(project: ProjectState, caseless: boolean): KnownAs {
  const key = (deviceId: string, address: string): string =>
    `${deviceId}\n${caseless ? address.toLowerCase() : address}`;
  const names = new Map(
    [...project.tag.values()].map(({ document }) => [key(document.deviceId, document.address), document.name]),
  );
  return ({ address, deviceId }) =>
    address === null || deviceId === null ? null : (names.get(key(deviceId, address)) ?? null);
}

/** Devices name things as they like; a tag's name is one line of at most 200 characters. */
export function cleanName(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  const line = text.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim();
  const most = LONGEST_NAME - NAME_ROOM;
  return line.length > most ? `${line.slice(0, most / 2)}…${line.slice(-most / 2 + 1)}` : line;
}

/** What adding these would make, each with a name of its own; those that are known already stay out. */
export function planTags(
  entries: readonly BrowseEntry[],
  naming: Naming,
  periodMs: number,
  project: ProjectState,
  known: KnownAs,
): readonly PlannedTag[] {
  const taken = new Set([...project.tag.values()].map(({ document }) => document.name));
  return entries.map((entry): PlannedTag => {
    const { id, address, deviceId, type } = entry;
    const wanted = cleanName(`${naming.prefix}${naming.from === 'full' ? entry.fullName : entry.name}`);
    const out = (reason: string): PlannedTag => ({ id, entry, name: wanted, tag: null, reason });
    if (address === null || deviceId === null) return out('This is no single value.');
    const existing = known(entry);
    if (existing !== null) return out(`Is there already as "${existing}".`);
    if (!project.device.has(deviceId)) return out('Its device is not in the project any more.');
    if (type === null) return out('Its type is not known here. Add it by hand if you know how to read it.');
    const name = freeName(wanted === '' ? cleanName(address) : wanted, taken);
    taken.add(name);
    const tag: TagDocument = { ...newTag(deviceId), name, address, type, periodMs };
    return { id, entry, name, tag, reason: null };
  });
}
