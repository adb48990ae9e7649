import type { Database } from '#engine/platform/index.ts';
import type { EventKind, Gap, HistoryEvent, Quality, TimeRange } from '#shared/model/index.ts';
import type { NewEvent } from './store.ts';

export function insertEvent(database: Database, event: NewEvent): HistoryEvent {
  return database.transaction(() => {
    const { lastInsertRowid } = database
      .prepare('INSERT INTO events (kind, from_time, to_time, text, author) VALUES (?, ?, ?, ?, ?)')
      .run(event.kind, event.from, event.to, event.text, event.author);
    const id = Number(lastInsertRowid);
    const tag = database.prepare('INSERT OR IGNORE INTO event_tags VALUES (?, ?)');
    for (const tagId of event.tagIds) tag.run(id, tagId);
    const label = database.prepare('INSERT INTO event_labels VALUES (?, ?, ?)');
    for (const [name, value] of Object.entries(event.labels)) label.run(id, name, value);
    return { id, ...event };
  })();
}

export function insertGap(
  database: Database,
  range: TimeRange,
  reason: string,
  quality: Quality,
  tags: readonly string[],
): void {
  database.transaction(() => {
    const { lastInsertRowid } = database
      .prepare('INSERT INTO gaps (from_time, to_time, reason, quality) VALUES (?, ?, ?, ?)')
      .run(range.from, range.to, reason, quality);
    const tag = database.prepare('INSERT OR IGNORE INTO gap_tags VALUES (?, ?)');
    for (const tagId of tags) tag.run(lastInsertRowid, tagId);
  })();
}

interface EventRow {
  id: number;
  kind: EventKind;
  from_time: number;
  to_time: number | null;
  text: string;
  author: string | null;
}

/** Events that touch the range, oldest first; `kinds` null for all. */
export function readEvents(database: Database, range: TimeRange, kinds: readonly EventKind[] | null): HistoryEvent[] {
  const rows = database
    .prepare<[number, number], EventRow>(
      'SELECT * FROM events WHERE from_time < ? AND coalesce(to_time, from_time + 1) > ? ORDER BY from_time, id',
    )
    .all(range.to, range.from);
  const tags = database.prepare<[number], string>('SELECT tag FROM event_tags WHERE event = ? ORDER BY tag').pluck();
  const labels = database
    .prepare<[number], [string, string]>('SELECT name, value FROM event_labels WHERE event = ? ORDER BY name')
    .raw();
  return rows
    .filter((row) => kinds === null || kinds.includes(row.kind))
    .map((row) => ({
      id: row.id,
      kind: row.kind,
      from: row.from_time,
      to: row.to_time,
      text: row.text,
      tagIds: tags.all(row.id),
      author: row.author,
      labels: Object.fromEntries(labels.all(row.id)),
    }));
}

export interface GapOnFile extends Gap {
  /** Ids of the tags it concerns; empty: all. */
  readonly tags: readonly string[];
}

/** Gaps that touch the range, oldest first. */
export function readGaps(database: Database, range: TimeRange): GapOnFile[] {
  const tags = database.prepare<[number], string>('SELECT tag FROM gap_tags WHERE gap = ? ORDER BY tag').pluck();
  return database
    .prepare<[number, number], { id: number; from_time: number; to_time: number; reason: string; quality: number }>(
      'SELECT * FROM gaps WHERE from_time < ? AND to_time > ? ORDER BY from_time, id',
    )
    .all(range.to, range.from)
    .map((row) => ({
      range: { from: row.from_time, to: row.to_time },
      reason: row.reason,
      quality: row.quality,
      tags: tags.all(row.id),
    }));
}

/**
 * Gaps that touch the range, oldest first, without their lists of tags, which may be long. Of one tag: its own and those
 * of all tags, at the cost of a look-up per gap; null: every gap.
 */
export function readGapsOf(database: Database, range: TimeRange, tag: string | null): Gap[] {
  const touching = 'SELECT from_time, to_time, reason, quality FROM gaps g WHERE from_time < ? AND to_time > ?';
  const concerning =
    tag === null
      ? ''
      : ' AND (EXISTS (SELECT 1 FROM gap_tags WHERE gap = g.id AND tag = ?) OR NOT EXISTS (SELECT 1 FROM gap_tags WHERE gap = g.id))';
  return database
    .prepare<unknown[], { from_time: number; to_time: number; reason: string; quality: number }>(
      `${touching}${concerning} ORDER BY from_time, id`,
    )
    .all(range.to, range.from, ...(tag === null ? [] : [tag]))
    .map((row) => ({ range: { from: row.from_time, to: row.to_time }, reason: row.reason, quality: row.quality }));
}
