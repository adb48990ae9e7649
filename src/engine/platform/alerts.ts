import type { Alert } from '#shared/model/index.ts';
import type { Clock } from './clock.ts';
import { createChanging } from './watch.ts';

/** Background conditions for the alerts panel. A condition has one id; raising it again updates its text. */
export interface Alerts {
  raise(id: string, alert: Pick<Alert, 'severity' | 'source' | 'text' | 'advice'>): void;
  clear(id: string): void;
  list(): readonly Alert[];
  watch(listener: () => void): Disposable;
}

/** Cleared alerts stay visible until this many newer ones have come, so that the night shift's troubles can be read in the morning. */
const KEPT = 200;

export function createAlerts(clock: Clock): Alerts {
  const active = new Map<string, Alert>();
  let history: Alert[] = [];
  const changes = createChanging();
  return {
    raise(id, alert) {
      const known = active.get(id);
      if (known !== undefined && known.text === alert.text && known.severity === alert.severity) return;
      active.set(id, { id, ...alert, raised: known?.raised ?? clock.now(), cleared: null });
      changes.notify();
    },
    clear(id) {
      const known = active.get(id);
      if (known === undefined) return;
      active.delete(id);
      history = [{ ...known, id: `${known.id}@${known.raised}`, cleared: clock.now() }, ...history].slice(0, KEPT);
      changes.notify();
    },
    list: () => [...[...active.values()].sort((a, b) => b.raised - a.raised), ...history],
    watch: changes.watch,
  };
}
