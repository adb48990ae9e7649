import { z } from 'zod';
import { timeRange, unixMicros } from '../model/index.ts';
import { id, ids, jobState, source } from './parts.ts';
import { type Contract, call, nothing, stream } from './procedure.ts';

const sendJob = z.object({
  id,
  /** The running history or a recording, and how people call it. */
  source,
  sourceName: z.string(),
  /** The source of the project that it goes to. */
  target: id,
  targetName: z.string(),
  range: timeRange,
  /** Tags whose samples go. */
  tags: z.number().int(),
  state: jobState,
  started: unixMicros,
  /** Samples that the source has answered for, of those that there are. */
  done: z.number(),
  total: z.number(),
  /** 1/s; 0 while nothing goes. */
  rate: z.number(),
  /** Why it failed, or what it waits for. */
  message: z.string().nullable(),
  /** Samples that lie at the source now, marks included. */
  sent: z.number(),
  refused: z.number(),
  /** Samples without a value that stand for gaps. */
  marks: z.number(),
  /** What was left out or refused, by tag and reason. */
  sentences: z.array(z.string()),
});
export type SendJob = z.infer<typeof sendJob>;

const what = z.object({
  /** The running history, an opened recording, or one of the list. */
  source,
  /** Null: all of them. */
  tags: ids(60_000).min(1).nullable(),
  range: timeRange,
});

/** Copies of a history's samples into the tables that this program keeps at a source of the project. */
export const sending = {
  /** How much it would be, and what would be left out, in sentences. */
  estimate: call({
    role: 'viewer',
    input: what,
    output: z.object({ tags: z.number().int(), samples: z.number(), leftOut: z.array(z.string()) }),
    errors: ['store.not-found', 'store.damaged', 'config.invalid', 'rpc.limit'],
  }),
  /** Its tags with numbers whose names and descriptions hold all words of the text, by name. */
  tags: call({
    role: 'viewer',
    input: z.object({ source, text: z.string().max(200), limit: z.number().int().min(1).max(1_000) }),
    output: z.object({
      tags: z.array(z.object({ id, name: z.string(), unit: z.string().nullable() })),
      total: z.number().int(),
    }),
    errors: ['store.not-found', 'store.damaged'],
  }),
  start: call({
    role: 'operator',
    audit: true,
    input: what.extend({ sourceName: z.string().max(200), target: id }),
    output: z.object({ id }),
    errors: ['store.not-found', 'rpc.limit', 'config.invalid'],
  }),
  watch: stream({ role: 'viewer', input: nothing, item: z.object({ jobs: z.array(sendJob) }) }),
  cancel: call({ role: 'operator', input: z.object({ id }), output: nothing }),
  /** Goes on where a job ended; of one that is done it sends what has come since. */
  resume: call({
    role: 'operator',
    audit: true,
    input: z.object({ id }),
    output: nothing,
    errors: ['store.not-found', 'rpc.limit'],
  }),
  /** Cancels it where it is not done, and takes it off the list; what was sent stays. */
  remove: call({ role: 'operator', input: z.object({ id }), output: nothing }),
} as const satisfies Contract[string];
