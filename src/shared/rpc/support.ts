import { z } from 'zod';
import { call, column, nothing } from './procedure.ts';

export const support = {
  /** What somebody needs who is asked for help, as one compressed JSON file; it holds no samples and no secrets. */
  supportFile: call({
    role: 'engineer',
    audit: true,
    input: nothing,
    output: z.object({ name: z.string(), bytes: column('u8') }),
  }),
};
