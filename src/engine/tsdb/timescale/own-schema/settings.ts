import { z } from 'zod';
import type { SchemaPreset } from '#shared/model/own-schema.ts';

/** Steps that rollups may have, in seconds: each divides a day or is one, so that they fall on the grid of every graph. */
export const ROLLUP_STEPS = [1, 10, 60, 300, 600, 900, 3_600, 21_600, 86_400] as const;

/** `1m`, `6h`: the step of a rollup as it is written. */
function stepText(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ] as const;
  const [unit, size] = units.find(([, each]) => seconds % each === 0)!;
  return `${seconds / size}${unit}`;
}
const STEP_TEXTS = ROLLUP_STEPS.map(stepText);
/** A step, and for how many days it is kept: `1h`, or `1m 366d`. */
const ROLLUP = new RegExp(`^(${STEP_TEXTS.join('|')})(?: ([1-9]\\d{0,4})d)?$`);

/** Whole days; 0: never. */
const days = z.number().int().min(0).max(36_500);

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
    .default(7)
    .meta({ title: 'Compress after', unit: 'd', help: '0: never. Needs the community edition of TimescaleDB.' }),
  keepDays: days.default(0).meta({
    title: 'Keep samples',
    unit: 'd',
    help: '0: for ever. Needs the community edition to be done by itself.',
  }),
  rollups: z
    .array(
      z
        .string()
        .regex(ROLLUP, `Write a step of ${STEP_TEXTS.join(', ')}, and days where it is not kept for ever: "1m 366d".`),
    )
    .max(ROLLUP_STEPS.length)
    .default(['1m', '1h'])
    .meta({
      title: 'Rollups',
      help: `Continuous aggregates that are read when zoomed out: ${STEP_TEXTS.join(', ')}; "1m 366d" is kept for 366 days. Needs the community edition.`,
    }),
});
export type OwnSettings = z.infer<typeof ownSettings>;
/** Where the tables lie is said by the source's own settings. */
export const ownSettingsForm = ownSettings.omit({ schema: true });

const preset = (
  id: string,
  title: string,
  summary: string,
  settings: z.input<typeof ownSettingsForm>,
): SchemaPreset => ({
  id,
  title,
  summary,
  settings: ownSettingsForm.parse(settings),
});

export const ownPresets: readonly SchemaPreset[] = [
  preset('commissioning', 'Commissioning', 'Everything is kept at full resolution, compressed after two days.', {
    compressAfterDays: 2,
  }),
  preset('plant', 'Years of operation', 'Two years of samples, and rollups of a minute, an hour and a day for ever.', {
    compressAfterDays: 7,
    keepDays: 730,
    rollups: ['1m', '1h', '1d'],
  }),
  preset('rolling', 'Last month', 'A month of samples, a year of minutes, and hours for ever, on a small disk.', {
    compressAfterDays: 1,
    keepDays: 31,
    rollups: ['1m 366d', '1h'],
  }),
  preset('plain', 'Tables alone', 'No compression, no rollups, nothing is removed: for tests and small servers.', {
    compressAfterDays: 0,
    rollups: [],
  }),
];

export interface WantedRollup {
  readonly seconds: number;
  /** Null: for ever. */
  readonly keepDays: number | null;
}
export function wantedRollups({ rollups }: Pick<OwnSettings, 'rollups'>): WantedRollup[] {
  return rollups.map((text) => {
    const [, step, kept] = ROLLUP.exec(text)!;
    const seconds = ROLLUP_STEPS[STEP_TEXTS.indexOf(step!)]!;
    return { seconds, keepDays: kept === undefined ? null : Number(kept) };
  });
}

/** `samples_1m`, `samples_6h`: what the rollup of a step is called. */
export const rollupName = (seconds: number): string => `samples_${stepText(seconds)}`;
/** Seconds of the rollup of this name; null where it is none. */
export const rollupSeconds = (name: string): number | null =>
  ROLLUP_STEPS.find((seconds) => rollupName(seconds) === name) ?? null;
