import type { CatalogueRelation, MappedRollup, TableMapping } from '#shared/model/index.ts';
import type { Survey } from './survey.ts';

const COUNTS_PER_SECOND = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 } as const;

/** Aggregates that the database keeps of a mapping's relation and that give the same numbers; of the rest why not. */
export function guessRollups(
  mapping: TableMapping,
  survey: Survey,
): { readonly rollups: MappedRollup[]; readonly reasons: string[] } {
  const rollups: MappedRollup[] = [];
  const reasons: string[] = [];
  for (const view of survey.rollupsOf(mapping.relation)) {
    const of = view.rollupOf;
    if (of === null) continue;
    const found = fitting(mapping, view, of);
    if (typeof found === 'string') reasons.push(`"${view.name}" is not used when zoomed out: ${found}`);
    else {
      const steps = found.stepMs >= 60_000 ? `${found.stepMs / 60_000} min` : `${found.stepMs / 1_000} s`;
      const rest = found.live ? '' : ' What came since its last refresh is read from the samples.';
      reasons.push(`"${view.name}" holds the same in steps of ${steps}, for long ranges.${rest}`);
      rollups.push(found);
    }
  }
  return { rollups: rollups.sort((a, b) => a.stepMs - b.stepMs).slice(0, 20), reasons };
}

function fitting(
  mapping: TableMapping,
  view: CatalogueRelation,
  { step, live, filtered, columns }: NonNullable<CatalogueRelation['rollupOf']>,
): MappedRollup | string {
  const { tag, values, time, quality, labels } = mapping;
  const [value] = values;
  const bare = values.length === 1 && value!.jsonPath.length === 0 && value!.type === 'number';
  if (tag.kind === 'columns' || !bare) return 'the tags are columns, or values of several columns.';
  if (quality !== null) return 'it counts bad values as good ones.';
  if (filtered) return 'it holds some of the rows alone, or those of other tables too.';
  const counted = step?.count ?? null;
  const stepMs = step?.ms ?? (counted === null ? null : (counted * 1e3) / COUNTS_PER_SECOND[time.unit]);
  if (stepMs === null || !Number.isInteger(stepMs) || (time.kind === 'epoch') !== (counted !== null)) {
    return 'its steps are not of one length counted from 1970.';
  }
  if (time.kind === 'timestamp' && stepMs > 900_000) return 'its steps follow a wall clock, which summer time moves.';
  const known = new Set(view.columns.map(({ name }) => name));
  const find = (kind: string, source: string | null): string | null =>
    columns.find((one) => one.of === kind && one.source === source && known.has(one.name))?.name ?? null;
  const start = find('time', time.column);
  const count = find('count', value!.column);
  if (start === null) return 'the start of its steps is not a column of it.';
  if (count === null) return `it does not count the values of "${value!.column}", and a mean of means is not the mean.`;
  const key = tag.kind === 'fixed' ? null : find('key', tag.column);
  if (tag.kind !== 'fixed' && key === null) return `it puts all tags together.`;
  const keys = columns.filter((one) => one.of === 'key' && one.name !== key);
  const missing = labels.filter((one) => one.of === 'samples' && !keys.some(({ source }) => source === one.column));
  if (missing.length > 0) return `it does not tell "${missing[0]!.column}" apart.`;
  if (keys.length > missing.length && keys.some(({ source }) => !labels.some(({ column }) => column === source))) {
    return `it tells "${keys[0]!.name}" apart, which the mapping does not.`;
  }
  const of = (kind: string): string | null => find(kind, value!.column);
  return {
    relation: { schema: view.schema, name: view.name },
    stepMs,
    time: start,
    tag: key,
    live,
    columns: {
      min: of('min'),
      max: of('max'),
      sum: of('sum'),
      count,
      first: of('first'),
      last: of('last'),
      other: null,
      worst: null,
    },
  };
}
