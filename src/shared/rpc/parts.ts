import { z } from 'zod';
import { labels, metricIdentifier } from '../model/graph/index.ts';
import { column } from './procedure.ts';

/** Parts that the contract's areas share. */
export const id = z.string().max(200);
export const ids = (max: number) => z.array(id).max(max);

export const settings = z.record(z.string(), z.unknown());
/** Where history is read from: the running history or an opened recording file, which goes by its path. */
export const source = z.string().max(4096);
/** A file of the recordings folder, as the list names it. */
export const fileName = z.string().max(255);
/** Jobs run one after the other; those that have not begun wait. */
export const jobState = z.enum(['waiting', 'running', 'done', 'failed', 'cancelled']);
export type JobState = z.infer<typeof jobState>;
/** A series of an answer, whatever was asked; its times stand beside it or follow from a grid. */
export const answeredSeries = z.object({
  /** Of the graph, or its name in the answer. */
  definition: z.string(),
  metric: metricIdentifier,
  labels,
  unit: z.string().nullable(),
  value: column('f64'),
  quality: column('u16'),
});
