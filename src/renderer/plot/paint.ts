import { RUN_STARTS, type Sketch, UNCERTAIN } from './sketch.ts';
import type { ValueRange } from './value-ticks.ts';

/** A rectangle in device pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const LINE_WIDTH = 1.25;
const BAND_ALPHA = 0.25;

/** Puts one trace into `box`; the caller has clipped to it. `ratio` is device pixels per CSS pixel. */
export function paintTrace(
  context: CanvasRenderingContext2D,
  sketch: Sketch,
  box: Box,
  range: ValueRange,
  colour: string,
  step: boolean,
  ratio: number,
  emphasis: boolean,
): void {
  const scale = box.height / (range.high - range.low);
  const base = box.y + box.height + range.low * scale;
  if (sketch.anyBand) paintBand(context, sketch, box.x, base, scale, colour);
  if (sketch.length === 0) return;
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.lineWidth = (emphasis ? 2 : LINE_WIDTH) * ratio;
  context.lineJoin = 'bevel';
  context.lineCap = 'butt';
  if (!sketch.anyUncertain) {
    context.beginPath();
    tracePath(context, sketch, box.x, base, scale, step, 0);
    context.stroke();
  } else {
    context.beginPath();
    tracePath(context, sketch, box.x, base, scale, step, 1);
    context.stroke();
    context.setLineDash([4 * ratio, 3 * ratio]);
    context.beginPath();
    tracePath(context, sketch, box.x, base, scale, step, 2);
    context.stroke();
    context.setLineDash([]);
  }
  paintLonePoints(context, sketch, box.x, base, scale, ratio);
}

/** Farther out of a plot nothing is placed: a canvas drops a whole line for one point that it cannot count to. */
const FAR = 1e7;

function place(base: number, scale: number, value: number): number {
  const y = base - value * scale;
  return y > FAR ? FAR : y < -FAR ? -FAR : y;
}

/** `part` 0 takes all, 1 what is certain, 2 what is uncertain. A stretch is as its earlier sample is. */
function tracePath(
  context: CanvasRenderingContext2D,
  sketch: Sketch,
  left: number,
  base: number,
  scale: number,
  step: boolean,
  part: 0 | 1 | 2,
): void {
  const { x, value, mark, length } = sketch;
  let previousY = 0;
  let penDown = false;
  for (let i = 0; i < length; i++) {
    const px = left + x[i]!;
    const py = place(base, scale, value[i]!);
    const starts = (mark[i]! & RUN_STARTS) !== 0;
    if (!starts) {
      const wanted = part === 0 || (((mark[i - 1] ?? 0) & UNCERTAIN) !== 0) === (part === 2);
      if (wanted) {
        if (!penDown) context.moveTo(left + x[i - 1]!, previousY);
        if (step && py !== previousY) context.lineTo(px, previousY);
        context.lineTo(px, py);
      }
      penDown = wanted;
    } else {
      penDown = part === 0;
      if (penDown) context.moveTo(px, py);
    }
    previousY = py;
  }
}

/** A sample with a gap on both sides has no line; it is a dot, so that it is not lost. */
function paintLonePoints(
  context: CanvasRenderingContext2D,
  sketch: Sketch,
  left: number,
  base: number,
  scale: number,
  ratio: number,
): void {
  const { x, value, mark, length } = sketch;
  const size = 2.5 * ratio;
  for (let i = 0; i < length; i++) {
    if ((mark[i]! & RUN_STARTS) === 0) continue;
    if (i + 1 < length && (mark[i + 1]! & RUN_STARTS) === 0) continue;
    context.fillRect(left + x[i]! - size / 2, place(base, scale, value[i]!) - size / 2, size, size);
  }
}

function paintBand(
  context: CanvasRenderingContext2D,
  sketch: Sketch,
  left: number,
  base: number,
  scale: number,
  colour: string,
): void {
  const { low, high, columns } = sketch;
  context.globalAlpha = BAND_ALPHA;
  context.fillStyle = colour;
  context.beginPath();
  let c = 0;
  while (c < columns) {
    if (Number.isNaN(low[c]!) || !(high[c]! > low[c]!)) {
      c++;
      continue;
    }
    const start = c;
    while (c < columns && high[c]! > low[c]!) c++;
    // The upper edge to the right, the lower one back: one outline per run of columns.
    context.moveTo(left + start, place(base, scale, high[start]!));
    for (let i = start; i < c; i++) context.lineTo(left + i + 0.5, place(base, scale, high[i]!));
    context.lineTo(left + c, place(base, scale, high[c - 1]!));
    context.lineTo(left + c, place(base, scale, low[c - 1]!));
    for (let i = c - 1; i >= start; i--) context.lineTo(left + i + 0.5, place(base, scale, low[i]!));
    context.lineTo(left + start, place(base, scale, low[start]!));
    context.closePath();
  }
  context.fill();
  context.globalAlpha = 1;
}

/** Joins the stretches without a value of several traces into one strip, sorted, in `into` as pairs. */
export function joinStretches(sketches: readonly Sketch[], into: number[]): void {
  into.length = 0;
  const pairs: (readonly [number, number])[] = [];
  for (const sketch of sketches) {
    for (let i = 0; i < sketch.badLength; i += 2) pairs.push([sketch.bad[i]!, sketch.bad[i + 1]!]);
  }
  pairs.sort((a, b) => a[0] - b[0]);
  for (const [start, end] of pairs) {
    const last = into.length - 1;
    if (last > 0 && start <= into[last]! + 0.5) into[last] = Math.max(into[last]!, end);
    else into.push(start, end);
  }
}

/** A strip of slanted lines under a plot: here at least one trace has no good value. */
export function paintHatch(
  context: CanvasRenderingContext2D,
  stretches: readonly number[],
  strip: Box,
  colour: string,
  ratio: number,
): void {
  if (stretches.length === 0) return;
  context.save();
  context.beginPath();
  for (let i = 0; i < stretches.length; i += 2) {
    const width = Math.max(ratio, stretches[i + 1]! - stretches[i]!);
    context.rect(strip.x + stretches[i]!, strip.y, width, strip.height);
  }
  context.globalAlpha = 0.22;
  context.fillStyle = colour;
  context.fill();
  context.clip();
  context.globalAlpha = 1;
  context.strokeStyle = colour;
  context.lineWidth = ratio;
  context.beginPath();
  const pitch = 4 * ratio;
  const first = strip.x + Math.floor(stretches[0]! / pitch) * pitch - strip.height;
  const last = strip.x + stretches[stretches.length - 1]!;
  for (let x = first; x < last; x += pitch) {
    context.moveTo(x, strip.y + strip.height);
    context.lineTo(x + strip.height, strip.y);
  }
  context.stroke();
  context.restore();
}
