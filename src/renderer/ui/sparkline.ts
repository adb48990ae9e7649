/** Colours of a canvas come from the same tokens as everything else. */
export function tokenColour(element: Element, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

const sizes = new WeakMap<Element, { readonly width: number; readonly height: number }>();
let observer: ResizeObserver | null = null;

/** Sizes come from the browser after its layout; asking for them while drawing would force one per canvas. */
export function watchCanvas(canvas: HTMLCanvasElement, onSize: () => void): Disposable {
  observer ??= new ResizeObserver((entries) => {
    for (const entry of entries) {
      sizes.set(entry.target, { width: entry.contentRect.width, height: entry.contentRect.height });
      listeners.get(entry.target)?.();
    }
  });
  listeners.set(canvas, onSize);
  observer.observe(canvas);
  return {
    [Symbol.dispose]() {
      observer?.unobserve(canvas);
      listeners.delete(canvas);
    },
  };
}
const listeners = new Map<Element, () => void>();

export interface SparklineData {
  readonly length: number;
  readonly time: Float64Array;
  readonly value: Float64Array;
  readonly quality: Uint16Array;
}

/**
 * Draws the last `spanMs` of a tag up to `now` as a step line. Bad samples break the line; nothing is drawn where nothing
 * is known. The y range is that of the data in the window, never less than `leastSpan`, so that noise on a constant
 * does not look like a signal.
 */
export function drawSparkline(
  canvas: HTMLCanvasElement,
  data: SparklineData,
  options: { readonly now: number; readonly spanMs: number; readonly colour: string; readonly leastSpan: number },
): void {
  const ratio = window.devicePixelRatio || 1;
  const { width, height } = sizes.get(canvas) ?? { width: 0, height: 0 };
  if (width === 0 || height === 0) return;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) {
    const value = data.value[i]!;
    if (data.quality[i]! >= 0x8000 || !Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return;
  const missing = (options.leastSpan || Math.abs(high) * 1e-9 || 1) - (high - low);
  if (missing > 0) {
    low -= missing / 2;
    high += missing / 2;
  }
  const from = options.now - options.spanMs * 1000;
  const x = (time: number): number => ((Math.max(time, from) - from) / (options.spanMs * 1000)) * width;
  const y = (value: number): number => height - 2 - ((value - low) / (high - low || 1)) * (height - 4);
  context.strokeStyle = options.colour;
  context.lineWidth = 1;
  context.beginPath();
  let drawing = false;
  for (let i = 0; i < data.length; i++) {
    const value = data.value[i]!;
    if (data.quality[i]! >= 0x8000 || !Number.isFinite(value)) {
      if (drawing) context.lineTo(x(data.time[i]!), y(data.value[i - 1]!));
      drawing = false;
      continue;
    }
    const at = x(data.time[i]!);
    if (drawing) {
      context.lineTo(at, y(data.value[i - 1]!));
      context.lineTo(at, y(value));
    } else {
      context.moveTo(at, y(value));
      drawing = true;
    }
  }
  if (drawing && data.length > 0) context.lineTo(x(options.now), y(data.value[data.length - 1]!));
  context.stroke();
}
