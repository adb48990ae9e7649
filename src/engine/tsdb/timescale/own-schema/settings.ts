import { z } from 'zod';
import type { SchemaPreset } from '#shared/model/own-schema.ts';

/** Steps that rollups may have, in seconds: each divides a day or is one, so that they fall on the grid of every graph. */
export const ROLLUP_STEPS = [1, 10, 60, 300, 600, 900, 3_600, 21_600, 86_400] as const;

const days = z.number().min(1).max(36_500);

/** What the tables of our own are like; everything that is not named here is never made. */
export const ownSettings = z.strictObject({
  schema: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,40}$/, 'Use 1 to 41 lower-case letters, digits or "_", a letter first.')
    .default('parx')
    .meta({
      title: 'Schema',
      help: 'Name of the schema that holds the tables. It must be free, or have been made here.',
    }),
  chunkHours: z.number().min(1).max(8_760).default(24).meta({
    title: 'Chunk',
    unit: 'h',
    help: 'Length of time in one chunk. A chunk should fit in a quarter of the memory.',
  }),
  compressAfterDays: days
    .nullable()
    .default(7)
    .meta({ title: 'Compress after', unit: 'd', help: 'Empty: never. Needs the community edition of TimescaleDB.' }),
  keepDays: days.nullable().default(null).meta({
    title: 'Keep samples',
    unit: 'd',
    help: 'Empty: for ever. Needs the community edition to be done by itself.',
  }),
  rollups: z
    .array(
      z.strictObject({
        seconds: z.union(ROLLUP_STEPS.map((step) => z.literal(step))).meta({ title: 'Step', unit: 's' }),
        keepDays: days.nullable().default(null).meta({ title: 'Keep', unit: 'd', help: 'Empty: for ever.' }),
      }),
    )
    .max(ROLLUP_STEPS.length)
    .default([
      { seconds: 60, keepDays: null },
      { seconds: 3_600, keepDays: null },
    ])
    .meta({
      title: 'Rollups',
      help: 'Continuous aggregates that are read when zoomed out. Needs the community edition.',
    }),
});
export type OwnSettings = z.infer<typeof ownSettings>;

const preset = (id: string, title: string, summary: string, settings: z.input<typeof ownSettings>): SchemaPreset => ({
  id,
  title,
  summary,
  settings: ownSettings.parse(settings),
});

export const ownPresets: readonly SchemaPreset[] = [
  preset('commissioning', 'Commissioning', 'Everything is kept at full resolution, compressed after two days.', {
    compressAfterDays: 2,
  }),
  preset('plant', 'Years of operation', 'Two years of samples, and rollups of a minute, an hour and a day for ever.', {
    compressAfterDays: 7,
    keepDays: 730,
    rollups: [{ seconds: 60 }, { seconds: 3_600 }, { seconds: 86_400 }],
  }),
  preset('rolling', 'Last month', 'A month of samples, a year of minutes, and hours for ever, on a small disk.', {
    compressAfterDays: 1,
    keepDays: 31,
    rollups: [{ seconds: 60, keepDays: 366 }, { seconds: 3_600 }],
  }),
  preset('plain', 'Tables alone', 'No compression, no rollups, nothing is removed: for tests and small servers.', {
    compressAfterDays: null,
    rollups: [],
  }),
];

/** `samples_1m`, `samples_6h`: what the rollup of a step is called. */
export function rollupName(seconds: number): string {
  const [unit, size] = (
    [
      ['d', 86_400],
      ['h', 3_600],
      ['m', 60],
    ] as const
  ).find(([, each]) => seconds % each === 0) ?? ['s', 1];
  return `samples_${seconds / size}${unit}`;
}
/** Seconds of the rollup of this name; null where it is none. */
export const rollupSeconds = (name: string): number | null =>
  ROLLUP_STEPS.find((seconds) => rollupName(seconds) === name) ?? null;
