import type { Clock } from '#engine/platform/index.ts';
import type { ForeignSchema } from '#engine/tsdb/tsdb.ts';
import { type CatalogueRelation, driftOf, isMappedZone, type RelationName } from '#shared/model/index.ts';
import { discover, nameKey } from './discovery.ts';
import { guessMappings, likenessOf, type Surroundings } from './guess.ts';
import { examplesOf } from './look.ts';
import { previewOf } from './preview.ts';
import { columnsOf } from './seen.ts';
import { type Ask, orNull } from './sql.ts';
import { type Survey, surveyOf } from './survey.ts';

export { requireCost } from './cost.ts';
export { driftText } from './drift.ts';
export { mismatchText } from './mismatch.ts';
export type { Ask } from './sql.ts';
export { createTagLists, type TagLists } from './tags.ts';

/** A page of the catalogue: whichever is reached first. */
const PAGE_RELATIONS = 500;
const PAGE_COLUMNS = 5_000;
/** How long what was found serves the guesses after it. */
const KEEPS_MS = 60_000;

export interface ForeignOptions {
  readonly ask: Ask;
  readonly clock: Clock;
  /** Schema of tables that are not others' but our own; null: there are none. */
  readonly own: string | null;
}

interface Found {
  readonly relations: readonly CatalogueRelation[];
  readonly survey: Survey;
}

/** The tables that others have made, in a session that may only read. */
export function createForeignSchema({ ask, clock, own }: ForeignOptions): ForeignSchema {
  let kept: { readonly at: number; readonly found: Found } | null = null;
  const surroundings = async (signal: AbortSignal): Promise<Surroundings> => {
    const [row] = (await orNull(() => ask(SURROUNDINGS, [], signal), signal)) ?? [];
    const zone = row?.zone;
    return { now: clock.now(), serverZone: typeof zone === 'string' && isMappedZone(zone) ? zone : 'UTC' };
  };
  const everything = async (signal: AbortSignal): Promise<Found> => {
    if (kept !== null && clock.monotonicMs() - kept.at < KEEPS_MS) return kept.found;
    const relations = (await discover(ask, signal)).filter(({ schema }) => schema !== own);
    const found = { relations, survey: surveyOf(relations) };
    kept = { at: clock.monotonicMs(), found };
    return found;
  };
  return {
    async *discover(signal) {
      kept = null;
      const around = await surroundings(signal);
      const { relations, survey } = await everything(signal);
      let page: CatalogueRelation[] = [];
      let columns = 0;
      for (const relation of relations) {
        const looksLike = likenessOf(relation, survey, around);
        if (page.length > 0 && (page.length === PAGE_RELATIONS || columns + relation.columns.length > PAGE_COLUMNS)) {
          yield page;
          page = [];
          columns = 0;
        }
        page.push({ ...relation, looksLike });
        columns += relation.columns.length;
      }
      if (page.length > 0) yield page;
    },

    async guess(name, signal) {
      const { survey } = await everything(signal);
      const relation = survey.find(name);
      if (relation === undefined) return [];
      return guessMappings(relation, survey, await examplesOf(relation, ask, signal), await surroundings(signal));
    },

    preview: async (mapping, signal) =>
      previewOf(mapping, await discover(ask, signal, relationsOf([mapping])), clock.now(), ask, signal),

    async drift(mappings, signal) {
      const wanted = relationsOf(mappings);
      if (wanted.length === 0) return [];
      const found = await discover(ask, signal, wanted);
      return mappings.flatMap((mapping) => {
        const problems = driftOf(mapping, found);
        return problems.length === 0 ? [] : [{ mapping: mapping.id, problems }];
      });
    },
  };
}

/** Each once. */
const relationsOf = (mappings: Parameters<ForeignSchema['drift']>[0]): RelationName[] => [
  ...new Map(mappings.flatMap((one) => columnsOf(one).map(({ relation }) => [nameKey(relation), relation]))).values(),
];

/** Sessions here have a zone of their own; the log's is that of the computer, unless somebody has changed it. */
const SURROUNDINGS = `SELECT current_setting('log_timezone') AS zone`;
