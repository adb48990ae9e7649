import { Plus } from 'lucide-react';
import { type DragEvent, type KeyboardEvent, type ReactNode, type Ref, useMemo, useRef, useState } from 'react';
import { DemoMark, MiddleText, plural, SearchField, useRem } from '#renderer/ui/index.ts';
import { TAGS_MIME } from './drag-data.ts';
import type { TraceTag } from './trend-model.ts';
import { useVirtualRows } from './virtual-rows.ts';

const ROW_REM = 1.5;
const collator = new Intl.Collator('en', { numeric: true });
/** The engine's own tags have dots in their ids, those of documents can't. */
const isDiagnostic = (tag: TraceTag): boolean => tag.id.includes('.');

/** All tags of the source to the left of the plots: search, then drag, double-click or Enter. */
export function TagPicker({
  tags,
  inTrend,
  onAdd,
  searchRef,
}: {
  readonly tags: ReadonlyMap<string, TraceTag> | null;
  readonly inTrend: ReadonlySet<string>;
  readonly onAdd: (tagIds: readonly string[]) => void;
  readonly searchRef: Ref<HTMLInputElement>;
}): ReactNode {
  const [search, setSearch] = useState('');
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [focused, setFocused] = useState(0);
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
  // The diagnostics stand below the plant's own tags, under a heading that has a row.
  const own = found.findIndex(isDiagnostic);
  const headed = own < 0 ? found.length : own;
  const rowOf = (index: number): number => (index < headed ? index : index + 1);
  const rowCount = found.length + (own < 0 ? 0 : 1);
  const rows = useVirtualRows(list, rowCount, rowHeight);

  const choose = (
    index: number,
    event: { readonly shiftKey: boolean; readonly ctrlKey: boolean; readonly metaKey: boolean },
  ): void => {
    const tag = found[index];
    if (tag === undefined) return;
    setFocused(index);
    if (event.shiftKey) {
      const [first, last] = [anchor.current, index].sort((a, b) => a - b);
      setSelected(new Set(found.slice(first, (last ?? index) + 1).map((one) => one.id)));
      return;
    }
    anchor.current = index;
    if (event.ctrlKey || event.metaKey) {
      const next = new Set(selected);
      if (!next.delete(tag.id)) next.add(tag.id);
      setSelected(next);
    } else setSelected(new Set([tag.id]));
  };
  const chosen = (tag: TraceTag): string[] =>
    selected.has(tag.id) ? found.filter((one) => selected.has(one.id)).map((one) => one.id) : [tag.id];

  const onKeyDown = (event: KeyboardEvent): void => {
    const move = (to: number): void => {
      const index = Math.max(0, Math.min(found.length - 1, to));
      event.preventDefault();
      choose(index, { shiftKey: event.shiftKey, ctrlKey: false, metaKey: false });
      rows.reveal(rowOf(index));
    };
    if (event.key === 'ArrowDown') move(focused + 1);
    else if (event.key === 'ArrowUp') move(focused - 1);
    else if (event.key === 'PageDown') move(focused + 15);
    else if (event.key === 'PageUp') move(focused - 15);
    else if (event.key === 'Home') move(0);
    else if (event.key === 'End') move(found.length - 1);
    else if (event.key === ' ') {
      // Space means the row here, not pause.
      event.preventDefault();
      choose(focused, { shiftKey: false, ctrlKey: true, metaKey: false });
    } else if (event.key === 'Enter') {
      const tag = found[focused];
      if (tag !== undefined) onAdd(chosen(tag));
      event.preventDefault();
    } else if (event.key === 'a' && (event.ctrlKey || event.metaKey)) {
      setSelected(new Set(found.map((tag) => tag.id)));
      event.preventDefault();
    }
  };
  const onDragStart = (event: DragEvent, tag: TraceTag): void => {
    event.dataTransfer.setData(TAGS_MIME, JSON.stringify(chosen(tag)));
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
        aria-activedescendant={found[focused] === undefined ? undefined : `pick-${found[focused].id}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <div style={{ height: rowCount * rowHeight, position: 'relative' }}>
          {own >= 0 && (
            <div
              className="trend-picker-head"
              role="presentation"
              style={{ top: headed * rowHeight, height: rowHeight }}
            >
              Diagnostics of the connections
            </div>
          )}
          {found.slice(Math.max(0, rows.first - 1), rows.last).map((tag, offset) => {
            const index = Math.max(0, rows.first - 1) + offset;
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the list handles the keys of its rows
              <div
                key={tag.id}
                id={`pick-${tag.id}`}
                role="option"
                tabIndex={-1}
                aria-selected={selected.has(tag.id)}
                className="trend-picker-row"
                data-focused={index === focused ? '' : undefined}
                data-drawn={inTrend.has(tag.id) ? '' : undefined}
                style={{ position: 'absolute', top: rowOf(index) * rowHeight, height: rowHeight, left: 0, right: 0 }}
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
                  className="trend-picker-add"
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
        {tags !== null && found.length === 0 && (
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
          : `${plural(found.length, 'tag')}. Double-click, Enter or drag.`}
      </p>
    </section>
  );
}
