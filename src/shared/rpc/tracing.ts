import { z } from 'zod';
import { unixMicros } from '../model/index.ts';
import { call, nothing, stream } from './procedure.ts';

const id = z.string().max(200);

const traceLine = z.object({
  time: unixMicros,
  direction: z.enum(['sent', 'received']),
  /** Two digits a byte with blanks between. */
  hex: z.string(),
  words: z.array(z.string()),
});
export type TraceLine = z.infer<typeof traceLine>;

export const tracing = {
  /** What goes over the wire from now on, in words and bytes; at most 2,000 lines wait, older ones are counted. */
  trace: stream({
    role: 'operator',
    input: z.object({ id }),
    item: z.object({ lines: z.array(traceLine), dropped: z.number().int() }),
    errors: ['store.not-found'],
  }),
  /** Traces that go on whether somebody looks or not; they end with the engine. */
  keptTraces: stream({
    role: 'operator',
    input: nothing,
    item: z.object({
      traces: z.array(
        z.object({
          connectionId: id,
          since: unixMicros,
          packets: z.number().int(),
          bytes: z.number().int(),
          /** Older packets that are no longer kept. */
          dropped: z.number().int(),
        }),
      ),
    }),
  }),
  /** Switches it on, which does nothing where it is on, or off, which forgets what was kept. */
  keepTrace: call({
    role: 'operator',
    input: z.object({ id, on: z.boolean() }),
    output: nothing,
    errors: ['config.invalid', 'store.not-found'],
  }),
  /** All that is kept, oldest first, in items of bounded size. */
  readTrace: stream({
    role: 'operator',
    input: z.object({ id }),
    item: z.object({ lines: z.array(traceLine) }),
    errors: ['store.not-found'],
  }),
} as const;
