import { z } from 'zod';
import { graphDefinition } from './graph/graph.ts';
import { displayName, documentId, tagReference } from './names.ts';
import { scaling, valueType, wordOrder } from './recipe.ts';
import { sourceDocument } from './source.ts';
import { timeKind } from './time.ts';

/**
 * Documents of the project file. Three levels: a connection (settings of one link) has devices (unit, slot, producer)
 * has tags. Protocol-specific parts are `settings` and `address`; the engine checks them with the protocol's schemas.
 */
export const connectionDocument = z.object({
  id: documentId,
  name: displayName,
  protocol: z.string().max(40),
  enabled: z.boolean(),
  /** Served by the built-in simulator; marked DEMO wherever it appears. */
  demo: z.boolean(),
  settings: z.record(z.string(), z.unknown()),
});
export type ConnectionDocument = z.infer<typeof connectionDocument>;

export const deviceDocument = z.object({
  id: documentId,
  connectionId: documentId,
  name: displayName,
  enabled: z.boolean(),
  settings: z.record(z.string(), z.unknown()),
});
export type DeviceDocument = z.infer<typeof deviceDocument>;

export const tagDocument = z.object({
  id: documentId,
  deviceId: documentId,
  /** Unique in the project. */
  name: displayName,
  description: z.string().max(1000),
  /** Text in the protocol's canonical notation, as its `formatAddress` gives it. */
  address: z.string().max(500),
  type: valueType,
  /** null takes the device's order. */
  order: wordOrder.nullable(),
  scaling: scaling.nullable(),
  unit: z.string().max(40).nullable(),
  /** Digits after the decimal sign; null lets the range decide. */
  decimals: z.number().int().min(0).max(12).nullable(),
  /** Range that trends and bars start from, in engineering units. */
  range: z.object({ low: z.number(), high: z.number() }).nullable(),
  /** Timebase of the tag: 1 ms to 24 h. */
  periodMs: z.number().int().min(1, 'At least 1 ms.').max(86_400_000, 'At most 24 h.'),
  timeKind,
  enabled: z.boolean(),
});
export type TagDocument = z.infer<typeof tagDocument>;

export const recorderDocument = z.object({
  id: documentId,
  name: displayName,
  /** Empty: all tags. */
  tagIds: z.array(tagReference),
  /** Seconds before the start that belong to the recording as well. */
  preTriggerS: z.number().min(0).max(3600),
});
export type RecorderDocument = z.infer<typeof recorderDocument>;

export const trendDocument = z.object({
  id: documentId,
  name: displayName,
  plots: z.array(
    z.object({
      id: documentId,
      height: z.number().positive(),
      axes: z.array(
        z.object({
          id: documentId,
          label: z.string().max(100),
          low: z.number().nullable(),
          high: z.number().nullable(),
        }),
      ),
      traces: z.array(
        z.object({
          /** Of this project, or as its source names it. */
          tagId: z.string().min(1).max(500),
          axisId: documentId,
          visible: z.boolean(),
          /** A source of the project, the running history or an opened recording; absent: what the trend is looked at on. */
          source: z.string().min(1).max(4096).optional(),
          /** Shown later by so much: 86,400,000 puts yesterday over today. */
          shiftMs: z.number().int().min(-3e12).max(3e12).optional(),
        }),
      ),
    }),
  ),
  spanS: z.number().positive(),
});
export type TrendDocument = z.infer<typeof trendDocument>;

/** A graph as the project keeps it; drawn from any source that has its metrics. */
export const graphDocument = z.object({
  id: documentId,
  name: displayName,
  /** What its series are taken from unless they say otherwise; null: the running history. */
  source: z.string().min(1).max(4096).nullable(),
  graph: graphDefinition,
});
export type GraphDocument = z.infer<typeof graphDocument>;

export const projectSettings = z.object({
  id: documentId,
  name: displayName,
  /** IANA zone that times are shown in; null follows the computer. */
  timeZone: z.string().max(60).nullable(),
});
export type ProjectSettings = z.infer<typeof projectSettings>;

export const documentSchemas = {
  settings: projectSettings,
  connection: connectionDocument,
  device: deviceDocument,
  tag: tagDocument,
  recorder: recorderDocument,
  trend: trendDocument,
  source: sourceDocument,
  graph: graphDocument,
} as const;
export type DocumentKind = keyof typeof documentSchemas;
export type Documents = { readonly [K in DocumentKind]: z.infer<(typeof documentSchemas)[K]> };
export const documentKind = z.enum(['settings', 'connection', 'device', 'tag', 'recorder', 'trend', 'source', 'graph']);

/** `expected` is the revision the writer has read; null for a new document. `document` null removes it. */
export interface DocumentChange<K extends DocumentKind = DocumentKind> {
  readonly kind: K;
  readonly id: string;
  readonly document: Documents[K] | null;
  readonly expected: number | null;
}
export interface Stored<T> {
  readonly revision: number;
  readonly document: T;
}
