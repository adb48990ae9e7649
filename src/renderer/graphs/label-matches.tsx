import { type ReactNode, useEffect, useId, useState } from 'react';
import { useClient } from '#renderer/client/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import {
  type GraphSeriesForm,
  MATCH_KINDS,
  MATCH_TITLES,
  type MatchKindName,
  matchText,
  readMatch,
} from './graph-model.ts';

const MOST_VALUES = 50;
const SUGGEST_MS = 200;

/** What the labels of a metric must be; a line a label, values suggested from what the source has. */
export function LabelMatches({
  source,
  metric,
  labels,
  match,
  kinds,
  onChange,
}: {
  readonly source: string | null;
  readonly metric: string;
  readonly labels: readonly string[];
  readonly match: GraphSeriesForm['match'];
  /** Comparisons that the source has; null while that is not known. */
  readonly kinds: readonly string[] | null;
  readonly onChange: (match: GraphSeriesForm['match']) => void;
}): ReactNode {
  if (labels.length === 0) return <p className="quiet graph-none">The metric has no labels.</p>;
  return (
    <div className="label-matches">
      {labels.map((label) => (
        <LabelMatchRow
          key={label}
          source={source}
          metric={metric}
          label={label}
          value={match[label]}
          kinds={kinds}
          onChange={(next) => {
            const { [label]: _, ...rest } = match;
            onChange(next === undefined ? rest : { ...rest, [label]: next });
          }}
        />
      ))}
    </div>
  );
}

function LabelMatchRow({
  source,
  metric,
  label,
  value,
  kinds,
  onChange,
}: {
  readonly source: string | null;
  readonly metric: string;
  readonly label: string;
  readonly value: GraphSeriesForm['match'][string] | undefined;
  readonly kinds: readonly string[] | null;
  readonly onChange: (value: GraphSeriesForm['match'][string] | undefined) => void;
}): ReactNode {
  const client = useClient();
  const list = useId();
  const shown = value === undefined ? { kind: 'equals' as const, text: '' } : matchText(value);
  const [kind, setKind] = useState<MatchKindName>(shown.kind);
  const [asked, setAsked] = useState<string | null>(null);
  const [values, setValues] = useState<readonly string[]>([]);
  const now = value === undefined ? kind : shown.kind;
  // A list that is being typed ends with a semicolon that it does not hold yet.
  const [typed, setTyped] = useState(shown.text);
  const same = value !== undefined && JSON.stringify(readMatch(now, typed)) === JSON.stringify(value);
  useEffect(() => {
    if (asked === null) return;
    const abort = new AbortController();
    const timer = window.setTimeout(() => {
      client.rpc.graphs
        .labelValues(
          { source: source ?? RUNNING_HISTORY, metric, label, text: asked, limit: MOST_VALUES },
          { signal: abort.signal },
        )
        .then((found) => setValues(found.values))
        // Suggestions are a help; the value can be typed without them.
        .catch(() => undefined);
    }, SUGGEST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [client, source, metric, label, asked]);
  return (
    <div className="label-match">
      <span className="mono">{label}</span>
      <select
        className="select"
        aria-label={`How ${label} is compared`}
        value={now}
        onChange={(event) => {
          const next = event.target.value as MatchKindName;
          setKind(next);
          if (shown.text !== '') onChange(readMatch(next, shown.text));
        }}
      >
        {MATCH_KINDS.map((name) => {
          const missing = kinds !== null && !kinds.includes(name);
          return (
            <option key={name} value={name} disabled={missing}>
              {MATCH_TITLES[name]}
              {missing ? ' (not on this source)' : ''}
            </option>
          );
        })}
      </select>
      <input
        className="input"
        aria-label={`Value of ${label}`}
        placeholder={
          now === 'in' || now === 'notIn'
            ? 'any; one; of; these'
            : now === 'like' || now === 'unlike'
              ? 'any, * and ?'
              : 'any'
        }
        list={list}
        value={same ? typed : shown.text}
        spellCheck={false}
        autoComplete="off"
        onFocus={() => setAsked(shown.text)}
        onChange={(event) => {
          const { value: text } = event.target;
          setTyped(text);
          setAsked(text.split(';').at(-1)?.trim() ?? '');
          onChange(text === '' ? undefined : readMatch(now, text));
        }}
      />
      <datalist id={list}>
        {values.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </div>
  );
}
