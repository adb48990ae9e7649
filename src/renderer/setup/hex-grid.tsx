// biome-ignore-all lint/a11y/useSemanticElements: bytes are a grid of cells, not a table of records
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names the active cell
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react';
import type { ByteChanges } from './byte-readings.ts';

export interface MappedPlace {
  readonly tagId: string;
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly bit: number | null;
}

const ACROSS = 16;
/** A byte that changed glows so long. */
const GLOW_MS = 1_500;
/** Colours of mapped bytes, in turns, so that neighbours differ. */
const HUES = 6;

const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0');

/** Bytes as pairs of digits with spaces between. */
export const hexText = (bytes: Uint8Array): string => [...bytes].map((byte) => hex(byte, 2)).join(' ');

/** Bytes by sixteen: those that change glow, those that are mapped are coloured, and a piece of them is selected. */
export function HexGrid({
  bytes,
  changes,
  nowMs,
  mapped,
  offset,
  length,
  onSelect,
}: {
  readonly bytes: Uint8Array;
  readonly changes: ByteChanges;
  readonly nowMs: number;
  readonly mapped: readonly MappedPlace[];
  readonly offset: number;
  /** Bytes that the reading takes which is chosen. */
  readonly length: number;
  readonly onSelect: (offset: number) => void;
}): ReactNode {
  const grid = useRef<HTMLDivElement>(null);
  const owner = new Map<number, { readonly place: MappedPlace; readonly hue: number }>();
  for (const [index, place] of mapped.entries()) {
    for (let at = place.offset; at < place.offset + place.bytes; at++) owner.set(at, { place, hue: index % HUES });
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is selected is kept in sight
  useEffect(() => {
    grid.current?.querySelector('[data-first]')?.scrollIntoView({ block: 'nearest' });
  }, [offset]);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: offset + 1,
      ArrowLeft: offset - 1,
      ArrowDown: offset + ACROSS,
      ArrowUp: offset - ACROSS,
      PageDown: offset + 8 * ACROSS,
      PageUp: offset - 8 * ACROSS,
      Home: 0,
      End: bytes.length - 1,
    };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    onSelect(Math.min(bytes.length - 1, Math.max(0, to)));
  };

  const rows: ReactNode[] = [];
  for (let start = 0; start < bytes.length; start += ACROSS) {
    const cells: ReactNode[] = [];
    for (let at = start; at < Math.min(bytes.length, start + ACROSS); at++) {
      const own = owner.get(at);
      const selected = at >= offset && at < offset + length;
      const byte = bytes[at]!;
      cells.push(
        <span
          key={at}
          id={`byte-${at}`}
          role="gridcell"
          className="hex-byte"
          aria-selected={selected}
          aria-label={`Byte ${at}: ${hex(byte, 2)}${own === undefined ? '' : `, ${own.place.name}`}`}
          title={`Byte ${at} (0x${hex(at, 2)}): ${byte}${own === undefined ? '' : `\n${own.place.name}${own.place.bit === null ? '' : `, bit ${own.place.bit}`}`}`}
          data-offset={at}
          data-first={at === offset ? '' : undefined}
          data-glow={changes.age(at, nowMs) < GLOW_MS ? '' : undefined}
          data-hue={own?.hue}
        >
          {hex(byte, 2)}
        </span>,
      );
    }
    const text = [...bytes.subarray(start, start + ACROSS)]
      .map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·'))
      .join('');
    rows.push(
      <div key={start} role="row" className="hex-row">
        <span role="rowheader" className="hex-offset">
          {start}
        </span>
        {cells}
        <span className="hex-text" aria-hidden>
          {text}
        </span>
      </div>,
    );
  }
  return (
    <div
      ref={grid}
      className="hex-grid mono"
      role="grid"
      aria-label="Bytes"
      aria-activedescendant={`byte-${offset}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onClick={(event) => {
        const cell = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-offset]') : null;
        if (cell !== null) onSelect(Number(cell.dataset.offset));
      }}
    >
      {rows}
    </div>
  );
}
