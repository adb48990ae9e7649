import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger } from '#engine/platform/index.ts';
import { withStoreErrors } from '#engine/platform/index.ts';
import { type DocumentKind, documentSchemas } from '#shared/model/index.ts';
import type { Change } from './plan.ts';
import { openProject, type ProjectStore } from './store.ts';

export interface ReplaceReport {
  readonly documents: number;
  /** Documents of the other file that could not be read, in sentences. */
  readonly problems: readonly string[];
  /** Where the project is that was open until now. */
  readonly keptAt: string;
}

/**
 * Makes another project file the open project: its documents come in, the present ones go, in one commit. The present
 * project is saved beside the backups first. The other file is only read, from a copy, so that a stick or a share stays
 * as it is. Throws `store.damaged`, `store.too-new`, `store.disk-full`; then nothing has changed.
 */
export async function replaceProject(
  project: ProjectStore,
  path: string,
  deps: { readonly clock: Clock; readonly log: Logger; readonly directory: string },
): Promise<ReplaceReport> {
  withStoreErrors(deps.directory, () => mkdirSync(deps.directory, { recursive: true }));
  const copy = join(deps.directory, 'opening.parxproject');
  const removeCopy = (): void => {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${copy}${suffix}`, { force: true });
  };
  removeCopy();
  try {
    withStoreErrors(path, () => copyFileSync(path, copy));
    const other = openProject(copy, { clock: deps.clock, log: deps.log });
    try {
      const stamp = new Date(deps.clock.now() / 1000).toISOString().slice(0, 19).replaceAll(':', '-');
      const keptAt = join(deps.directory, `before opening another ${stamp}.parxproject`);
      await project.saveAs(keptAt);
      const changes: Change[] = [];
      let documents = 0;
      for (const kind of Object.keys(documentSchemas) as DocumentKind[]) {
        const incoming = new Set<string>();
        for (const { document } of other.list(kind)) {
          incoming.add(document.id);
          documents += 1;
          changes.push({ kind, id: document.id, document, expected: project.get(kind, document.id)?.revision ?? null });
        }
        for (const { document, revision } of project.list(kind)) {
          if (!incoming.has(document.id)) changes.push({ kind, id: document.id, document: null, expected: revision });
        }
      }
      project.commit(changes);
      const problems = other.report.problems.map(
        (problem) => `${problem.kind} "${problem.id}" could not be read: ${problem.text}`,
      );
      deps.log.info('Another project was opened.', { documents, problems: problems.length });
      return { documents, problems, keptAt };
    } finally {
      await other.close();
    }
  } finally {
    removeCopy();
  }
}
