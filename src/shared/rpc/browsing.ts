import { z } from 'zod';
import { unixMicros, valueType } from '../model/index.ts';
import { call, column, stream } from './procedure.ts';

const id = z.string().max(200);
/** Protocols make ids of nodes out of names, of which a path may hold many. */
const nodeId = z.string().max(4096);
const settings = z.record(z.string(), z.unknown());
const address = z.string().max(500);

const browseNode = z.object({
  id: nodeId,
  name: z.string(),
  /** What a tag of it is called. */
  fullName: z.string(),
  /** In the protocol's own words; '' where it has none. */
  typeName: z.string(),
  description: z.string(),
  hasChildren: z.boolean(),
  /** The device document that it belongs to. */
  deviceId: id.nullable(),
  /** Of a tag; null for what only holds others. */
  address: z.string().nullable(),
  /** Of a tag with this address; null where the protocol does not know. */
  type: valueType.nullable(),
  /** Bytes that can be looked at and mapped, and the address of the first one. */
  bytes: z.object({ count: z.number().int(), at: z.string() }).nullable(),
  /** A device that would have it, where none is configured. */
  newDevice: z.object({ name: z.string(), settings }).nullable(),
});
export type BrowseEntry = z.infer<typeof browseNode>;

const browseItem = z.object({
  /** What the nodes lie under. */
  parent: nodeId.nullable(),
  nodes: z.array(browseNode),
  /** No more nodes come for this parent. */
  complete: z.boolean(),
  /** Entries known so far, with those that are still to come. */
  found: z.number().int(),
  /** A link was opened for this, because nothing runs on the connection. */
  own: z.boolean(),
  /** Devices tell by themselves: the list is what has been heard, and grows. */
  told: z.boolean(),
  /** There are more than are given at once: ask for the nodes below one by one. */
  cut: z.boolean(),
});
export type BrowseItem = z.infer<typeof browseItem>;

/** What is to be cut out of bytes; bits count within what one address holds. */
const rawValue = z.object({
  /** From the first byte on. */
  offset: z.number().int().min(0).max(65_535),
  type: valueType,
  bit: z.number().int().min(0).max(63).nullable(),
  /** Characters of a text. */
  length: z.number().int().min(1).max(65_535).nullable(),
});

const errors = [
  'store.not-found',
  'config.invalid',
  'protocol.unknown',
  'protocol.connect-failed',
  'protocol.timeout',
  'protocol.link-lost',
] as const;

export const browsing = {
  /** What lies under a node, null for the top; `deep` with everything below it. In items of bounded size. */
  list: stream({
    role: 'engineer',
    input: z.object({ connectionId: id, parent: nodeId.nullable(), deep: z.boolean() }),
    item: browseItem,
    errors,
  }),
  /** The bytes of a node, now and as they change; null while it has none. */
  bytes: stream({
    role: 'engineer',
    input: z.object({ connectionId: id, node: nodeId, count: z.number().int().min(1).max(65_536) }),
    item: z.object({ raw: z.object({ time: unixMicros, bytes: column('u8') }).nullable(), own: z.boolean() }),
    errors,
  }),
  /** Addresses of values among bytes, for a device with these settings; null where none can lie. */
  addresses: call({
    role: 'engineer',
    input: z.object({ connectionId: id, settings, at: address, values: z.array(rawValue).max(2_000) }),
    output: z.object({ addresses: z.array(z.string().nullable()) }),
    errors: ['store.not-found', 'config.invalid', 'protocol.unknown'],
  }),
  /** Where the tags that a device has already lie, counted from an address on. */
  mapped: call({
    role: 'engineer',
    input: z.object({ deviceId: id, at: address }),
    output: z.object({
      places: z.array(
        z.object({
          tagId: id,
          offset: z.number().int(),
          bytes: z.number().int(),
          bit: z.number().int().nullable(),
        }),
      ),
    }),
    errors: ['store.not-found', 'config.invalid', 'protocol.unknown'],
  }),
} as const;
