import { Plus } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, type Ref, useState } from 'react';
import { MiddleText, plural, SearchField } from '#renderer/ui/index.ts';
import type { CatalogueMetric } from '#shared/rpc/graphs.ts';
import { MOST_FOUND, useMetricSearch } from './use-metrics.ts';

/** Metrics of the source: search, then Enter, a double-click or the plus sign adds a series. */
export function MetricSearch({
  source,
  onAdd,
  searchRef,
}: {
  readonly source: string | null;
  readonly onAdd: (metric: CatalogueMetric) => void;
  readonly searchRef: Ref<HTMLInputElement>;
}): ReactNode {
  const [text, setText] = useState('');
  const [focused, setFocused] = useState(0);
  const { metrics, total, fault, loading } = useMetricSearch(source, text);
  const at = Math.min(focused, Math.max(0, metrics.length - 1));
  const onKeyDown = (event: KeyboardEvent): void => {
    const move = (to: number): void => {
      event.preventDefault();
      const index = Math.max(0, Math.min(metrics.length - 1, to));
      setFocused(index);
      document.getElementById(`metric-${index}`)?.scrollIntoView({ block: 'nearest' });
    };
    if (event.key === 'ArrowDown') move(at + 1);
    else if (event.key === 'ArrowUp') move(at - 1);
    else if (event.key === 'PageDown') move(at + 10);
    else if (event.key === 'PageUp') move(at - 10);
    else if (event.key === 'Enter') {
      event.preventDefault();
      const metric = metrics[at];
      if (metric !== undefined) onAdd(metric);
    }
  };
  return (
    <section className="metric-search" aria-label="Metrics">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the keys belong to the field and the list below it */}
      <div onKeyDown={onKeyDown}>
        <SearchField
          ref={searchRef}
          label="Search metrics"
          value={text}
          onChange={(next) => {
            setText(next);
            setFocused(0);
          }}
          width="100%"
        />
        <div
          className="metric-list"
          role="listbox"
          aria-label="Metrics, Enter adds a series"
          aria-activedescendant={metrics[at] === undefined ? undefined : `metric-${at}`}
          tabIndex={0}
        >
          {metrics.map((metric, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the list handles the keys of its rows
            <div
              key={metric.key}
              id={`metric-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === at}
              className="pick-row metric-row"
              title={[metric.key, metric.description].filter((part) => part !== '').join('\n')}
              onClick={() => setFocused(index)}
              onDoubleClick={() => onAdd(metric)}
            >
              <MiddleText text={metric.title === '' ? metric.key : metric.title} />
              <span className="quiet metric-unit">{metric.unit ?? ''}</span>
              <button
                type="button"
                tabIndex={-1}
                className="pick-add"
                aria-label={`Add ${metric.title === '' ? metric.key : metric.title}`}
                onClick={() => onAdd(metric)}
              >
                <Plus size={13} aria-hidden />
              </button>
            </div>
          ))}
        </div>
      </div>
      <p className="metric-foot quiet" aria-live="polite">
        {fault ??
          (loading && metrics.length === 0
            ? 'Being read…'
            : total === 0
              ? text === ''
                ? 'The source has no metrics yet.'
                : `No metric has "${text}".`
              : total > MOST_FOUND
                ? `${MOST_FOUND} of ${plural(total, 'metric')}; search for more.`
                : `${plural(total, 'metric')}. Enter adds a series.`)}
      </p>
    </section>
  );
}
