import { CircleCheck, CircleX, Hourglass, Loader, TriangleAlert, X } from 'lucide-react';
import type { ReactNode } from 'react';
import type { JobState } from '#shared/rpc/parts.ts';

const looks = {
  waiting: { icon: Hourglass, text: 'Waiting' },
  running: { icon: Loader, text: 'Running' },
  done: { icon: CircleCheck, text: 'Done' },
  failed: { icon: CircleX, text: 'Failed' },
  cancelled: { icon: X, text: 'Cancelled' },
} as const;

/**
 * How long work stands. `warning`: it is done, and not all of it went well; `stuck`: it is running, and waits for somebody.
 * Both are told in words.
 */
export function JobMark({
  state,
  warning,
  stuck,
}: {
  readonly state: JobState;
  readonly warning?: string | false;
  readonly stuck?: string | false;
}): ReactNode {
  const [Icon, text] =
    state === 'done' && warning
      ? [TriangleAlert, warning]
      : state === 'running' && stuck
        ? [Hourglass, stuck]
        : [looks[state].icon, looks[state].text];
  return <Icon size={15} className="job-mark" aria-label={text} role="img" />;
}
