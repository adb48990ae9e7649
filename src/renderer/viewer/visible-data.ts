import { lowerBound, type TraceSegment, type Zone } from '#renderer/plot/index.ts';
import type { TimeRange } from '#shared/model/index.ts';

export interface VisibleTrace {
  readonly name: string;
  readonly unit: string | null;
  readonly segments: readonly TraceSegment[];
  /** Words of a text tag's states. */
  readonly textOf?: (value: number) => string | undefined;
}

export interface VisibleTable {
  readonly text: string;
  readonly rows: number;
  /** More rows were there than a clipboard should carry. */
  readonly cut: boolean;
  /** Some values are means of merged samples. */
  readonly merged: boolean;
}

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

function timeText(time: number, zone: Zone): string {
  const wall = zone.wall(time);
  const micros = ((time % 1e6) + 1e6) % 1e6;
  const minutes = Math.round(zone.offset(time) / 60e6);
  const sign = minutes < 0 ? '-' : '+';
  const offset = `${sign}${pad(Math.floor(Math.abs(minutes) / 60))}:${pad(Math.abs(minutes) % 60)}`;
  return `${wall.year}-${pad(wall.month)}-${pad(wall.day)} ${pad(wall.hour)}:${pad(wall.minute)}:${pad(wall.second)}.${pad(micros, 6)}${offset}`;
}

/**
 * What is drawn, as a table for a spreadsheet: one row per time at which any trace has a point, each cell the value that
 * holds there, empty where it is bad or missing. Numbers have a point and no grouping.
 */
export function visibleTable(
  traces: readonly VisibleTrace[],
  range: TimeRange,
  zone: Zone,
  mostRows = 50_000,
): VisibleTable {
  let merged = false;
  const streams = traces.map((trace) => {
    const times: number[] = [];
    const values: number[] = [];
    let first = true;
    for (const { columns, from, to } of trace.segments) {
      if (to <= range.from || from >= range.to) continue;
      if (columns.min !== null) merged = true;
      let start = lowerBound(columns.time, Math.max(from, range.from));
      const end = lowerBound(columns.time, Math.min(to, range.to));
      if (first && start > 0) start--;
      first = false;
      for (let i = start; i < end; i++) {
        times.push(columns.time[i]!);
        values.push(columns.quality[i]! >= 0x8000 ? Number.NaN : columns.value[i]!);
      }
    }
    return { times, values, at: 0, held: Number.NaN };
  });
  for (const stream of streams) {
    while (stream.at < stream.times.length && stream.times[stream.at]! < range.from)
      stream.held = stream.values[stream.at++]!;
  }
  const lines = [
    ['Time', ...traces.map((trace) => (trace.unit === null ? trace.name : `${trace.name} [${trace.unit}]`))]
      .map(cell)
      .join('\t'),
  ];
  let cut = false;
  for (;;) {
    let time = Number.POSITIVE_INFINITY;
    for (const stream of streams) if (stream.at < stream.times.length) time = Math.min(time, stream.times[stream.at]!);
    if (time === Number.POSITIVE_INFINITY) break;
    if (lines.length > mostRows) {
      cut = true;
      break;
    }
    const cells = [timeText(time, zone)];
    streams.forEach((stream, index) => {
      if (stream.times[stream.at] === time) stream.held = stream.values[stream.at++]!;
      const { held } = stream;
      cells.push(Number.isNaN(held) ? '' : cell(traces[index]?.textOf?.(held) ?? String(held)));
    });
    lines.push(cells.join('\t'));
  }
  return { text: `${lines.join('\n')}\n`, rows: lines.length - 1, cut, merged };
}

/** Tabs and line breaks would end a cell; a text must not begin a formula in the spreadsheet it is pasted into. */
function cell(text: string): string {
  const flat = text.replace(/[\t\r\n]+/g, ' ');
  return /^[=+@]/.test(flat) || (/^-/.test(flat) && Number.isNaN(Number(flat))) ? `'${flat}` : flat;
}
