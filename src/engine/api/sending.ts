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
    async tags({ source, text, limit }, { signal }) {
      const words = text.toLowerCase().split(/\s+/).filter(Boolean);
      const found = (await sendJobs.numbers(pathOf(source), signal)).filter(({ name, description }) => {
        const searched = `${name} ${description}`.toLowerCase();
        return words.every((word) => searched.includes(word));
      });
      const byName = found.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
      const tags = byName.slice(0, limit).map(({ id, name, recipe }) => ({ id, name, unit: recipe.unit }));
      return { tags, total: found.length };
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
