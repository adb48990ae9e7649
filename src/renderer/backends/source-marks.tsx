import type { ReactNode } from 'react';
import { Mark, type Tone } from '#renderer/ui/index.ts';
import type { SourceState } from '#shared/model/index.ts';

/** `unknown` while the engine itself can't be asked; `draft` is not saved yet. */
export type ShownSourceState = SourceState | 'unknown' | 'draft';

export const sourceMarks: Readonly<
  Record<
    ShownSourceState,
    { readonly tone: Tone; readonly shape: Parameters<typeof Mark>[0]['shape']; readonly text: string }
  >
> = {
  running: { tone: 'ok', shape: 'disc', text: 'Connected' },
  degraded: { tone: 'warn', shape: 'triangle', text: 'Degraded' },
  connecting: { tone: 'info', shape: 'dashed', text: 'Connecting' },
  lost: { tone: 'error', shape: 'cross', text: 'Lost' },
  invalid: { tone: 'error', shape: 'diamond', text: 'Settings wrong' },
  disabled: { tone: 'quiet', shape: 'ring', text: 'Off' },
  unknown: { tone: 'quiet', shape: 'diamond', text: 'Unknown' },
  draft: { tone: 'quiet', shape: 'dashed', text: 'Not saved' },
};

export function SourceMark({ state }: { readonly state: ShownSourceState }): ReactNode {
  const { tone, shape, text } = sourceMarks[state];
  return (
    <Mark tone={tone} shape={shape}>
      {text}
    </Mark>
  );
}
