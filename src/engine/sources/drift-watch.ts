import type { Clock } from '#engine/platform/index.ts';
import type { MappingDrift, TableMapping } from '#shared/model/index.ts';

/** How often tables are looked at again while one of them does not fit its mapping. */
const AGAIN_MS = 30_000;
/** A read that succeeds where something did not fit has them looked at sooner, but no more often than so. */
const SOONEST_MS = 5_000;

/**
 * Which of a source's mappings no longer fit their tables. What a query meets counts at once, and the tables are looked at
 * then; while something does not fit they are looked at again and again, so that it goes back by itself.
 */
export interface DriftWatch {
  list(): readonly MappingDrift[];
  /** What a read has met of a mapping; null: it was read without trouble. */
  met(mapping: string, problem: string | null): void;
  /** Looks now. Throws what the source throws. */
  look(signal: AbortSignal): Promise<readonly MappingDrift[]>;
  end(): void;
}

export interface DriftWatchOptions {
  readonly clock: Clock;
  mappings(): readonly TableMapping[];
  /** What the tables themselves tell. */
  compare(signal: AbortSignal): Promise<readonly MappingDrift[]>;
  onChange(): void;
}

export function createDriftWatch({ clock, mappings, compare, onChange }: DriftWatchOptions): DriftWatch {
  const stop = new AbortController();
  let found: readonly MappingDrift[] = [];
  /** What reads have met and the tables do not tell, as of a view that does not work any more: until a read succeeds. */
  const met = new Map<string, string>();
  let timer: Disposable | null = null;
  let looking = false;
  let lastLook = 0;

  const list = (): readonly MappingDrift[] => [
    ...found,
    ...[...met].map(([mapping, message]) => ({
      mapping,
      problems: [{ path: 'relation', message, severity: 'error' as const }],
    })),
  ];
  const look = async (signal: AbortSignal): Promise<readonly MappingDrift[]> => {
    lastLook = clock.monotonicMs();
    found = await compare(signal);
    for (const { mapping } of found) met.delete(mapping);
    changed();
    return list();
  };
  /** Nobody waits for it, and one that fails for want of a link is followed by the next. */
  const lookByItself = (): void => {
    if (looking) return;
    looking = true;
    void look(stop.signal)
      .catch(() => again())
      .finally(() => {
        looking = false;
      });
  };
  function again(): void {
    timer?.[Symbol.dispose]();
    timer = list().length === 0 || stop.signal.aborted ? null : clock.after(AGAIN_MS, lookByItself);
  }
  function changed(): void {
    if (stop.signal.aborted) return;
    again();
    onChange();
  }

  return {
    list,
    met(mapping, problem) {
      if (problem === null) {
        if (met.delete(mapping)) changed();
        const soon = clock.monotonicMs() - lastLook < SOONEST_MS;
        if (!soon && found.some((one) => one.mapping === mapping)) lookByItself();
        return;
      }
      if (stop.signal.aborted || !mappings().some(({ id }) => id === mapping)) return;
      if (found.some((one) => one.mapping === mapping) || met.get(mapping) === problem) return;
      met.set(mapping, problem);
      changed();
      lookByItself();
    },
    look,
    end() {
      stop.abort();
      timer?.[Symbol.dispose]();
    },
  };
}

/** Which mapping, and what has become of its table. */
export function driftMessage(drift: readonly MappingDrift[], mappings: readonly TableMapping[]): string {
  const [first] = drift;
  const named = drift.slice(0, 3).map(({ mapping: id }) => {
    const mapping = mappings.find((one) => one.id === id);
    return `"${mapping === undefined ? id : mapping.name || mapping.relation.name}"`;
  });
  const what = first?.problems[0]?.message ?? '';
  if (drift.length === 1) return `The mapping ${named[0]} no longer fits its table. ${what}`;
  const more = drift.length > named.length ? ` and ${drift.length - named.length} more` : '';
  return `${drift.length} mappings no longer fit their tables: ${named.join(', ')}${more}. Of the first: ${what}`;
}
