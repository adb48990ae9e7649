import { z } from 'zod';
import type { AddressDescription, ParsedAddress } from '#engine/protocols/protocol.ts';
import { quote, refuse } from '#shared/errors.ts';
import { type DecodeRecipe, type TagDocument, type ValueType, wireBytes } from '#shared/model/index.ts';
import { isName, MOST_NAME_BYTES, nameBytes } from './path.ts';

const MOST_STEPS = 24;
const MOST_TEXT = 480;
const LAST_ELEMENT = 0xffff_fffe;

/** A tag by its name: parts between points, each with its indices, and a bit of the number that they lead to. */
export const eipAddress = z.object({
  path: z
    .array(
      z.object({
        name: z.string().refine((name) => isName(name) && nameBytes(name).length <= MOST_NAME_BYTES),
        index: z.array(z.number().int().min(0).max(LAST_ELEMENT)).max(3),
      }),
    )
    .min(1)
    .max(MOST_STEPS),
  bit: z.number().int().min(0).max(63).nullable(),
});
export type EipAddress = z.infer<typeof eipAddress>;

export const valueTypes: readonly ValueType[] = [
  'bit',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float32',
  'float64',
  'string',
];

/** Reads `Speed`, `Program:Main.Count`, `Line.Reels[2].Speed`, `Arr[1,2]`, `Status.5`. Throws `config.invalid`. */
export function parseAddress(text: string): ParsedAddress<EipAddress> {
  const fail = (sentence: string): never => refuse('address', sentence);
  if (text.length > MOST_TEXT) fail(`An address has at most ${MOST_TEXT} characters.`);
  const plain = text.trim();
  if (plain === '') fail('An address is needed: the name of a tag, such as Speed or Program:Main.Count.');
  const parts = plain.split('.').map((part) => part.trim());
  let bit: number | null = null;
  const last = parts.at(-1)!;
  if (parts.length > 1 && /^\d+$/.test(last)) {
    bit = Number(last);
    if (last.length > 4 || bit > 63) {
      fail(`${quote(text)}: bits of a number are 0 (least significant) to 63.`);
    }
    parts.pop();
  }
  if (parts.length > MOST_STEPS) fail(`A tag has at most ${MOST_STEPS} parts between points.`);
  const path = parts.map((part, place) => {
    const found = /^([^[\]]*?)\s*(?:\[([^[\]]*)\])?$/.exec(part);
    const name = found?.[1] ?? '';
    if (found === null || !isName(name)) {
      return fail(
        `${quote(text)} is not a tag. Write its name as the controller has it: Speed, Program:Main.Count, Line.Reels[2].Speed, Arr[1,2], Status.5.`,
      );
    }
    if (place > 0 && name.includes(':')) {
      fail(`${quote(text)}: only the first part has a colon, as in Program:Main.Count or Local:1:I.Data.`);
    }
    if (nameBytes(name).length > MOST_NAME_BYTES) {
      fail(
        `${quote(text)}: a name has at most ${MOST_NAME_BYTES} characters, of which those beyond ASCII count two to four.`,
      );
    }
    const index = found[2] === undefined ? [] : found[2].split(',').map((one) => one.trim());
    if (index.length > 3) fail(`${quote(text)}: an array has at most three dimensions.`);
    for (const one of index) {
      if (!/^\d{1,10}$/.test(one) || Number(one) > LAST_ELEMENT) {
        fail(`${quote(text)}: an index is a whole number from 0, such as Arr[3] or Arr[1,2].`);
      }
    }
    return { name: name.replace(/^program:/i, 'Program:'), index: index.map(Number) };
  });
  if (path.length === 1 && path[0]!.name.startsWith('Program:')) {
    fail(`${quote(text)} is a program. Write one of its tags behind it: ${path[0]!.name}.Count.`);
  }
  return { address: { path, bit }, type: bit === null ? null : 'bit', order: null };
}

const indexText = (index: readonly number[]): string => (index.length === 0 ? '' : `[${index.join(',')}]`);
export const pathText = (path: EipAddress['path']): string =>
  path.map(({ name, index }) => name + indexText(index)).join('.');

export function formatAddress({ path, bit }: EipAddress): string {
  return bit === null ? pathText(path) : `${pathText(path)}.${bit}`;
}

export function describeAddress(address: EipAddress): AddressDescription {
  const words = address.path.map(({ name, index }, place) => {
    const what = place === 0 ? (name.startsWith('Program:') ? 'program' : 'tag') : 'then';
    return `${what} ${name.replace(/^Program:/, '')}${index.length === 0 ? '' : `, element ${index.join(', ')}`}`;
  });
  const bit = address.bit === null ? '' : `, bit ${address.bit}`;
  return { canonical: formatAddress(address), wire: `${words.join(', ')}${bit}` };
}

/** Throws `config.invalid` where type and address do not go together. */
export function createRecipe(
  tag: Pick<TagDocument, 'type' | 'order' | 'scaling' | 'unit'>,
  address: EipAddress,
): DecodeRecipe {
  const { type } = tag;
  const common = { version: 1, type, scaling: tag.scaling, unit: tag.unit };
  if (address.bit !== null && type !== 'bit') {
    refuse(
      'type',
      `${formatAddress(address)} is a single bit. Choose the type bit, or leave ".${address.bit}" out of the address.`,
    );
  }
  // The driver cuts bits out itself: how wide the number around one is, only the controller knows.
  if (type === 'bit') return { ...common, form: 'bits', order: 'ABCD', bit: null };
  if (type === 'string') return { ...common, form: 'text', order: 'ABCD', bit: null };
  return { ...common, form: wireBytes(type) === 8 ? 'bits64' : 'bits', order: tag.order ?? 'DCBA', bit: null };
}

export const addressHelp = [
  { text: 'Speed', means: 'A tag of the controller. Upper and lower case mean the same.' },
  { text: 'Program:Main.Count', means: 'The tag Count of the program Main.' },
  { text: 'Arr[3], Arr[1,2]', means: 'An element of an array of one, two or three dimensions.' },
  { text: 'Line.Reels[2].Speed', means: 'A member of a user-defined type.' },
  { text: 'Status.5', means: 'Bit 5 of a number; 0 is the least significant.' },
  { text: 'Flags[37]', means: 'An element of an array of BOOL, with the type bit.' },
  { text: 'Local:1:I.Data', means: 'What a module in the rack delivers.' },
] as const;
