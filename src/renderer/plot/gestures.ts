import type { TimeRange, UnixMicros } from '#shared/model/index.ts';
import type { CursorName, PlotHit } from './plot-spec.ts';
import type { PlotStack } from './plot-stack.ts';

/** What a hand on the plots means. Shares are of a plot's height, 0 at the foot. */
export interface PlotGestures {
  zoomTime(at: UnixMicros, factor: number): void;
  panTime(by: number): void;
  zoomAxis(plotId: string, axisId: string | null, share: number, factor: number): void;
  /** By a share of the axis' span, upward positive. */
  panAxis(plotId: string, axisId: string | null, by: number): void;
  zoomRectangle(plotId: string, range: TimeRange, low: number, high: number): void;
  fit(plotId: string | null, axisId: string | null): void;
  hover(hit: PlotHit, at: { readonly x: number; readonly y: number } | null): void;
  moveCursor(cursor: CursorName, time: UnixMicros): void;
  /** Height taken from one plot and given to its neighbour, as a share of all. */
  resizePlots(above: string, below: string, share: number): void;
  click(hit: PlotHit): void;
  menu(hit: PlotHit, at: { readonly x: number; readonly y: number }): void;
  /** A hand goes down: what it does until it lets go is one step. */
  begin(): void;
  /** A hand has let go: the next change is a step of its own. */
  end(): void;
}

/** One notch of a wheel, or what a touchpad gives for it. */
const NOTCH = 100;
const ZOOM_PER_NOTCH = 1.25;
const CLICK_SLOP = 3;

type Drag =
  | { readonly kind: 'pan'; readonly plotId: string | null; readonly vertical: boolean }
  | { readonly kind: 'axis'; readonly plotId: string; readonly axisId: string }
  | { readonly kind: 'rectangle'; readonly plotId: string; readonly share: number }
  | { readonly kind: 'cursor'; readonly cursor: CursorName }
  | { readonly kind: 'divider'; readonly above: string; readonly below: string };

export function attachGestures(host: HTMLElement, stack: PlotStack, to: PlotGestures): Disposable {
  let drag: Drag | null = null;
  let startX = 0;
  let startY = 0;
  let lastX = 0;
  let lastY = 0;
  let moved = false;
  let startHit: PlotHit = { kind: 'none' };
  let wheelEnd: number | undefined;

  const cursorStyle = (hit: PlotHit): string => {
    switch (hit.kind) {
      case 'axis':
        return 'ns-resize';
      case 'time-axis':
        return 'ew-resize';
      case 'divider':
        return 'row-resize';
      case 'cursor':
        return 'col-resize';
      case 'plot':
        return 'crosshair';
      case 'none':
        return 'default';
    }
  };

  const begin = (hit: PlotHit, event: PointerEvent): Drag | null => {
    switch (hit.kind) {
      case 'cursor':
        return { kind: 'cursor', cursor: hit.cursor };
      case 'divider':
        return { kind: 'divider', above: hit.above, below: hit.below };
      case 'axis':
        return { kind: 'axis', plotId: hit.plotId, axisId: hit.axisId };
      case 'time-axis':
        return { kind: 'pan', plotId: null, vertical: false };
      case 'plot':
        return event.shiftKey
          ? { kind: 'rectangle', plotId: hit.plotId, share: hit.share }
          : { kind: 'pan', plotId: hit.plotId, vertical: event.ctrlKey };
      case 'none':
        return null;
    }
  };

  const onDown = (event: PointerEvent): void => {
    if (event.button !== 0 && event.button !== 1) return;
    // What was done by wheel or key before is a step of its own; its end must not come in the middle of this one.
    clearTimeout(wheelEnd);
    to.end();
    startHit = stack.hit(event.clientX, event.clientY);
    drag = begin(startHit, event);
    moved = false;
    startX = lastX = event.clientX;
    startY = lastY = event.clientY;
    host.focus({ preventScroll: true });
    if (drag !== null) {
      to.begin();
      host.setPointerCapture(event.pointerId);
      event.preventDefault();
    }
  };

  const perPixel = (): number => (stack.window.to - stack.window.from) / Math.max(1, stack.areaWidth);
  const plotHeight = (): number => host.clientHeight || 1;

  const onMove = (event: PointerEvent): void => {
    const hit = stack.hit(event.clientX, event.clientY);
    if (drag === null) {
      host.style.cursor = event.shiftKey && hit.kind === 'plot' ? 'cell' : cursorStyle(hit);
      to.hover(hit, { x: event.clientX, y: event.clientY });
      return;
    }
    const dx = event.clientX - lastX;
    const dy = event.clientY - lastY;
    if (!moved && Math.hypot(event.clientX - startX, event.clientY - startY) < CLICK_SLOP) return;
    if (!moved) to.hover({ kind: 'none' }, null);
    moved = true;
    lastX = event.clientX;
    lastY = event.clientY;
    switch (drag.kind) {
      case 'pan':
        host.style.cursor = 'grabbing';
        if (drag.vertical && drag.plotId !== null) to.panAxis(drag.plotId, null, dy / areaHeight(drag.plotId));
        else to.panTime(-dx * perPixel());
        break;
      case 'axis':
        to.panAxis(drag.plotId, drag.axisId, dy / areaHeight(drag.plotId));
        break;
      case 'rectangle':
        stack.setRectangle({ x: startX, y: startY }, { x: event.clientX, y: event.clientY });
        break;
      case 'cursor':
        to.moveCursor(drag.cursor, stack.timeAt(event.clientX));
        break;
      case 'divider':
        to.resizePlots(drag.above, drag.below, dy / plotHeight());
        break;
    }
  };

  const areaHeight = (plotId: string): number => Math.max(1, stack.areaHeight(plotId));

  const onUp = (event: PointerEvent): void => {
    const finished = drag;
    drag = null;
    if (finished === null) return;
    if (host.hasPointerCapture(event.pointerId)) host.releasePointerCapture(event.pointerId);
    if (finished.kind === 'rectangle') {
      stack.setRectangle(null);
      if (moved && event.type === 'pointerup') finishRectangle(finished.plotId, event);
    }
    if (!moved && event.type === 'pointerup') to.click(startHit);
    host.style.cursor = cursorStyle(stack.hit(event.clientX, event.clientY));
    to.end();
  };

  const finishRectangle = (plotId: string, event: PointerEvent): void => {
    const box = host.getBoundingClientRect();
    const one = stack.timeAt(Math.max(box.left, Math.min(startX, event.clientX)));
    const two = stack.timeAt(Math.min(box.right, Math.max(startX, event.clientX)));
    const range = {
      from: Math.max(one, stack.window.from),
      to: Math.min(two, stack.window.to),
    };
    if (range.to <= range.from) return;
    const startShare = startHit.kind === 'plot' ? startHit.share : 0;
    const height = areaHeight(plotId);
    const endShare = Math.min(1, Math.max(0, startShare - (event.clientY - startY) / height));
    const flat = Math.abs(event.clientY - startY) < 8;
    // A flat rectangle means a stretch of time; the axes stay as they are.
    to.zoomRectangle(
      plotId,
      range,
      flat ? 0 : Math.min(startShare, endShare),
      flat ? 1 : Math.max(startShare, endShare),
    );
  };

  const onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    const hit = stack.hit(event.clientX, event.clientY);
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? NOTCH / 3 : 1;
    const factor = ZOOM_PER_NOTCH ** ((event.deltaY * unit) / NOTCH);
    clearTimeout(wheelEnd);
    wheelEnd = window.setTimeout(() => to.end(), 400);
    if (hit.kind === 'axis') to.zoomAxis(hit.plotId, hit.axisId, hit.share, factor);
    else if (event.ctrlKey && hit.kind === 'plot') to.zoomAxis(hit.plotId, null, hit.share, factor);
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || (event.shiftKey && event.deltaY !== 0)) {
      const by = (event.deltaX !== 0 ? event.deltaX : event.deltaY) * unit;
      to.panTime(by * perPixel());
    } else if (hit.kind !== 'none') to.zoomTime(stack.timeAt(event.clientX), factor);
    to.hover(hit, { x: event.clientX, y: event.clientY });
  };

  const onDouble = (event: MouseEvent): void => {
    const hit = stack.hit(event.clientX, event.clientY);
    if (hit.kind === 'plot') to.fit(hit.plotId, null);
    else if (hit.kind === 'axis') to.fit(hit.plotId, hit.axisId);
    else if (hit.kind === 'time-axis') to.fit(null, null);
  };
  const onMenu = (event: MouseEvent): void => {
    event.preventDefault();
    to.menu(stack.hit(event.clientX, event.clientY), { x: event.clientX, y: event.clientY });
  };
  const onLeave = (): void => {
    if (drag === null) to.hover({ kind: 'none' }, null);
  };

  const listeners: readonly (readonly [keyof HTMLElementEventMap, EventListener, AddEventListenerOptions?])[] = [
    ['pointerdown', onDown as EventListener],
    ['pointermove', onMove as EventListener],
    ['pointerup', onUp as EventListener],
    ['pointercancel', onUp as EventListener],
    ['pointerleave', onLeave as EventListener],
    ['wheel', onWheel as EventListener, { passive: false }],
    ['dblclick', onDouble as EventListener],
    ['contextmenu', onMenu as EventListener],
  ];
  for (const [name, listener, how] of listeners) host.addEventListener(name, listener, how);
  return {
    [Symbol.dispose]() {
      clearTimeout(wheelEnd);
      for (const [name, listener] of listeners) host.removeEventListener(name, listener);
    },
  };
}
