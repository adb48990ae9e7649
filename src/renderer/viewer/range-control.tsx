import { CalendarClock } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, type Ref, useEffect, useRef, useState } from 'react';
import { Button, formatTime } from '#renderer/ui/index.ts';
import { parseRange, type TimeRange, type UnixMicros, zoneOf } from '#shared/model/index.ts';

const RANGE_PRESETS: readonly { readonly label: string; readonly from: string; readonly to: string }[] = [
  { label: 'Last 10 s', from: 'now-10s', to: 'now' },
  { label: 'Last 1 min', from: 'now-1m', to: 'now' },
  { label: 'Last 2 min', from: 'now-2m', to: 'now' },
  { label: 'Last 5 min', from: 'now-5m', to: 'now' },
  { label: 'Last 15 min', from: 'now-15m', to: 'now' },
  { label: 'Last 1 h', from: 'now-1h', to: 'now' },
  { label: 'Last 8 h', from: 'now-8h', to: 'now' },
  { label: 'Last 24 h', from: 'now-24h', to: 'now' },
  { label: 'Last 7 days', from: 'now-7d', to: 'now' },
  { label: 'Today', from: 'now/d', to: 'now' },
  { label: 'Yesterday', from: 'now-1d/d', to: 'now/d' },
  { label: 'This week', from: 'now/w', to: 'now' },
];

export interface RangeControlProps {
  /** Filled by the page in the frame of the drawing. */
  readonly label: Ref<HTMLSpanElement>;
  readonly zone: string | null;
  readonly now: () => UnixMicros;
  readonly current: () => TimeRange;
  readonly canFollow: boolean;
  readonly open: boolean;
  readonly onOpen: (open: boolean) => void;
  readonly onRange: (range: TimeRange, follow: boolean) => void;
}

/** The window's range as text; a click opens presets and two fields for absolute or relative times. */
export function RangeControl(props: RangeControlProps): ReactNode {
  const { label, open, onOpen } = props;
  const box = useRef<HTMLDivElement>(null);
  const close = useRef(onOpen);
  close.current = onOpen;
  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent): void => {
      if (event.target instanceof Node && box.current?.contains(event.target) === true) return;
      close.current(false);
    };
    window.addEventListener('pointerdown', outside, true);
    return () => window.removeEventListener('pointerdown', outside, true);
  }, [open]);
  return (
    <div className="range-control" ref={box}>
      <button
        type="button"
        className="btn range-button"
        aria-expanded={open}
        aria-haspopup="dialog"
        onClick={() => onOpen(!open)}
      >
        <CalendarClock size={14} aria-hidden />
        <span className="visually-hidden">Time range</span> <span ref={label} className="mono range-label" />
      </button>
      {open && <RangeChooser {...props} />}
    </div>
  );
}

function RangeChooser({ zone, now, current, canFollow, onOpen, onRange }: RangeControlProps): ReactNode {
  const [from, setFrom] = useState(() => formatTime(current().from, zone, 'millisecond'));
  const [to, setTo] = useState(() => formatTime(current().to, zone, 'millisecond'));
  const [fault, setFault] = useState<{ readonly field: 'from' | 'to'; readonly message: string } | null>(null);

  const apply = (start: string, end: string): void => {
    const parsed = parseRange(start, end, now(), zoneOf(zone));
    if ('field' in parsed) {
      setFault(parsed);
      return;
    }
    onRange(parsed.range, parsed.follows && canFollow);
    onOpen(false);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      event.preventDefault();
      onOpen(false);
    } else if (event.key === 'Enter' && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      apply(from, to);
    }
  };
  const field = (name: 'from' | 'to', title: string, value: string, set: (text: string) => void): ReactNode => (
    <label className="range-field">
      <span className="field-label">{title}</span>
      <input
        className="input mono"
        value={value}
        spellCheck={false}
        // biome-ignore lint/a11y/noAutofocus: the chooser was opened to write a range
        autoFocus={name === 'from'}
        aria-invalid={fault?.field === name ? true : undefined}
        onFocus={(event) => event.target.select()}
        onChange={(event) => {
          set(event.target.value);
          setFault(null);
        }}
      />
      {fault?.field === name && (
        <span className="field-error" role="alert">
          {fault.message}
        </span>
      )}
    </label>
  );
  return (
    <fieldset className="range-popover" aria-label="Choose a time range" onKeyDown={onKeyDown}>
      <div className="range-presets">
        {RANGE_PRESETS.map((preset) => (
          <button key={preset.label} type="button" className="menu-item" onClick={() => apply(preset.from, preset.to)}>
            <span className="menu-label">{preset.label}</span>
          </button>
        ))}
      </div>
      <div className="range-fields">
        {field('from', 'From', from, setFrom)}
        {field('to', 'To', to, setTo)}
        <p className="quiet">
          Absolute (2026-11-21 14:03:07, 14:03) or relative (now-8h, now/d+6h). Times are in {zoneOf(zone).name}.
        </p>
        <Button look="primary" onClick={() => apply(from, to)}>
          Show
        </Button>
      </div>
    </fieldset>
  );
}
