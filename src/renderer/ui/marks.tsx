import type { ReactNode } from 'react';
import { type LinkState, type Quality, qualityFamily, qualityText } from '#shared/model/index.ts';

export type Tone = 'ok' | 'quiet' | 'info' | 'warn' | 'error';
type Shape = 'disc' | 'ring' | 'dashed' | 'triangle' | 'cross' | 'diamond' | 'square';

/** A state is told by shape first; colour only repeats it. */
export function ShapeMark({ shape, size = 10 }: { readonly shape: Shape; readonly size?: number }): ReactNode {
  return (
    <svg width={size} height={size} viewBox="0 0 10 10" aria-hidden>
      {shape === 'disc' && <circle cx="5" cy="5" r="4" fill="currentColor" />}
      {shape === 'square' && <rect x="1.5" y="1.5" width="7" height="7" fill="currentColor" />}
      {shape === 'ring' && <circle cx="5" cy="5" r="3.4" fill="none" stroke="currentColor" strokeWidth="1.3" />}
      {shape === 'dashed' && (
        <circle cx="5" cy="5" r="3.6" fill="none" stroke="currentColor" strokeWidth="1.6" strokeDasharray="2.4 1.4" />
      )}
      {shape === 'triangle' && <path d="M5 0.8 9.6 9.2H0.4Z" fill="currentColor" />}
      {shape === 'diamond' && (
        <path d="M5 0.5 9.5 5 5 9.5 0.5 5Z" fill="none" stroke="currentColor" strokeWidth="1.4" />
      )}
      {shape === 'cross' && <path d="M1.5 1.5 8.5 8.5M8.5 1.5 1.5 8.5" stroke="currentColor" strokeWidth="2" />}
    </svg>
  );
}

export function Mark({
  tone,
  shape,
  children,
  title,
}: {
  readonly tone: Tone;
  readonly shape: Shape;
  readonly children: ReactNode;
  readonly title?: string;
}): ReactNode {
  return (
    <span className="mark" data-tone={tone} title={title}>
      <ShapeMark shape={shape} />
      {children}
    </span>
  );
}

/**
 * `unknown` while the engine itself can't be asked: an old state shown as if it were true would be a lie. `idle` is
 * switched on and has nothing to read; `invalid` has settings that do not hold; `draft` is not saved yet.
 */
export type ShownState = LinkState | 'unknown' | 'idle' | 'invalid' | 'draft';

/** What the engine says of a connection or device, as it is shown. `enabled`: it is switched on, with all above it. */
export function shownLinkState(state: LinkState | undefined, enabled: boolean): ShownState {
  if (!enabled) return 'disabled';
  return state === 'disabled' ? 'idle' : (state ?? 'unknown');
}

/** How states look and are called, of whatever they are. */
export const stateMarks: Readonly<
  Record<ShownState, { readonly tone: Tone; readonly shape: Shape; readonly text: string }>
> = {
  running: { tone: 'ok', shape: 'disc', text: 'Running' },
  degraded: { tone: 'warn', shape: 'triangle', text: 'Degraded' },
  connecting: { tone: 'info', shape: 'dashed', text: 'Connecting' },
  lost: { tone: 'error', shape: 'cross', text: 'Lost' },
  invalid: { tone: 'error', shape: 'diamond', text: 'Settings wrong' },
  disabled: { tone: 'quiet', shape: 'ring', text: 'Off' },
  unknown: { tone: 'quiet', shape: 'diamond', text: 'Unknown' },
  idle: { tone: 'quiet', shape: 'square', text: 'No tags' },
  draft: { tone: 'quiet', shape: 'dashed', text: 'Not saved' },
};

export function StateMark({ state, text }: { readonly state: ShownState; readonly text?: string }): ReactNode {
  const mark = stateMarks[state];
  return (
    <Mark tone={mark.tone} shape={mark.shape}>
      {text ?? mark.text}
    </Mark>
  );
}

/** Sign of a quality for cells that are written directly into the document; the cause is the text on hover. */
export function qualitySign(quality: Quality): {
  readonly sign: string;
  readonly word: string;
  readonly cause: string;
} {
  const family = qualityFamily(quality);
  const sign = family === 'good' ? '●' : family === 'uncertain' ? '◆' : '✕';
  const word = family === 'good' ? 'Good' : family === 'uncertain' ? 'Uncertain' : 'Bad';
  return { sign, word, cause: qualityText(quality) };
}
