import { createHash } from 'node:crypto';
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

/**
 * Stores an interval without samples. Its tags are a set that is stored once: a device that is lost every minute names
 * the same thousand tags each time.
 */
export function insertGap(
  database: Database,
  range: TimeRange,
  reason: string,
  quality: Quality,
  tags: readonly string[],
): void {
  database.transaction(() => {
    const set = tags.length === 0 ? null : tagSetOf(database, tags);
    database
      .prepare('INSERT INTO gaps (from_time, to_time, reason, quality, tag_set) VALUES (?, ?, ?, ?, ?)')
      .run(range.from, range.to, reason, quality, set);
  })();
}

/** Number of the set with just these tags, which is made where it is new. */
function tagSetOf(database: Database, tags: readonly string[]): number | bigint {
  const members = [...new Set(tags)].sort();
  const digest = createHash('sha256').update(members.join('\n')).digest('hex');
  const known = database.prepare<[string], number>('SELECT id FROM tag_sets WHERE digest = ?').pluck().get(digest);
  if (known !== undefined) return known;
  const { lastInsertRowid } = database.prepare('INSERT INTO tag_sets (digest) VALUES (?)').run(digest);
  const member = database.prepare('INSERT INTO tag_set_tags VALUES (?, ?)');
  for (const tag of members) member.run(lastInsertRowid, tag);
  return lastInsertRowid;
}

/** Removes gaps that end at or before `before`, and the sets of tags that no gap names any more. */
export function deleteGapsBefore(database: Database, before: number): void {
  if (database.prepare('DELETE FROM gaps WHERE to_time <= ?').run(before).changes === 0) return;
  database.prepare('DELETE FROM tag_sets WHERE id NOT IN (SELECT tag_set FROM gaps WHERE tag_set IS NOT NULL)').run();
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

/** Gaps that touch the range, oldest first. Gaps of the same set share its list. */
export function readGaps(database: Database, range: TimeRange): GapOnFile[] {
  const members = database
    .prepare<[number], string>('SELECT tag FROM tag_set_tags WHERE tag_set = ? ORDER BY tag')
    .pluck();
  const sets = new Map<number, readonly string[]>();
  const tagsOf = (set: number | null): readonly string[] => {
    if (set === null) return [];
    const known = sets.get(set) ?? members.all(set);
    sets.set(set, known);
    return known;
  };
  return database
    .prepare<[number, number], GapRow & { tag_set: number | null }>(
      'SELECT from_time, to_time, reason, quality, tag_set FROM gaps WHERE from_time < ? AND to_time > ? ORDER BY from_time, id',
    )
    .all(range.to, range.from)
    .map((row) => ({ ...gapOf(row), tags: tagsOf(row.tag_set) }));
}

/**
 * Gaps that touch the range, oldest first, without their lists of tags, which may be long. Of one tag: its own and those
 * of all tags, at the cost of a look-up per gap; null: every gap.
 */
export function gapReaderOf(database: Database): (range: TimeRange, tag: string | null) => Gap[] {
  const touching = 'SELECT from_time, to_time, reason, quality FROM gaps g WHERE from_time < ? AND to_time > ?';
  const concerning =
    'AND (tag_set IS NULL OR EXISTS (SELECT 1 FROM tag_set_tags WHERE tag_set = g.tag_set AND tag = ?))';
  const all = database.prepare<[number, number], GapRow>(`${touching} ORDER BY from_time, id`);
  const ofTag = database.prepare<[number, number, string], GapRow>(`${touching} ${concerning} ORDER BY from_time, id`);
  return ({ from, to }, tag) => (tag === null ? all.all(to, from) : ofTag.all(to, from, tag)).map(gapOf);
}

interface GapRow {
  from_time: number;
  to_time: number;
  reason: string;
  quality: number;
}
const gapOf = (row: GapRow): Gap => ({
  range: { from: row.from_time, to: row.to_time },
  reason: row.reason,
  quality: row.quality,
});
