import { z } from 'zod';
import { tagDocument, unixMicros, valueType, wordOrder } from '../model/index.ts';
import { id } from './parts.ts';
import { call, column, stream } from './procedure.ts';

const address = z.string().max(500);

/** One way to read a place, with what it gives. */
const candidate = z.object({
  /** As a tag of it would have. */
  address,
  type: valueType,
  order: wordOrder,
  /** Characters of a text. */
  length: z.number().int().nullable(),
  /** The tag is set so now. */
  current: z.boolean(),
  /** As read last, unscaled; null where it is no number. */
  value: z.number().nullable(),
  /** The text, or all digits of a long integer. */
  text: z.string().nullable(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  /** 1 for the most plausible, towards 0. */
  score: z.number(),
  reasons: z.array(z.string()),
});
export type ResolveCandidate = z.infer<typeof candidate>;

const place = z.object({
  /** Addresses by which it lies beside the tag's own. */
  shift: z.union([z.literal(-1), z.literal(0), z.literal(1)]),
  address,
  wire: z.string(),
  bytes: column('u8'),
  /** The most plausible first. */
  candidates: z.array(candidate),
});
export type ResolvePlace = z.infer<typeof place>;

const resolution = z.object({
  looks: z.number().int(),
  time: unixMicros.nullable(),
  moved: z.boolean(),
  problem: z.string().nullable(),
  places: z.array(place),
});
export type ResolutionItem = z.infer<typeof resolution>;

const scanArea = z.object({ id, title: z.string(), places: z.number().int() });
export type ScanAreaItem = z.infer<typeof scanArea>;
const scanRange = z.object({
  area: id,
  first: z.number().int().min(0).max(1_000_000_000),
  last: z.number().int().min(0).max(1_000_000_000),
});
const scanItem = z.object({
  /** 0 to 1. */
  done: z.number(),
  requests: z.number().int(),
  says: z.string(),
  found: z.array(scanRange.extend({ from: address, to: address, type: valueType, values: z.array(z.number()) })),
  notes: z.array(z.string()),
});
export type ScanItem = z.infer<typeof scanItem>;

const errors = [
  'store.not-found',
  'config.invalid',
  'protocol.unknown',
  'protocol.connect-failed',
  'protocol.timeout',
  'protocol.link-lost',
  'protocol.device-exception',
] as const;

/** Looking closer at devices: how bytes are to be read, and what there is to read. */
export const looking = {
  /** All ways to read a place of a device, ranked look by look until it is cancelled; the device is asked once a look. */
  resolve: stream({
    role: 'engineer',
    input: z.object({
      deviceId: id,
      tag: tagDocument.pick({ address: true, type: true, order: true, scaling: true, range: true }),
      periodMs: z.number().min(0).max(3_600_000),
    }),
    item: resolution,
    errors,
  }),
  /** Addresses of all tags of a device, moved by one, and what its settings say then; nothing is changed. */
  moved: call({
    role: 'engineer',
    input: z.object({ deviceId: id, shift: z.union([z.literal(-1), z.literal(1)]) }),
    output: z.object({
      tags: z.array(z.object({ id, address })),
      /** Names of tags whose address would lie outside. */
      stay: z.array(z.string()),
      /** Settings of the device that count addresses so; null where they need no change. */
      settings: z.record(z.string(), z.unknown()).nullable(),
    }),
    errors,
  }),
  /**
   * Recordings of the folder that hold this tag are read as the tag is set now: type, order, scaling and unit. Their
   * samples are not touched. Goes through them one by one; the last item is the whole.
   */
  reread: stream({
    role: 'engineer',
    audit: true,
    input: z.object({ tagId: id }),
    item: z.object({
      /** Recordings looked at, and how many there are. */
      done: z.number().int(),
      of: z.number().int(),
      /** Names of recordings that are read in the new way. */
      changed: z.array(z.string()),
      /** Why others could not, in sentences. */
      refused: z.array(z.string()),
    }),
    errors,
  }),
  scanAreas: call({
    role: 'engineer',
    input: z.object({ deviceId: id }),
    output: z.object({ areas: z.array(scanArea) }),
    errors,
  }),
  /** What of a device can be read, as it is found. Ends by itself or when it is cancelled. */
  scan: stream({
    role: 'engineer',
    audit: true,
    input: z.object({ deviceId: id, ranges: z.array(scanRange).min(1).max(20), every: z.boolean() }),
    item: scanItem,
    errors,
  }),
} as const;
