import { z } from 'zod';
import { timeRange, unixMicros } from '../model/index.ts';
import { id, jobState, settings, source } from './parts.ts';
import { type Contract, call, nothing, stream } from './procedure.ts';

const exportJob = z.object({
  id,
  name: z.string(),
  format: z.string(),
  state: jobState,
  /** 0 to 1. */
  progress: z.number(),
  rows: z.number(),
  bytes: z.number(),
  started: unixMicros,
  /** Why it failed, or what is not in the file. */
  message: z.string().nullable(),
  /** Fetch it with the host: `/artifacts/<id>` in a browser, "Save as" in the desktop. */
  artifact: id.nullable(),
});
export type ExportJob = z.infer<typeof exportJob>;

export const exports = {
  start: call({
    role: 'viewer',
    input: z.object({
      traces: z
        .array(
          z.object({
            source,
            tag: z.string().min(1).max(500),
            /** Shown so much later. */
            shiftMs: z.number().int().min(-3e12).max(3e12),
            /** Behind the tag's name, where traces of several sources stand side by side; may be empty. */
            label: z.string().max(300),
          }),
        )
        .min(1)
        .max(1000),
      /** Of the times at which they are shown. */
      range: timeRange,
      format: z.string().max(40),
      name: z.string().trim().min(1).max(200),
      /** A column with the quality in words after each tag's values. */
      quality: z.boolean(),
      options: settings,
    }),
    output: z.object({ id }),
    errors: ['config.invalid', 'store.not-found'],
  }),
  watch: stream({ role: 'viewer', input: nothing, item: z.object({ jobs: z.array(exportJob) }) }),
  cancel: call({ role: 'viewer', input: z.object({ id }), output: nothing }),
  /** Asks for a place with the desktop's own dialog; false when that was cancelled. A browser fetches `/artifacts/<id>` instead. */
  saveAs: call({
    role: 'viewer',
    input: z.object({ id }),
    output: z.object({ saved: z.boolean() }),
    errors: ['store.not-found'],
  }),
  remove: call({ role: 'viewer', input: z.object({ id }), output: nothing }),
} as const satisfies Contract[string];
