import { type ReactNode, useState } from 'react';
import { Check, SelectField, TextField } from '#renderer/ui/index.ts';
import type { BackendProfile } from '#shared/model/graph/index.ts';
import type { CatalogueMetric } from '#shared/rpc/graphs.ts';
import { aggregateChoices, type GraphSeriesForm } from './graph-model.ts';
import { LabelMatches } from './label-matches.tsx';

const AGGREGATE_WORDS: Readonly<Record<string, string>> = {
  mean: 'mean of each step',
  min: 'smallest of each step',
  max: 'largest of each step',
  first: 'first of each step',
  last: 'last of each step',
  sum: 'sum of each step',
  count: 'number of samples',
  rate: 'growth per second',
  increase: 'growth of each step',
};
const FILLS = [
  { value: 'none', label: 'stays empty' },
  { value: 'previous', label: 'holds the value before' },
  { value: 'linear', label: 'lies on the line between its neighbours' },
  { value: 'constant', label: 'is zero' },
] as const;
const SHIFTS = { '0': 0, '1 h': 3_600_000, '8 h': 28_800_000, '1 d': 86_400_000, '7 d': 604_800_000 } as const;

/** What one series is made of. What the source cannot do stands greyed with the reason. */
export function SeriesForm({
  series,
  metric,
  profile,
  usual,
  sources,
  onChange,
}: {
  readonly series: GraphSeriesForm;
  /** Null where the source has no such metric; undefined while that is not known. */
  readonly metric: CatalogueMetric | null | undefined;
  readonly profile: (BackendProfile & { readonly title: string }) | null;
  /** Id and name of the graph's own source. */
  readonly usual: { readonly id: string | null; readonly name: string };
  readonly sources: readonly { readonly id: string; readonly name: string }[];
  readonly onChange: (change: Partial<GraphSeriesForm>) => void;
}): ReactNode {
  const [unit, setUnit] = useState<string | null>(null);
  const labels = metric?.labels ?? Object.keys(series.match);
  const choices =
    metric === undefined || metric === null
      ? [{ name: series.aggregate, fault: null }]
      : aggregateChoices(metric, profile);
  const shift = Object.entries(SHIFTS).find(([, ms]) => ms === series.shiftMs)?.[0];
  const source = series.source ?? usual.id;
  return (
    <div className="series-form">
      <div className="series-metric">
        <span className="mono">{series.metric}</span>
        {metric === null && (
          <p className="field-error" role="alert">
            The source has no metric of this name. Choose another source, or remove the series.
          </p>
        )}
        {metric?.description !== undefined && metric.description !== '' && (
          <p className="quiet">{metric.description}</p>
        )}
      </div>
      <TextField
        label="Name in the legend"
        value={series.title}
        onChange={(title) => onChange({ title: title.slice(0, 200) })}
        placeholder={metric?.title ?? series.metric}
        help={labels.length === 0 ? undefined : `{${labels[0]}} stands for the value of that label.`}
      />
      <SelectField
        label="Source"
        value={series.source ?? ''}
        onChange={(next) => onChange({ source: next === '' ? null : next })}
        choices={[
          { value: '', label: `${usual.name} (the graph's)` },
          ...sources.filter(({ id }) => id !== usual.id).map(({ id, name }) => ({ value: id, label: name })),
          ...(series.source === null || sources.some(({ id }) => id === series.source)
            ? []
            : [{ value: series.source, label: `${series.source} (not there)` }]),
        ]}
      />
      <fieldset className="aggregates">
        <legend>Aggregation</legend>
        {choices.map(({ name, fault }) => (
          <label key={name} className="aggregate" data-off={fault === null ? undefined : ''}>
            <input
              type="radio"
              name={`aggregate-${series.id}`}
              checked={series.aggregate === name}
              disabled={fault !== null && series.aggregate !== name}
              aria-describedby={fault === null ? undefined : `why-${series.id}-${name}`}
              onChange={() => onChange({ aggregate: name })}
            />
            <span className="mono">{name}</span>
            <span id={`why-${series.id}-${name}`} className="quiet">
              {fault ?? AGGREGATE_WORDS[name] ?? ''}
            </span>
          </label>
        ))}
      </fieldset>
      <section className="graph-group" aria-label="Labels">
        <h3>Labels</h3>
        <LabelMatches
          source={source}
          metric={series.metric}
          labels={labels}
          match={series.match}
          kinds={profile?.capabilities.matches ?? null}
          onChange={(match) => onChange({ match })}
        />
      </section>
      {labels.length > 0 && (
        <section className="graph-group" aria-label="Together">
          <h3>Together</h3>
          <SelectField
            label="Series whose labels below are equal"
            value={series.groupBy?.aggregate ?? ''}
            onChange={(next) =>
              onChange({
                groupBy:
                  next === ''
                    ? null
                    : {
                        labels: series.groupBy?.labels ?? [],
                        aggregate: next as 'sum' | 'mean' | 'min' | 'max' | 'count',
                      },
              })
            }
            choices={[
              { value: '', label: 'stay apart' },
              { value: 'sum', label: 'become their sum' },
              { value: 'mean', label: 'become their mean' },
              { value: 'min', label: 'become the smallest' },
              { value: 'max', label: 'become the largest' },
              { value: 'count', label: 'become their number' },
            ]}
          />
          {series.groupBy !== null &&
            labels.map((label) => (
              <Check
                key={label}
                label={label}
                checked={series.groupBy?.labels.includes(label) === true}
                onChange={(on) => {
                  const { groupBy } = series;
                  if (groupBy === null) return;
                  const rest = groupBy.labels.filter((one) => one !== label);
                  onChange({ groupBy: { ...groupBy, labels: on ? [...rest, label] : rest } });
                }}
              />
            ))}
        </section>
      )}
      <section className="graph-group" aria-label="Picture">
        <h3>Picture</h3>
        <TextField
          label="Unit to show in"
          value={unit ?? series.unit ?? ''}
          placeholder={metric?.unit ?? 'none'}
          onChange={(text) => {
            setUnit(text);
            onChange({ unit: text.trim() === '' ? null : text.trim().slice(0, 40) });
          }}
          onBlur={() => setUnit(null)}
        />
        <SelectField
          label="A step without a sample"
          value={series.fill.kind}
          onChange={(kind) =>
            onChange({
              fill: kind === 'none' ? { kind } : kind === 'constant' ? { kind, value: 0 } : { kind, maxAge: null },
            })
          }
          choices={FILLS}
        />
        <SelectField
          label="Shown later by"
          value={shift ?? String(series.shiftMs)}
          onChange={(text) => onChange({ shiftMs: SHIFTS[text as keyof typeof SHIFTS] ?? series.shiftMs })}
          choices={[
            ...Object.keys(SHIFTS).map((text) => ({ value: text, label: text === '0' ? 'not shifted' : text })),
            ...(shift === undefined ? [{ value: String(series.shiftMs), label: `${series.shiftMs} ms` }] : []),
          ]}
        />
        <SelectField
          label="Axis"
          value={String(series.style.axis)}
          onChange={(axis) => onChange({ style: { ...series.style, axis: Number(axis) } })}
          choices={Array.from({ length: 8 }, (_, n) => ({ value: String(n), label: String(n + 1) }))}
        />
      </section>
    </div>
  );
}
