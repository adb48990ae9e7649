import type { AppClient } from '#renderer/client/index.ts';
import type { RecordingFile } from '#shared/model/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import type { SendChoice } from './send-dialog.tsx';

const HOUR = 3_600e6;

/** The running history: the last hours, and all of it where its beginning is known. */
export async function historyChoice(client: AppClient): Promise<SendChoice> {
  const to = Math.ceil(client.now());
  const { range } = await client.rpc.history.bounds({ source: RUNNING_HISTORY });
  const first = range === null ? to - HOUR : range.from;
  const last = (label: string, hours: number) => ({ label, range: { from: to - hours * HOUR, to } });
  return {
    source: RUNNING_HISTORY,
    sourceName: 'Running history',
    ranges: [
      { label: 'Everything until now', range: { from: Math.min(first, to - 1), to } },
      last('Last hour', 1),
      last('Last 8 hours', 8),
      last('Last 24 hours', 24),
    ],
    tags: [],
  };
}

/** A recording as a whole; none for one that holds nothing. */
export const fileChoices = (files: readonly RecordingFile[]): SendChoice[] =>
  files.flatMap(({ id, name, from, to }) =>
    from === null || to === null
      ? []
      : [{ source: id, sourceName: name, ranges: [{ label: 'All of it', range: { from, to: to + 1 } }], tags: [] }],
  );
