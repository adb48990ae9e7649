import { readFileSync } from 'node:fs';
import { z } from 'zod';

const pair = z.tuple([z.number(), z.number()]);

/**
 * A hand's way through a week of three tags, recorded from the trend in a browser (`e2e/record-pan-zoom.ts`): the wheel
 * in, drags there and back, nearer, and out again, at three places.
 */
export const panZoom = z
  .strictObject({
    /** Begin of the samples, microseconds since 1970; for so many days, one sample of each tag every so many seconds. */
    from: z.number().int(),
    days: z.number().int(),
    everySeconds: z.number(),
    tags: z.number().int(),
    /** Windows as they were drawn, in seconds from the begin. */
    shown: z.array(pair),
    /** What the trend, which keeps tiles of its own, asked its source for meanwhile: microseconds since 1970, points. */
    asked: z.array(z.tuple([z.number(), z.number(), z.number()])),
  })
  .parse(JSON.parse(readFileSync(new URL('./pan-zoom.json', import.meta.url), 'utf8')));
