import { type Clock, type Database, withStoreErrors } from '#engine/platform/index.ts';
import type { UnixMicros } from '#shared/model/index.ts';

export interface AuditLine {
  readonly number: number;
  readonly time: UnixMicros;
  readonly user: string;
  /** Procedure or deed: "project.commit". */
  readonly action: string;
  /** What it was done to, in words; never settings or secrets. */
  readonly subject: string;
  /** "done", or the code of the refusal. */
  readonly result: string;
}

/** Who did what, kept on the disk; the oldest lines go when there are too many. */
export interface Audit {
  /** On the disk when it returns. Throws `store.disk-full`, `store.read-only`. */
  append(line: Omit<AuditLine, 'number' | 'time'>): void;
  /** Newest first; at most 1,000. `before` is a line's number. */
  list(limit: number, before?: number): readonly AuditLine[];
}

const MAX_TEXT = 1_000;

export function createAudit(database: Database, clock: Clock, maxLines: number): Audit {
  const insert = database.prepare<[number, string, string, string, string]>(
    'INSERT INTO audit(time, user, action, subject, result) VALUES (?, ?, ?, ?, ?)',
  );
  const trim = database.prepare<[number]>('DELETE FROM audit WHERE number <= ?');
  const page = database.prepare<[number, number], AuditLine>(
    'SELECT number, time, user, action, subject, result FROM audit WHERE number < ? ORDER BY number DESC LIMIT ?',
  );
  const clip = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text);
  /** Lines are removed a tenth at a time, so that not every line costs a deletion. */
  const slack = Math.max(1, Math.floor(maxLines / 10));

  return {
    append: ({ user, action, subject, result }) =>
      withStoreErrors(
        database.name,
        database.transaction(() => {
          const { lastInsertRowid } = insert.run(clock.now(), clip(user), clip(action), clip(subject), clip(result));
          const number = Number(lastInsertRowid);
          if (number > maxLines && number % slack === 0) trim.run(number - maxLines);
        }),
      ),
    list: (limit, before = Number.MAX_SAFE_INTEGER) => page.all(before, Math.max(0, Math.min(1_000, limit))),
  };
}
