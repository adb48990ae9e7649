import { type ReactNode, useCallback, useEffect, useRef } from 'react';
import { useClient, useLivePaint, useStores, useZone } from '#renderer/client/index.ts';
import {
  drawSparkline,
  formatAge,
  formatNumber,
  formatTime,
  groupDigits,
  NO_VALUE,
  qualitySign,
  tokenColour,
  useLook,
  watchCanvas,
} from '#renderer/ui/index.ts';
import { type Quality, qualityFamily, qualityText } from '#shared/model/index.ts';
import type { RuntimeTagInfo } from '#shared/rpc/contract.ts';
import './live-cells.css';

export type ShownTag = Pick<RuntimeTagInfo, 'id' | 'type' | 'unit' | 'decimals' | 'range' | 'connectionId'>;

/** The text of a value in the tag's own format. */
export function shownValue(tag: ShownTag, value: number, text: string | null): string {
  if (tag.type === 'string') return text === null || text === '' ? NO_VALUE : text;
  if (text !== null && (tag.type === 'int64' || tag.type === 'uint64')) return groupDigits(text);
  if (tag.type === 'bit') return Number.isFinite(value) ? String(value === 0 ? 0 : 1) : NO_VALUE;
  const whole = Number.isInteger(value) && (tag.type.startsWith('int') || tag.type.startsWith('uint'));
  return formatNumber(value, { decimals: tag.decimals, range: whole ? null : tag.range });
}

/** Names of a device's own status numbers, as the tag's protocol has them. */
export function useStatusName(connectionId: string): (status: number) => string | undefined {
  const catalogue = useStores('catalogue', (state) => state.catalogue);
  const protocol = useStores('project', (state) => state.connection.get(connectionId)?.document.protocol);
  return useCallback(
    (status) => catalogue?.protocols.find((entry) => entry.id === protocol)?.statusNames[String(status)],
    [catalogue, protocol],
  );
}

/** Also on the clock, for what changes with time alone. */
function useTick(paint: () => void): void {
  const client = useClient();
  const latest = useRef(paint);
  latest.current = paint;
  useEffect(() => {
    const tick = client.onTick(() => latest.current());
    return () => tick[Symbol.dispose]();
  }, [client]);
}

/** Older than this many periods, a value that should come every period is shown as old. */
const STALE_PERIODS = 5;

/**
 * The newest value, written straight into the document. While the tag is bad the last good value stays, grey; a dash
 * stands only where nothing good was ever seen.
 */
export function LiveValue({
  tag,
  withUnit = false,
}: {
  readonly tag: ShownTag;
  readonly withUnit?: boolean;
}): ReactNode {
  const { live } = useClient();
  const zone = useZone();
  const statusName = useStatusName(tag.connectionId);
  const field = useRef<HTMLSpanElement>(null);
  useLivePaint([tag.id], () => {
    const element = field.current;
    if (element === null) return;
    const sample = live.latest(tag.id);
    if (sample === undefined) {
      element.textContent = NO_VALUE;
      return;
    }
    const family = qualityFamily(sample.quality);
    const bad = family === 'bad';
    const text = shownValue(tag, bad ? sample.goodValue : sample.value, bad ? sample.goodText : sample.text);
    if (element.textContent !== text) element.textContent = text;
    if (element.dataset.family !== family) element.dataset.family = family;
    const cause = bad
      ? `${qualityText(sample.quality, statusName)}. Last good: ${formatTime(sample.lastGood, zone, 'millisecond')}.`
      : text;
    if (element.title !== cause) element.title = cause;
  });
  return (
    <>
      <span ref={field} className="live-value mono">
        {NO_VALUE}
      </span>
      {withUnit && tag.unit !== null && <span className="live-unit">{tag.unit}</span>}
    </>
  );
}

/** Shape, word and on hover the cause. */
export function LiveQuality({ tag }: { readonly tag: ShownTag }): ReactNode {
  const { live } = useClient();
  const statusName = useStatusName(tag.connectionId);
  const field = useRef<HTMLSpanElement>(null);
  const shown = useRef<Quality | undefined>(undefined);
  useLivePaint([tag.id], () => {
    const element = field.current;
    const quality = live.latest(tag.id)?.quality;
    if (element === null || quality === undefined || quality === shown.current) return;
    shown.current = quality;
    const { sign, word } = qualitySign(quality);
    const cause = qualityText(quality, statusName);
    const rest = cause.replace(/^(Bad|Uncertain): (device answered )?/, '');
    const short = rest.charAt(0).toUpperCase() + rest.slice(1);
    element.dataset.family = qualityFamily(quality);
    element.textContent = '';
    const mark = document.createElement('span');
    mark.className = 'quality-sign';
    mark.textContent = sign;
    element.append(mark, rest === cause ? word : short);
    element.title = cause;
  });
  return (
    <span ref={field} className="quality quiet">
      {NO_VALUE}
    </span>
  );
}

/** Time since the newest sample's own time. */
export function LiveAge({ tag, periodMs }: { readonly tag: ShownTag; readonly periodMs: number }): ReactNode {
  const client = useClient();
  const zone = useZone();
  const field = useRef<HTMLSpanElement>(null);
  const paint = (): void => {
    const element = field.current;
    const sample = client.live.latest(tag.id);
    if (element === null || sample === undefined) return;
    const ageMs = (client.now() - sample.time) / 1000;
    const text = formatAge(ageMs);
    if (element.textContent !== text) element.textContent = text;
    const old = ageMs > Math.max(2000, periodMs * STALE_PERIODS) ? 'old' : '';
    if (element.dataset.age !== old) element.dataset.age = old;
    element.title = `Sample of ${formatTime(sample.time, zone, 'millisecond')}`;
  };
  useTick(paint);
  useLivePaint([tag.id], paint);
  return (
    <span ref={field} className="live-age mono">
      {NO_VALUE}
    </span>
  );
}

const SPAN_MS = 60_000;
const colours = new Map<string, string>();

/** One look at the tokens per theme, not one per row. */
function lineColour(theme: string, element: Element): string {
  let colour = colours.get(theme);
  if (colour === undefined) {
    colour = tokenColour(element, '--text-2');
    colours.set(theme, colour);
  }
  return colour;
}

/** The last minute as a line; drawn when new values come. */
export function LiveSparkline({ tag }: { readonly tag: ShownTag }): ReactNode {
  const client = useClient();
  const { theme } = useLook();
  const canvas = useRef<HTMLCanvasElement>(null);
  const paint = (): void => {
    const element = canvas.current;
    if (element === null || tag.type === 'string') return;
    const span = tag.range === null ? 0 : Math.abs(tag.range.high - tag.range.low);
    drawSparkline(element, client.live.window(tag.id, SPAN_MS), {
      now: client.now(),
      spanMs: SPAN_MS,
      colour: lineColour(theme, element),
      leastSpan: span * 0.02,
    });
  };
  const latest = useRef(paint);
  latest.current = paint;
  useEffect(() => {
    if (canvas.current === null) return;
    const watch = watchCanvas(canvas.current, () => latest.current());
    return () => watch[Symbol.dispose]();
  }, []);
  useLivePaint([tag.id], paint);
  return <canvas ref={canvas} className="sparkline" aria-hidden />;
}
