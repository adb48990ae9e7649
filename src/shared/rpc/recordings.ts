import { z } from 'zod';
import { recordingFile, recordingState, timeRange, unixMicros } from '../model/index.ts';
import { fileName, id, ids, jobState, source } from './parts.ts';
import { type Contract, call, nothing, stream } from './procedure.ts';

const recordingJob = z.object({
  id,
  kind: z.enum(['verify', 'repair', 'compact', 'split', 'merge', 'fetch']),
  /** Id of the recording that is worked on; of a merge and of what is fetched the new one's name. */
  name: z.string(),
  state: jobState,
  /** 0 to 1. */
  progress: z.number(),
  started: unixMicros,
  /** Why it failed, and what of it is kept. */
  message: z.string().nullable(),
  /** Nothing is damaged or missing; null until it is done. */
  sound: z.boolean().nullable(),
  samples: z.number(),
  /** What is damaged or missing, by tag and time. */
  sentences: z.array(z.string()),
  /** Files of the recordings folder that were written. */
  files: z.array(z.object({ id: fileName, bytes: z.number(), samples: z.number() })),
});
export type RecordingJob = z.infer<typeof recordingJob>;

export const recording = {
  watch: stream({ role: 'viewer', input: nothing, item: recordingState }),
  start: call({
    role: 'operator',
    audit: true,
    input: z.object({
      name: z.string().trim().max(120),
      tagIds: ids(60_000),
      preTriggerS: z.number().min(0).max(3600),
    }),
    output: nothing,
    errors: ['config.invalid', 'store.read-only', 'store.disk-full'],
  }),
  stop: call({ role: 'operator', audit: true, input: nothing, output: nothing }),
  files: stream({
    role: 'viewer',
    input: nothing,
    item: z.object({ files: z.array(recordingFile), opened: z.array(recordingFile) }),
  }),
  /**
   * Opens a recording for offline study; its `id` is then a `source`. By id from the list, or by path on the engine's
   * machine: only of the recordings folder, or what was chosen in the desktop's own dialog since the start.
   */
  open: call({
    role: 'viewer',
    input: z.object({ id: fileName.nullable(), path: z.string().max(4096).nullable() }),
    output: recordingFile,
    errors: ['store.not-found', 'store.damaged', 'store.too-new', 'access.denied'],
  }),
  /** Asks for a file with the desktop's own dialog and opens it; null when that was cancelled. Refused in a browser. */
  choose: call({
    role: 'viewer',
    input: nothing,
    output: z.object({ opened: recordingFile.nullable() }),
    errors: ['store.not-found', 'store.damaged', 'store.too-new', 'access.denied'],
  }),
  close: call({ role: 'viewer', input: z.object({ id: source }), output: nothing }),
  remove: call({
    role: 'engineer',
    audit: true,
    input: z.object({ id: fileName }),
    output: nothing,
    errors: ['store.not-found'],
  }),
} as const satisfies Contract[string];

/** A range of a source's tags, as the source calls them. */
const fetched = z.object({
  source,
  tags: z.array(z.string().min(1).max(500)).min(1).max(1_000),
  range: timeRange,
});

/** Checks of recordings in the folder, and new ones made of them; the old ones are never changed. */
export const recordingJobs = {
  start: call({
    role: 'operator',
    audit: true,
    input: z.discriminatedUnion('kind', [
      z.object({ kind: z.enum(['verify', 'repair', 'compact']), id: fileName }),
      z.object({
        kind: z.literal('split'),
        id: fileName,
        by: z.discriminatedUnion('kind', [
          /** An IANA time zone whose days are meant. */
          z.object({ kind: z.literal('days'), zone: z.string().min(1).max(60) }),
          /** Files of at most about so many bytes. */
          z.object({ kind: z.literal('size'), bytes: z.number().int().min(1_000_000).max(1e15) }),
        ]),
      }),
      z.object({
        kind: z.literal('merge'),
        /** Of samples with the same tag and time those of the later recording stay. */
        ids: z.array(fileName).min(2).max(200),
        name: z.string().trim().min(1).max(120),
      }),
      fetched.extend({
        kind: z.literal('fetch'),
        /** As people call the source; kept in the recording. */
        sourceName: z.string().max(200),
        name: z.string().trim().min(1).max(120),
      }),
    ]),
    output: z.object({ id }),
    errors: ['store.not-found', 'rpc.limit', 'config.invalid'],
  }),
  /** How much a fetch would be; nulls where the source does not count. `kept`: the share that is here from one before. */
  estimate: call({
    role: 'viewer',
    input: fetched,
    output: z.object({
      tags: z.number().int(),
      samples: z.number().nullable(),
      bytes: z.number().nullable(),
      kept: z.number(),
    }),
    errors: ['store.not-found', 'tsdb.unavailable', 'config.invalid'],
  }),
  watch: stream({ role: 'viewer', input: nothing, item: z.object({ jobs: z.array(recordingJob) }) }),
  cancel: call({ role: 'operator', input: z.object({ id }), output: nothing }),
  /** Takes a job off the list; the files that it has written stay. */
  remove: call({ role: 'operator', input: z.object({ id }), output: nothing }),
} as const satisfies Contract[string];
