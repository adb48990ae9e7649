import { Plus, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Button, formatPeriod, IconButton, parsePeriod, TextField } from '#renderer/ui/index.ts';
import type { CatalogueRelation, MappedRollup, TableMapping } from '#shared/model/index.ts';
import { faultsUnder, relationText, sameRelation, timeKindOf } from './mapping-draft.ts';
import { ColumnField, RelationField } from './mapping-fields.tsx';

const parts = ['count', 'min', 'max', 'sum', 'first', 'last'] as const;
const partNames: Readonly<Record<(typeof parts)[number], string>> = {
  count: 'Number of samples',
  min: 'Smallest',
  max: 'Largest',
  sum: 'Sum',
  first: 'First',
  last: 'Last',
};
const noColumns: MappedRollup['columns'] = {
  min: null,
  max: null,
  sum: null,
  count: '',
  first: null,
  last: null,
  other: null,
  worst: null,
};

/** A rollup as the server's own word on its columns has it; what it does not say is left to be chosen. */
export function rollupFrom(relation: CatalogueRelation, mapping: TableMapping): MappedRollup {
  const of = relation.rollupOf?.columns ?? [];
  const value = mapping.values[0]?.column;
  const find = (what: (typeof of)[number]['of']): string | undefined =>
    of.find((column) => column.of === what && (what === 'count' || column.source === value))?.name;
  const tag = mapping.tag.kind === 'column' || mapping.tag.kind === 'table' ? mapping.tag.column : null;
  return {
    relation: { schema: relation.schema, name: relation.name },
    stepMs: relation.rollupOf?.step?.ms ?? 60_000,
    time:
      of.find((column) => column.of === 'time')?.name ??
      relation.columns.find(({ kind }) => timeKindOf(kind) !== null)?.name ??
      '',
    tag:
      tag === null
        ? null
        : (of.find((column) => column.of === 'key' && column.source === tag)?.name ??
          relation.columns.find(({ name }) => name === tag)?.name ??
          ''),
    // Of a table that somebody fills by a job of his own nothing is known: its end is read from the samples.
    live: relation.rollupOf?.live ?? false,
    columns: {
      ...noColumns,
      count: find('count') ?? '',
      min: find('min') ?? null,
      max: find('max') ?? null,
      sum: find('sum') ?? null,
      first: find('first') ?? null,
      last: find('last') ?? null,
    },
  };
}

/** Relations that hold the same samples already aggregated: what is read when a long range is looked at. */
export function MappingRollups({
  mapping,
  relations,
  problems,
  onChange,
}: {
  readonly mapping: TableMapping;
  readonly relations: readonly CatalogueRelation[];
  readonly problems: ReadonlyMap<string, string>;
  readonly onChange: (rollups: TableMapping['rollups']) => void;
}): ReactNode {
  const { rollups } = mapping;
  const ours = relations.filter(
    ({ rollupOf }) => rollupOf !== null && sameRelation(rollupOf.relation, mapping.relation),
  );
  const others = relations.filter((relation) => !ours.includes(relation));
  const unused = ours.filter((relation) => rollups.every((rollup) => !sameRelation(rollup.relation, relation)));
  const change = (at: number, part: Partial<MappedRollup>): void =>
    onChange(rollups.map((rollup, index) => (index === at ? { ...rollup, ...part } : rollup)));
  return (
    <details className="schema-group" open={rollups.length > 0 || problems.has('rollups')}>
      <summary className="section-title">
        Aggregates for long ranges <span className="quiet">{rollups.length === 0 ? 'none' : rollups.length}</span>
      </summary>
      <div className="map-list">
        {problems.has('rollups') && <p className="field-error">{problems.get('rollups')}</p>}
        {rollups.map((rollup, at) => {
          const own = faultsUnder(problems, `rollups.${at}`);
          const shape = relations.find((relation) => sameRelation(relation, rollup.relation)) ?? null;
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: a rollup has no other identity while it is being made
            <fieldset key={at} className="editor-device">
              <legend className="visually-hidden">{relationText(rollup.relation)}</legend>
              <div className="map-grid">
                <RelationField
                  label="Relation"
                  relations={[...ours, ...others]}
                  value={rollup.relation}
                  error={own.get('relation') ?? own.get('relation.name') ?? own.get('')}
                  onChange={(relation) => {
                    const found = relations.find((one) => sameRelation(one, relation));
                    if (found !== undefined) change(at, rollupFrom(found, mapping));
                  }}
                />
                <StepField
                  stepMs={rollup.stepMs}
                  error={own.get('stepMs')}
                  onChange={(stepMs) => change(at, { stepMs })}
                />
                <ColumnField
                  label="Start of the step"
                  shape={shape}
                  value={rollup.time}
                  error={own.get('time')}
                  fits={({ kind }) => timeKindOf(kind) !== null}
                  onChange={(time) => change(at, { time })}
                />
                {mapping.tag.kind !== 'fixed' && (
                  <ColumnField
                    label="Tag or its key"
                    shape={shape}
                    value={rollup.tag ?? ''}
                    error={own.get('tag')}
                    onChange={(tag) => change(at, { tag })}
                  />
                )}
                {parts.map((part) =>
                  part === 'count' ? (
                    <ColumnField
                      key={part}
                      label={partNames[part]}
                      shape={shape}
                      value={rollup.columns.count}
                      error={own.get('columns.count')}
                      onChange={(count) => change(at, { columns: { ...rollup.columns, count } })}
                    />
                  ) : (
                    <ColumnField
                      key={part}
                      label={partNames[part]}
                      none="not there"
                      shape={shape}
                      value={rollup.columns[part]}
                      error={own.get(`columns.${part}`)}
                      onChange={(column) => change(at, { columns: { ...rollup.columns, [part]: column } })}
                    />
                  ),
                )}
                <div className="map-row-tools">
                  <IconButton
                    icon={X}
                    label={`Leave out ${relationText(rollup.relation)}`}
                    onClick={() => onChange(rollups.filter((_, index) => index !== at))}
                  />
                </div>
              </div>
            </fieldset>
          );
        })}
        <div>
          <Button
            icon={Plus}
            title="A relation with minimum, maximum, sum and number of the samples over steps"
            onClick={() => {
              const [next] = unused;
              onChange([
                ...rollups,
                next === undefined
                  ? {
                      relation: { schema: '', name: '' },
                      stepMs: 60_000,
                      time: '',
                      tag: '',
                      live: false,
                      columns: noColumns,
                    }
                  : rollupFrom(next, mapping),
              ]);
            }}
          >
            Add an aggregate
          </Button>
        </div>
      </div>
    </details>
  );
}

function StepField({
  stepMs,
  error,
  onChange,
}: {
  readonly stepMs: number;
  readonly error: string | undefined;
  readonly onChange: (stepMs: number) => void;
}): ReactNode {
  const [text, setText] = useState<string | null>(null);
  const wrong = text !== null && !(Number(parsePeriod(text)) >= 1);
  return (
    <TextField
      label="Step"
      mono
      value={text ?? formatPeriod(stepMs)}
      error={wrong ? 'Write a time such as 1 min or 1 h.' : error}
      onChange={(entered) => {
        setText(entered);
        const ms = parsePeriod(entered);
        if (ms !== null && ms >= 1) onChange(ms);
      }}
      onBlur={() => {
        if (!wrong) setText(null);
      }}
    />
  );
}
