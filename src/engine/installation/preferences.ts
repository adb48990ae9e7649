import type { Clock, Database, Logger } from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';

/** Small JSON texts by name, per installation: window state, theme, column widths. Losing the last second is harmless. */
export interface Preferences {
  get(name: string): string | null;
  /** `value` is JSON of at most 64 KiB; otherwise `config.invalid`. */
  set(name: string, value: string): void;
  /** Writes what is waiting. */
  flush(): void;
}

const MAX_BYTES = 65_536;
const MAX_NAMES = 2_000;
/** Dragging a border sets a preference at every step; only the last one is worth a write. */
const WRITE_AFTER_MS = 500;

export function createPreferences(database: Database, clock: Clock, log: Logger): Preferences {
  const values = new Map(
    database
      .prepare<[], { name: string; value: string }>('SELECT name, value FROM preference')
      .all()
      .map(({ name, value }) => [name, value]),
  );
  const write = database.prepare<[string, string]>(
    'INSERT INTO preference(name, value) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value',
  );
  const waiting = new Set<string>();
  let timer: Disposable | null = null;

  const flush = (): void => {
    timer?.[Symbol.dispose]();
    timer = null;
    if (waiting.size === 0) return;
    const names = [...waiting];
    waiting.clear();
    try {
      database.transaction(() => {
        for (const name of names) write.run(name, values.get(name) ?? 'null');
      })();
    } catch (error) {
      log.warn('Preferences could not be written; they hold until the program ends.', { error: String(error) });
    }
  };

  return {
    get: (name) => values.get(name) ?? null,
    set(name, value) {
      if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) throw invalid('name', 'Use 1 to 64 letters, digits, "_" or "-".');
      if (Buffer.byteLength(value) > MAX_BYTES) throw invalid('value', 'A preference has at most 64 KiB.');
      if (!isJson(value)) throw invalid('value', 'A preference is a JSON text.');
      if (!values.has(name) && values.size >= MAX_NAMES) {
        throw invalid('name', `There are ${MAX_NAMES} preferences already.`);
      }
      if (values.get(name) === value) return;
      values.set(name, value);
      waiting.add(name);
      timer ??= clock.after(WRITE_AFTER_MS, flush);
    },
    flush,
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function invalid(path: string, message: string): AppError<'config.invalid'> {
  return new AppError('config.invalid', message, { details: { issues: [{ path, message }] } });
}
