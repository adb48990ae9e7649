// biome-ignore-all lint/a11y/useSemanticElements: a virtualised tree can't be made of lists
import { useVirtualizer } from '@tanstack/react-virtual';
import { ChevronDown, ChevronRight } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, type Ref, useEffect, useImperativeHandle, useMemo, useRef } from 'react';
import { useRem } from './theme.tsx';
import './tree.css';

/** A line of the tree as it stands on the screen; lines below an open one follow it. */
export interface TreeLine {
  readonly id: string;
  readonly depth: number;
  /** Null for what nothing lies below. */
  readonly open: boolean | null;
  /** Null for what can't be ticked. */
  readonly tick: 'on' | 'off' | 'some' | null;
}

export interface TreeHandle {
  focus(): void;
}

export interface TreeProps<Line extends TreeLine> {
  /** Begins the ids of the lines in the document. */
  readonly name: string;
  readonly label: string;
  readonly lines: readonly Line[];
  readonly active: string | null;
  readonly onActive: (id: string) => void;
  readonly onOpen: (id: string, open: boolean) => void;
  readonly onTick: (id: string, on: boolean) => void;
  /** Enter and double-click. */
  readonly onEnter: (id: string) => void;
  /** What is read aloud for a line. */
  readonly lineLabel: (line: Line) => string;
  /** Stands above the lines, in the same columns. */
  readonly head?: ReactNode;
  readonly children: (line: Line) => ReactNode;
  readonly handle?: Ref<TreeHandle>;
}

const INDENT_REM = 1;

/**
 * A tree of any length: only lines in sight are in the document. One Tab stop; arrows move, right and left open and
 * close, Space ticks, Enter does what a double-click does.
 */
export function Tree<Line extends TreeLine>(props: TreeProps<Line>): ReactNode {
  const { name, lines, active, onActive, onOpen, onTick, onEnter } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const rowHeight = useRem(1.5);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    getItemKey: (index) => lines[index]?.id ?? index,
    paddingStart: props.head === undefined ? 0 : rowHeight,
    scrollPaddingStart: props.head === undefined ? 0 : rowHeight,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the row height changes with the text size
  useEffect(() => virtual.measure(), [rowHeight]);
  useImperativeHandle(props.handle, () => ({ focus: () => scroller.current?.focus() }), []);
  const indexOf = useMemo(() => new Map(lines.map((line, index) => [line.id, index])), [lines]);
  const at = active === null ? -1 : (indexOf.get(active) ?? -1);

  const go = (to: number): void => {
    const index = Math.min(lines.length - 1, Math.max(0, to));
    const line = lines[index];
    if (line === undefined) return;
    onActive(line.id);
    virtual.scrollToIndex(index, { align: 'auto' });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const line = lines[at];
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 2);
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at < 0 ? 0 : at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: lines.length - 1,
    };
    const to = moves[event.key];
    if (to !== undefined) {
      event.preventDefault();
      go(to);
      return;
    }
    if (line === undefined) return;
    if (event.key === 'ArrowRight') {
      event.preventDefault();
      if (line.open === false) onOpen(line.id, true);
      else if (line.open === true && (lines[at + 1]?.depth ?? 0) > line.depth) go(at + 1);
    } else if (event.key === 'ArrowLeft') {
      event.preventDefault();
      if (line.open === true) onOpen(line.id, false);
      else {
        let above = at - 1;
        while (above >= 0 && lines[above]!.depth >= line.depth) above--;
        if (above >= 0) go(above);
      }
    } else if (event.key === ' ') {
      event.preventDefault();
      if (line.tick !== null) onTick(line.id, line.tick !== 'on');
    } else if (event.key === 'Enter') {
      event.preventDefault();
      onEnter(line.id);
    }
  };

  return (
    <div
      ref={scroller}
      className="tree"
      role="tree"
      aria-label={props.label}
      aria-multiselectable
      aria-activedescendant={at < 0 ? undefined : `${name}-${at}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      {props.head !== undefined && <div className="tree-head">{props.head}</div>}
      <div
        role="presentation"
        className="tree-lines"
        style={{ height: virtual.getTotalSize() - (props.head === undefined ? 0 : rowHeight) }}
      >
        {virtual.getVirtualItems().map((item) => {
          const line = lines[item.index];
          if (line === undefined) return null;
          const Chevron = line.open === true ? ChevronDown : ChevronRight;
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the tree itself takes the keys
            <div
              key={line.id}
              id={`${name}-${item.index}`}
              role="treeitem"
              tabIndex={-1}
              aria-label={props.lineLabel(line)}
              aria-level={line.depth + 1}
              aria-selected={line.id === active}
              aria-expanded={line.open ?? undefined}
              aria-checked={line.tick === null ? undefined : line.tick === 'some' ? 'mixed' : line.tick === 'on'}
              className="tree-line"
              data-active={line.id === active ? '' : undefined}
              style={{
                height: rowHeight,
                transform: `translateY(${item.start - (props.head === undefined ? 0 : rowHeight)}px)`,
                ['--indent' as string]: `${line.depth * INDENT_REM}rem`,
              }}
              onClick={() => {
                // The keys belong to the tree as a whole, and so does the focus.
                scroller.current?.focus();
                onActive(line.id);
              }}
              onDoubleClick={() => onEnter(line.id)}
            >
              <span className="tree-lead">
                {line.open === null ? (
                  <span className="tree-chevron" />
                ) : (
                  <button
                    type="button"
                    className="tree-chevron"
                    tabIndex={-1}
                    aria-hidden
                    onClick={(event) => {
                      event.stopPropagation();
                      onActive(line.id);
                      onOpen(line.id, line.open !== true);
                    }}
                    onDoubleClick={(event) => event.stopPropagation()}
                  >
                    <Chevron size={13} aria-hidden />
                  </button>
                )}
                {line.tick !== null && (
                  <input
                    type="checkbox"
                    className="tree-tick"
                    tabIndex={-1}
                    aria-hidden
                    checked={line.tick === 'on'}
                    ref={(element) => {
                      if (element !== null) element.indeterminate = line.tick === 'some';
                    }}
                    onChange={(event) => onTick(line.id, event.target.checked)}
                    onClick={(event) => event.stopPropagation()}
                    onDoubleClick={(event) => event.stopPropagation()}
                  />
                )}
              </span>
              {props.children(line)}
            </div>
          );
        })}
      </div>
    </div>
  );
}
