import type { Clock } from '#engine/platform/index.ts';
import type { ProjectStore } from '#engine/project/index.ts';
import { type DocumentKind, documentSchemas } from '#shared/model/index.ts';

/** Documents in one item of the first transfer; bounds the frame at about a megabyte. */
const PAGE = 2_000;

interface ProjectItem {
  readonly complete: boolean;
  readonly changes: { kind: DocumentKind; id: string; revision: number; document: unknown }[];
}

/** The whole project in pages, then what changes; several changes of one document between two pulls become one. */
export async function* projectStream(
  project: ProjectStore,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<ProjectItem> {
  const changed = new Map<string, { readonly kind: DocumentKind; readonly id: string }>();
  let wake: (() => void) | null = null;
  const rouse = (): void => {
    wake?.();
    wake = null;
  };
  const subscription = project.watch((changes) => {
    for (const { kind, id } of changes) changed.set(`${kind}/${id}`, { kind, id });
    rouse();
  });
  signal.addEventListener('abort', rouse);
  try {
    let page: ProjectItem['changes'] = [];
    for (const kind of Object.keys(documentSchemas) as DocumentKind[]) {
      for (const { revision, document } of project.list(kind)) {
        page.push({ kind, id: document.id, revision, document });
        if (page.length === PAGE) {
          yield { complete: false, changes: page };
          page = [];
        }
      }
    }
    yield { complete: true, changes: page };
    while (!signal.aborted) {
      if (changed.size === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const batch = [...changed.values()].slice(0, PAGE);
      for (const { kind, id } of batch) changed.delete(`${kind}/${id}`);
      yield {
        complete: true,
        changes: batch.map(({ kind, id }) => {
          const stored = project.get(kind, id);
          return { kind, id, revision: stored?.revision ?? 0, document: stored?.document ?? null };
        }),
      };
      await clock.sleep(20, signal).catch(() => undefined);
    }
  } finally {
    signal.removeEventListener('abort', rouse);
    subscription[Symbol.dispose]();
  }
}
