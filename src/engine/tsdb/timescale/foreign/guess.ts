import {
  type CatalogueColumn,
  type CatalogueRelation,
  type MappedValue,
  type MappingGuess,
  TAG_LABEL,
  type TableLayout,
  type TableMapping,
} from '#shared/model/index.ts';
import { guessQuality, type QualityGuess } from './guess-quality.ts';
import { guessRollups } from './guess-rollups.ts';
import { guessTags, type TagGuess, tellsApart } from './guess-tag.ts';
import { type Examples, guessTime, type Surroundings, type TimeGuess } from './guess-time.ts';
import { leavesOf, narrowValues, ownQualities, valueLeaves, wideValue } from './guess-values.ts';
import { NAMES, plain, slug } from './names.ts';
import { seenOf } from './seen.ts';
import type { Survey } from './survey.ts';

export type { Examples, Surroundings } from './guess-time.ts';

/** Values that a mapping may have. */
const MOST_VALUES = 5_000;

/**
 * What a relation may mean as samples, the surest first; empty where nothing in it can be a time or a value. Pure: the
 * same description gives the same guesses. What it takes is told with a reason each, and what nobody can know from the
 * tables is a question, not a choice made in silence.
 */
export function guessMappings(
  relation: CatalogueRelation,
  survey: Survey,
  examples: Examples,
  around: Surroundings,
): MappingGuess[] {
  const time = guessTime(relation, examples, around);
  if (time === null) return [];
  const draft: Draft = { relation, survey, examples, time, ...sorted(relation, survey, examples, time.column) };
  const { tags, named, measures, documents } = draft;
  const [tag] = tags;
  const guesses: MappingGuess[] = [];
  const told = documents.filter((column) => valueLeaves(leavesOf(column, examples)).length > 0);
  const single = named.length > 0 ? named : measures.length === 1 ? measures : told.length === 1 ? told : [];
  // One thing that is measured and something that says what: narrow. Several: a tag for each.
  if (single.length > 0 && tag !== undefined) {
    for (const one of tags.slice(0, 2)) guesses.push(...narrow(draft, one, single));
  }
  if (measures.length > 1 || (measures.length === 1 && tag === undefined) || documents.length > told.length) {
    guesses.push(...wide(draft));
  }
  if (named.length > 0 && tag === undefined) guesses.push(...oneTag(draft, named));
  return guesses
    .filter(({ confidence }) => confidence >= 0.1)
    .sort((a, b) => b.confidence - a.confidence)
    .slice(0, 3);
}

/** Whether a relation looks like samples by its description alone, for the order of a list. */
export function likenessOf(
  relation: CatalogueRelation,
  survey: Survey,
  around: Surroundings,
): CatalogueRelation['looksLike'] {
  const [best] = guessMappings(relation, survey, new Map(), around);
  if (best !== undefined) return { layout: best.layout, confidence: best.confidence };
  // Its rows have to be looked at first.
  const documents = relation.columns.some(({ kind }) => kind === 'json');
  return documents && guessTime(relation, new Map(), around) !== null ? { layout: 'wide', confidence: 0.3 } : null;
}

interface Draft extends Sorted {
  readonly relation: CatalogueRelation;
  readonly survey: Survey;
  readonly examples: Examples;
  readonly time: TimeGuess;
}

interface Sorted {
  readonly tags: readonly TagGuess[];
  /** Columns that are called values. */
  readonly named: readonly CatalogueColumn[];
  /** Other numbers and switches. */
  readonly measures: readonly CatalogueColumn[];
  readonly documents: readonly CatalogueColumn[];
  readonly quality: QualityGuess | null;
  /** Columns of quality by the columns that they are of. */
  readonly owners: ReadonlyMap<string, string>;
  /** What tells series apart beside the tag. */
  readonly apart: readonly CatalogueColumn[];
}

function sorted(relation: CatalogueRelation, survey: Survey, examples: Examples, time: CatalogueColumn): Sorted {
  const rest = relation.columns.filter(
    (column) => column !== time && column.kind !== 'instant' && column.kind !== 'wall',
  );
  const tags = guessTags(relation, rest, survey);
  const qualities = rest.flatMap((column) => {
    const found = guessQuality(column, examples);
    return found === null ? [] : [{ column, found }];
  });
  const quality = qualities[0] ?? null;
  const owns = ownQualities(rest);
  const owned = new Set(owns.values());
  const free = rest.filter((column) => column !== quality?.column && !owned.has(column.name));
  const named = free.filter(({ name, kind }) => NAMES.value.test(plain(name)) && kind !== 'other' && kind !== 'json');
  const keys = new Set([...relation.key, ...relation.references.flatMap(({ columns }) => columns)]);
  const certain = tags.find(({ table, confidence }) => table !== null || confidence >= 0.6)?.column;
  const measures = free.filter((column) => {
    const name = plain(column.name);
    if (column.kind !== 'number' && column.kind !== 'integer' && column.kind !== 'boolean') return false;
    if (named.includes(column) || keys.has(column.name) || column === certain) return false;
    return (
      !NAMES.technical.test(name) &&
      name !== 'id' &&
      !(column.kind === 'integer' && (NAMES.place.test(name) || NAMES.tag.test(name)))
    );
  });
  const apart = free.filter((column) => {
    if (column.kind !== 'text' && column.kind !== 'integer') return false;
    const name = plain(column.name);
    if (named.includes(column) || measures.includes(column)) return false;
    if (relation.key.includes(column.name)) return relation.key.length > 1;
    if (NAMES.technical.test(name) || NAMES.description.test(name)) return false;
    return (
      NAMES.place.test(name) ||
      NAMES.tag.test(name) ||
      (relation.rows !== null && column.distinct !== null && tellsApart(column, relation) > 0)
    );
  });
  return {
    tags,
    named,
    measures,
    documents: free.filter(({ kind }) => kind === 'json'),
    quality: quality?.found ?? null,
    owners: owns,
    apart,
  };
}

/** The time's alone where there are several reasons, since nothing else can be looked at without it. */
const together = (...confidences: readonly number[]): number => Math.round(100 * Math.min(...confidences)) / 100;

function narrow(draft: Draft, tag: TagGuess, columns: readonly CatalogueColumn[]): MappingGuess[] {
  const values = narrowValues(columns, draft.examples);
  if (values.length === 0) return [];
  const called = draft.named.length > 0;
  const list = [...new Set(values.map(({ column }) => `"${column}"`))].join(', ');
  const why = called
    ? values.length === 1
      ? `${list} is the value: it is called so.`
      : `${list} hold the value: of each row the first that is not NULL counts.`
    : `${list} is the value: nothing else is measured in a row.`;
  return finish(draft, {
    layout: tag.table === null ? 'narrow' : 'tag table',
    tag: tag.tag,
    tagReason: tag.reason,
    values,
    valuesReason: why,
    labels: labelsOf(draft, tag.column, tag.table, tag.tag),
    quality: draft.quality,
    confidence: together(draft.time.confidence, tag.confidence, called ? 0.95 : 0.8),
  });
}

function wide(draft: Draft): MappingGuess[] {
  const { measures, documents, named, owners, quality, examples } = draft;
  const leaves = documents.flatMap((column) => leavesOf(column, examples));
  const columns = [
    ...named.filter(({ kind }) => kind === 'number' || kind === 'integer' || kind === 'boolean'),
    ...measures,
  ];
  const values = [...columns.map((column) => wideValue(column, owners.get(column.name) ?? null)), ...leaves];
  if (values.length === 0) return [];
  const owns = values.filter((value) => value.quality !== null);
  const rule = owns.length > 0 ? ruleOf(draft, owns) : quality;
  const more = values.length > MOST_VALUES ? ` Only the first ${MOST_VALUES} are taken.` : '';
  const of =
    leaves.length > 0
      ? `${leaves.length} values in the documents of "${leaves[0]!.column}"`
      : `${values.length} columns`;
  return finish(draft, {
    layout: 'wide',
    tag: { kind: 'columns' },
    tagReason: `A row holds ${of}: each is a tag.${more}`,
    values:
      rule === null
        ? values.slice(0, MOST_VALUES).map((one) => ({ ...one, quality: null }))
        : values.slice(0, MOST_VALUES),
    valuesReason:
      leaves.length > 0
        ? 'The keys are those of the rows that were looked at; others can be added.'
        : `They are the numbers and switches of a row that nothing refers to${owns.length > 0 ? `; ${owns.length} have a column of their own for their quality` : ''}.`,
    labels: labelsOf(draft, null, null, { kind: 'columns' }),
    quality: rule,
    confidence: together(
      draft.time.confidence,
      named.length > 0 && draft.tags.length > 0 ? 0.4 : Math.min(0.9, 0.6 + values.length / 20),
    ),
  });
}

/** One rule reads all columns of quality; that of the first holds for the rest. */
function ruleOf({ relation, examples }: Draft, owns: readonly MappedValue[]): QualityGuess | null {
  const column = relation.columns.find(({ name }) => name === owns[0]!.quality)!;
  const found = guessQuality({ ...column, name: 'quality' }, new Map([['quality', examples.get(column.name) ?? []]]));
  if (found === null) return null;
  const quality = { ...found.quality, column: column.name };
  return { ...found, quality, reason: found.reason.replace('"quality"', `"${column.name}" and its like`) };
}

function oneTag(draft: Draft, columns: readonly CatalogueColumn[]): MappingGuess[] {
  const values = narrowValues(columns, draft.examples);
  if (values.length === 0) return [];
  const { relation } = draft;
  return finish(draft, {
    layout: 'one tag',
    tag: { kind: 'fixed', name: relation.name.slice(0, 500) },
    tagReason: `No column names a tag: all rows are of one, called "${relation.name}" after the table.`,
    values,
    valuesReason: `${[...new Set(values.map(({ column }) => `"${column}"`))].join(', ')} is the value: it is called so.`,
    labels: labelsOf(draft, null, null, { kind: 'fixed', name: relation.name }),
    quality: draft.quality,
    confidence: together(draft.time.confidence, 0.7),
  });
}

interface Parts {
  readonly layout: TableLayout;
  readonly tag: TableMapping['tag'];
  readonly tagReason: string;
  readonly values: readonly MappedValue[];
  readonly valuesReason: string;
  readonly labels: TableMapping['labels'];
  readonly quality: QualityGuess | null;
  readonly confidence: number;
}

function finish({ relation, survey, time }: Draft, parts: Parts): MappingGuess[] {
  const name = slug(relation.schema === 'public' ? relation.name : `${relation.schema}_${relation.name}`);
  const mapping: TableMapping = {
    id: name.slice(0, 60) || 'table',
    name: relation.name.slice(0, 200),
    version: 1,
    relation: { schema: relation.schema, name: relation.name },
    time: time.time,
    tag: parts.tag,
    values: parts.values,
    quality: parts.quality?.quality ?? null,
    labels: parts.labels,
    timesRepeat: false,
    rollups: [],
  };
  const rollups = guessRollups(mapping, survey);
  const whole: TableMapping = { ...mapping, rollups: rollups.rollups };
  const of = relation.rollupOf?.relation;
  const reasons: { part: MappingGuess['reasons'][number]['part']; text: string }[] = [
    ...(of === undefined
      ? []
      : [
          {
            part: 'relation',
            text: `It is made from "${of.name}": map that one, and this serves long ranges.`,
          } as const,
        ]),
    { part: 'time', text: time.reason },
    { part: 'tag', text: parts.tagReason },
    { part: 'values', text: parts.valuesReason },
  ];
  if (parts.quality !== null) reasons.push({ part: 'quality', text: parts.quality.reason });
  else reasons.push({ part: 'quality', text: 'No column tells good values from bad ones: every value is good.' });
  if (parts.labels.length > 0) {
    const list = parts.labels.map(({ column }) => `"${column}"`).join(', ');
    reasons.push({ part: 'labels', text: `Beside the tag, series are told apart or described by ${list}.` });
  }
  for (const text of rollups.reasons) reasons.push({ part: 'rollups', text });
  return [
    {
      mapping: { ...whole, seen: seenOf(whole, survey) },
      layout: parts.layout,
      confidence: of === undefined ? parts.confidence : Math.round(parts.confidence * 20) / 100,
      reasons,
      questions: [...time.questions, ...(parts.quality?.questions ?? [])],
    },
  ];
}

/** Columns that tell series apart, and what the table of tags says of a tag's place. */
function labelsOf(
  { apart }: Draft,
  used: CatalogueColumn | null,
  table: CatalogueRelation | null,
  tag: TableMapping['tag'],
): TableMapping['labels'] {
  const names = new Set([TAG_LABEL]);
  const labels: { column: string; name: string; of: 'samples' | 'tags' }[] = [];
  const add = (column: string, of: 'samples' | 'tags'): void => {
    const base =
      slug(column)
        .replace(/_(id|name|nr|no)$/, '')
        .replace(/^(?=\d)/, '_')
        .slice(0, 60) || 'label';
    let name = base;
    for (let n = 2; names.has(name); n++) name = `${base}_${n}`;
    names.add(name);
    if (labels.length < 20) labels.push({ column, name, of });
  };
  for (const column of apart) if (column !== used) add(column.name, 'samples');
  if (table !== null && tag.kind === 'table') {
    for (const { name, kind } of table.columns) {
      if (kind !== 'text' || [tag.key, tag.name, tag.unit, tag.description].includes(name)) continue;
      if (NAMES.place.test(plain(name))) add(name, 'tags');
    }
  }
  return labels;
}
