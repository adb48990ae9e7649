import { ChevronDown, ChevronRight, Plus } from 'lucide-react';
import { type DragEvent, type KeyboardEvent, type ReactNode, type Ref, useMemo, useRef, useState } from 'react';
import { DemoMark, MiddleText, plural, SearchField, usePreference, useRem } from '#renderer/ui/index.ts';
import { TAGS_MIME } from './drag-data.ts';
import type { TraceTag } from './trend-model.ts';
import { MOST_SOURCE_TAGS, useSourceTags } from './use-source-tags.ts';
import type { TrendSourceName } from './use-trace-tags.ts';
import { useVirtualRows } from './virtual-rows.ts';

const ROW_REM = 1.5;
const collator = new Intl.Collator('en', { numeric: true });
/** The engine's own tags have dots in their ids, those of documents can't. */
const isDiagnostic = (tag: TraceTag): boolean => tag.id.includes('.');

const DIAGNOSTICS = 'Diagnostics of the connections';
const NO_SOURCES: readonly string[] = [];

type Row =
  | { readonly kind: 'tag'; readonly tag: TraceTag }
  /** A line above tags; with `source` it opens and closes. */
  | { readonly kind: 'head'; readonly text: string; readonly source: string | null; readonly open: boolean }
  | { readonly kind: 'words'; readonly text: string };

/** Where keys may stand: tags, and lines that open and close. */
const isStop = (line: Row | undefined): boolean =>
  line?.kind === 'tag' || (line?.kind === 'head' && line.source !== null);

/** The nearest such line from `at` on in a direction, else in the other one; -1 where there is none. */
function stopFrom(lines: readonly Row[], at: number, direction: 1 | -1): number {
  for (const way of [direction, -direction]) {
    for (let index = at; index >= 0 && index < lines.length; index += way) if (isStop(lines[index])) return index;
  }
  return -1;
}

/** Tags of all sources to the left of the plots, the trend's own first: search, then drag, double-click or Enter. */
export function TagPicker({
  own,
  others,
  tags,
  inTrend,
  onAdd,
  onSeen,
  searchRef,
}: {
  /** Name of the source that the trend is looked at on, and the others. */
  readonly own: string;
  readonly others: readonly TrendSourceName[];
  /** Of the trend's own source; null while they are not known. */
  readonly tags: ReadonlyMap<string, TraceTag> | null;
  readonly inTrend: ReadonlySet<string>;
  readonly onAdd: (tags: readonly TraceTag[]) => void;
  /** Tags that are dragged. */
  readonly onSeen: (tags: readonly TraceTag[]) => void;
  readonly searchRef: Ref<HTMLInputElement>;
}): ReactNode {
  const [search, setSearch] = useState('');
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [wanted, setFocused] = useState(0);
  const anchor = useRef(0);
  const list = useRef<HTMLDivElement>(null);
  const rowHeight = useRem(ROW_REM);
  const found = useMemo(() => {
    const words = search
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    const all = [...(tags?.values() ?? [])].sort(
      (a, b) => Number(isDiagnostic(a)) - Number(isDiagnostic(b)) || collator.compare(a.name, b.name),
    );
    if (words.length === 0) return all;
    return all.filter((tag) => {
      const text = `${tag.name} ${tag.description} ${tag.unit ?? ''}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }, [tags, search]);
  const [opened, setOpened] = usePreference<readonly string[]>('trend-picker-sources', NO_SOURCES);
  const shown = others.filter(({ id }) => opened.includes(id)).map(({ id }) => id);
  const elsewhere = useSourceTags(shown, search);
  const lines = useMemo(() => {
    const made: Row[] = others.length === 0 ? [] : [{ kind: 'head', text: own, source: null, open: true }];
    const diagnostics = found.findIndex(isDiagnostic);
    for (const [index, tag] of found.entries()) {
      if (index === diagnostics) made.push({ kind: 'head', text: DIAGNOSTICS, source: null, open: true });
      made.push({ kind: 'tag', tag });
    }
    for (const { id, name } of others) {
      const open = opened.includes(id);
      made.push({ kind: 'head', text: name, source: id, open });
      if (!open) continue;
      const of = elsewhere.get(id);
      if (of === undefined || (of.loading && of.tags.length === 0)) made.push({ kind: 'words', text: 'Being read…' });
      else if (of.fault !== null) made.push({ kind: 'words', text: of.fault });
      else if (of.tags.length === 0) {
        made.push({ kind: 'words', text: search === '' ? 'It has no tags.' : `None has "${search}".` });
      }
      for (const tag of of?.tags ?? []) made.push({ kind: 'tag', tag });
      const more = (of?.total ?? 0) - (of?.tags.length ?? 0);
      if (more > 0) made.push({ kind: 'words', text: `and ${plural(more, 'more tag')}; search for them` });
      else if (of?.total === null && of.tags.length === MOST_SOURCE_TAGS) {
        made.push({ kind: 'words', text: 'There may be more; search for them' });
      }
      for (const text of of?.notes ?? []) made.push({ kind: 'words', text });
    }
    return made;
  }, [own, others, found, opened, elsewhere, search]);
  const rows = useVirtualRows(list, lines.length, rowHeight);
  // The list begins with the name of its source, and lines come and go.
  const focused = stopFrom(lines, Math.min(wanted, lines.length - 1), 1);
  const tagCount = lines.reduce((sum, { kind }) => sum + (kind === 'tag' ? 1 : 0), 0);
  const toggle = (source: string): void =>
    setOpened(opened.includes(source) ? opened.filter((one) => one !== source) : [...opened, source]);

  const choose = (
    index: number,
    event: { readonly shiftKey: boolean; readonly ctrlKey: boolean; readonly metaKey: boolean },
  ): void => {
    const line = lines[index];
    if (line === undefined) return;
    setFocused(index);
    if (event.shiftKey) {
      const [first, last] = [anchor.current, index].sort((a, b) => a - b);
      const between = lines.slice(first, (last ?? index) + 1);
      setSelected(new Set(between.flatMap((one) => (one.kind === 'tag' ? [one.tag.id] : []))));
      return;
    }
    anchor.current = index;
    if (line.kind !== 'tag') return;
    const { tag } = line;
    if (event.ctrlKey || event.metaKey) {
      const next = new Set(selected);
      if (!next.delete(tag.id)) next.add(tag.id);
      setSelected(next);
    } else setSelected(new Set([tag.id]));
  };
  const selectedTags = (): TraceTag[] =>
    lines.flatMap((line) => (line.kind === 'tag' && selected.has(line.tag.id) ? [line.tag] : []));
  const chosen = (tag: TraceTag): TraceTag[] => (selected.has(tag.id) ? selectedTags() : [tag]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const move = (to: number): void => {
      const index = stopFrom(lines, Math.max(0, Math.min(lines.length - 1, to)), to < focused ? -1 : 1);
      event.preventDefault();
      if (index < 0) return;
      choose(index, { shiftKey: event.shiftKey, ctrlKey: false, metaKey: false });
      rows.reveal(index);
    };
    const line = lines[focused];
    const source = line?.kind === 'head' ? line.source : null;
    if (source !== null && line?.kind === 'head') {
      const turns = event.key === 'Enter' || event.key === ' ';
      if (turns || (event.key === 'ArrowRight' && !line.open) || (event.key === 'ArrowLeft' && line.open)) {
        event.preventDefault();
        toggle(source);
        return;
      }
    }
    if (event.key === 'ArrowDown') move(focused + 1);
    else if (event.key === 'ArrowUp') move(focused - 1);
    else if (event.key === 'PageDown') move(focused + 15);
    else if (event.key === 'PageUp') move(focused - 15);
    else if (event.key === 'Home') move(0);
    else if (event.key === 'End') move(lines.length - 1);
    else if (event.key === ' ') {
      // Space means the row here, not pause.
      event.preventDefault();
      choose(focused, { shiftKey: false, ctrlKey: true, metaKey: false });
    } else if (event.key === 'Enter') {
      // Without a tag under the keys it means what is selected.
      const picked = line?.kind === 'tag' ? chosen(line.tag) : selectedTags();
      if (picked.length > 0) onAdd(picked);
      event.preventDefault();
    } else if (event.key === 'a' && (event.ctrlKey || event.metaKey)) {
      setSelected(new Set(lines.flatMap((one) => (one.kind === 'tag' ? [one.tag.id] : []))));
      event.preventDefault();
    }
  };
  const onDragStart = (event: DragEvent, tag: TraceTag): void => {
    onSeen(chosen(tag));
    event.dataTransfer.setData(TAGS_MIME, JSON.stringify(chosen(tag).map(({ id }) => id)));
    event.dataTransfer.effectAllowed = 'copy';
  };

  return (
    <section className="trend-picker" aria-label="Tags">
      <SearchField ref={searchRef} label="Search tags" value={search} onChange={setSearch} width="100%" />
      <div
        ref={list}
        className="trend-picker-list"
        role="listbox"
        aria-label="Tags, Enter adds to the trend"
        aria-multiselectable
        aria-activedescendant={focused >= rows.first && focused < rows.last ? `pick-${focused}` : undefined}
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <div style={{ height: lines.length * rowHeight, position: 'relative' }}>
          {lines.slice(rows.first, rows.last).map((line, offset) => {
            const index = rows.first + offset;
            const place = {
              position: 'absolute',
              top: index * rowHeight,
              height: rowHeight,
              left: 0,
              right: 0,
            } as const;
            const isFocused = index === focused ? '' : undefined;
            if (line.kind === 'words') {
              return (
                <div
                  key={`words-${index}`}
                  className="trend-picker-words quiet"
                  role="presentation"
                  style={place}
                  title={line.text}
                >
                  {line.text}
                </div>
              );
            }
            if (line.kind === 'head') {
              const { source, open, text } = line;
              if (source === null) {
                return (
                  <div key={`head-${text}`} className="trend-picker-head" role="presentation" style={place}>
                    {text}
                  </div>
                );
              }
              return (
                // biome-ignore lint/a11y/useKeyWithClickEvents: the list handles the keys of its rows
                <div
                  key={`head-${source}`}
                  id={`pick-${index}`}
                  role="option"
                  tabIndex={-1}
                  aria-selected={false}
                  aria-label={`${text}, ${open ? 'its tags are listed; Enter closes' : 'closed; Enter lists its tags'}`}
                  className="trend-picker-head trend-picker-source"
                  data-focused={isFocused}
                  style={place}
                  onClick={() => {
                    setFocused(index);
                    toggle(source);
                  }}
                >
                  {open ? <ChevronDown size={13} aria-hidden /> : <ChevronRight size={13} aria-hidden />}
                  <MiddleText text={text} />
                </div>
              );
            }
            const { tag } = line;
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the list handles the keys of its rows
              <div
                key={tag.id}
                id={`pick-${index}`}
                role="option"
                tabIndex={-1}
                aria-selected={selected.has(tag.id)}
                className="pick-row trend-picker-row"
                data-focused={isFocused}
                data-drawn={inTrend.has(tag.id) ? '' : undefined}
                style={place}
                draggable
                title={tag.description === '' ? undefined : tag.description}
                onDragStart={(event) => onDragStart(event, tag)}
                onClick={(event) => choose(index, event)}
                onDoubleClick={() => onAdd(chosen(tag))}
              >
                <MiddleText text={tag.name} />
                {tag.demo && <DemoMark />}
                <span className="quiet trend-picker-unit">{tag.unit ?? ''}</span>
                <button
                  type="button"
                  tabIndex={-1}
                  className="pick-add"
                  aria-label={`Add ${tag.name}`}
                  onClick={(event) => {
                    event.stopPropagation();
                    onAdd(chosen(tag));
                  }}
                >
                  <Plus size={13} aria-hidden />
                </button>
              </div>
            );
          })}
        </div>
        {tags !== null && found.length === 0 && tagCount === 0 && (
          <p className="trend-picker-none quiet">
            {tags.size === 0
              ? 'No tags yet. Add a connection and its tags first.'
              : `No tag has "${search}" in its name, description or unit.`}
          </p>
        )}
      </div>
      <p className="trend-picker-foot quiet">
        {selected.size > 1
          ? `${selected.size} selected. Enter adds them.`
          : `${plural(tagCount, 'tag')}. Double-click, Enter or drag.`}
      </p>
    </section>
  );
}
