import { type ReactNode, useEffect, useState } from 'react';
import { errorText, useClient } from '#renderer/client/index.ts';
import { Check, formatCount, SearchField } from '#renderer/ui/index.ts';

/** Tags that are listed at a time; a search finds the others. */
const MOST_LISTED = 200;
const SEARCH_MS = 250;

interface Found {
  readonly tags: readonly { readonly id: string; readonly name: string; readonly unit: string | null }[];
  readonly total: number;
}

/** The tags of a recording that have numbers, to be ticked one by one. */
export function TagChooser({
  source,
  chosen,
  onChange,
}: {
  readonly source: string;
  readonly chosen: ReadonlySet<string>;
  readonly onChange: (chosen: ReadonlySet<string>) => void;
}): ReactNode {
  const client = useClient();
  const [text, setText] = useState('');
  const [found, setFound] = useState<Found | { readonly fault: string } | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    const timer = window.setTimeout(() => {
      client.rpc.sending
        .tags({ source, text, limit: MOST_LISTED }, { signal: abort.signal })
        .then(setFound)
        .catch((error: unknown) => {
          if (!abort.signal.aborted) setFound({ fault: errorText(error) });
        });
    }, SEARCH_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [client, source, text]);
  const listed = found === null || 'fault' in found ? [] : found.tags;
  const tick = (ids: readonly string[], on: boolean): void => {
    const next = new Set(chosen);
    for (const id of ids) {
      if (on) next.add(id);
      else next.delete(id);
    }
    onChange(next);
  };
  const ticked = listed.filter(({ id }) => chosen.has(id)).length;
  return (
    <fieldset className="send-tags">
      <legend className="visually-hidden">Tags</legend>
      <SearchField label="Search tags to send" value={text} onChange={setText} width="100%" />
      <div className="send-tag-list">
        {listed.length > 0 && (
          <Check
            label={text === '' ? 'All that are listed' : 'All that were found'}
            checked={ticked === listed.length}
            mixed={ticked > 0 && ticked < listed.length}
            onChange={(on) =>
              tick(
                listed.map(({ id }) => id),
                on,
              )
            }
          />
        )}
        {listed.map(({ id, name, unit }) => (
          <Check
            key={id}
            label={unit === null ? name : `${name} (${unit})`}
            checked={chosen.has(id)}
            onChange={(on) => tick([id], on)}
          />
        ))}
        <p className="quiet">{wordsOf(found, listed.length, text)}</p>
      </div>
    </fieldset>
  );
}

function wordsOf(found: Found | { readonly fault: string } | null, listed: number, text: string): string {
  if (found === null) return 'Being read…';
  if ('fault' in found) return found.fault;
  if (found.total === 0) return text === '' ? 'It has no tags with numbers.' : `None has "${text}".`;
  return found.total > listed ? `${formatCount(found.total - listed)} more are found by a search.` : '';
}
