import { conflate } from '#engine/platform/index.ts';
import type { AppContract } from '#shared/rpc/contract.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import type { HandlersOf } from '#shared/rpc/index.ts';
import { refuseEmpty, type Services } from './services.ts';

/** Samples pass many times a second; eyes follow no more than this. */
const STATE_MS = 250;

export function sendingHandlers({ clock, files, sendJobs }: Services): HandlersOf<AppContract>['sending'] {
  /** Null for the running history. One that lies elsewhere is known while it is open. */
  const pathOf = (source: string): string | null =>
    source === RUNNING_HISTORY ? null : (files.opened().find(({ id }) => id === source)?.path ?? files.pathOf(source));
  return {
    async estimate({ source, tags, range }, { signal }) {
      refuseEmpty(range);
      return sendJobs.estimate({ path: pathOf(source), tags, range }, signal);
    },
    async start(request) {
      refuseEmpty(request.range);
      return { id: sendJobs.start({ ...request, path: pathOf(request.source) }) };
    },
    watch: (_input, { signal }) =>
      conflate(() => ({ jobs: [...sendJobs.list()] }), sendJobs.watch, clock, signal, STATE_MS),
    async cancel({ id }) {
      sendJobs.cancel(id);
    },
    async resume({ id }) {
      sendJobs.resume(id);
    },
    async remove({ id }) {
      sendJobs.remove(id);
    },
  };
}
