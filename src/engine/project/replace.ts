import { randomUUID } from 'node:crypto';
import { closeSync, copyFileSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, type Logger, storeError, withStoreErrors } from '#engine/platform/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';
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
 * as it is; `name` is what people are told of it. Throws `store.damaged`, `store.too-new`, `store.disk-full`; then
 * nothing has changed.
 */
export async function replaceProject(
  project: ProjectStore,
  path: string,
  deps: { readonly clock: Clock; readonly log: Logger; readonly directory: string; readonly name?: string },
): Promise<ReplaceReport> {
  const { clock, log, directory, name = path } = deps;
  withStoreErrors(directory, () => mkdirSync(directory, { recursive: true }));
  // Two screens may do this at the same time.
  const own = randomUUID();
  const copy = join(directory, `opening-${own}.parxproject`);
  try {
    withStoreErrors(path, () => copyFileSync(path, copy));
    const other = namedAs(copy, name, () => openProject(copy, { clock, log }));
    try {
      const keptAt = freePath(directory, `before opening another ${stampOf(clock)}`);
      await project.saveAs(keptAt).catch((error: unknown) => {
        rmSync(keptAt, { force: true });
        throw error;
      });
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
      log.info('Another project was opened.', { name, documents, problems: problems.length });
      return { documents, problems, keptAt };
    } finally {
      await other.close();
    }
  } finally {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${copy}${suffix}`, { force: true });
  }
}

/** Refusals name the copy; nobody has chosen that. */
function namedAs<T>(copy: string, name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isAppError(error)) throw error;
    const { code, details, retryable } = error;
    const named = details !== null && 'path' in details ? { ...details, path: name } : details;
    throw new AppError(code, error.message.replaceAll(copy, name), { details: named, retryable, cause: error });
  }
}

const stampOf = (clock: Clock): string => new Date(clock.now() / 1000).toISOString().slice(0, 19).replaceAll(':', '-');

/** Reserved by making it: two that are kept in the same second have two names. */
function freePath(directory: string, base: string): string {
  for (let n = 1; ; n++) {
    const path = join(directory, n === 1 ? `${base}.parxproject` : `${base} ${n}.parxproject`);
    try {
      closeSync(openSync(path, 'wx'));
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw storeError(path, error);
    }
  }
}
