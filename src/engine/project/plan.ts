import { AppError } from '#shared/errors.ts';
import { type DocumentKind, type Documents, documentSchemas, type Stored } from '#shared/model/index.ts';
import { type Collection, nameKey } from './collection.ts';

/** A change as it comes from outside: the document is checked here. */
export interface Change {
  readonly kind: DocumentKind;
  readonly id: string;
  /** null removes. */
  readonly document: unknown;
  /** Revision that the writer has read; null for a new document. */
  readonly expected: number | null;
}

export interface RemovedDocument<K extends DocumentKind = DocumentKind> extends Stored<Documents[K]> {
  readonly kind: K;
}

/** What a commit does, once all rules hold. */
export interface CommitPlan {
  readonly puts: readonly { readonly kind: DocumentKind; readonly document: Documents[DocumentKind] }[];
  /** Everything that goes, what lies below a removed connection or device included; parents first. */
  readonly removed: readonly RemovedDocument[];
}

interface Issue {
  readonly path: string;
  readonly message: string;
}

const title: Readonly<Record<DocumentKind, string>> = {
  settings: 'project settings',
  connection: 'connection',
  device: 'device',
  tag: 'tag',
  recorder: 'recorder',
  trend: 'trend',
  source: 'source',
  graph: 'graph',
};

/**
 * Checks a commit against the collection without changing it. Throws `store.conflict`, `store.not-found` or
 * `config.invalid`; paths of issues are `changes.<position>.document.<field>`.
 */
export function planCommit(changes: readonly Change[], collection: Collection): CommitPlan {
  const issues: Issue[] = [];
  const puts = new Map<
    string,
    { readonly index: number; readonly kind: DocumentKind; readonly document: Documents[DocumentKind] }
  >();
  const removed = new Map<string, RemovedDocument>();
  const key = (kind: DocumentKind, id: string): string => `${kind}/${id}`;

  const seen = new Set<string>();
  for (const [index, change] of changes.entries()) {
    const { kind, id } = change;
    if (seen.has(key(kind, id)))
      issues.push({ path: `changes.${index}`, message: `The ${title[kind]} is changed twice.` });
    seen.add(key(kind, id));
    const current = collection.get(kind, id);
    checkRevision(change, current);
    if (change.document === null) {
      if (current !== undefined) removed.set(key(kind, id), { kind, ...current });
      continue;
    }
    const parsed = documentSchemas[kind].safeParse(change.document);
    if (!parsed.success) {
      for (const issue of parsed.error.issues) {
        issues.push({ path: path(index, ...issue.path.map(String)), message: issue.message });
      }
    } else if (parsed.data.id !== id) {
      issues.push({
        path: path(index, 'id'),
        message: `The document's id is "${parsed.data.id}", the change names "${id}".`,
      });
    } else {
      puts.set(key(kind, id), { index, kind, document: Object.freeze(parsed.data) });
    }
  }
  if (issues.length > 0) throw invalid(issues);

  cascade(collection, puts, removed, key);

  const exists = (kind: 'connection' | 'device', id: string): boolean =>
    puts.has(key(kind, id)) || (collection.get(kind, id) !== undefined && !removed.has(key(kind, id)));
  const newNames = new Map<string, string>();
  for (const { index, document } of puts.values()) {
    if ('connectionId' in document && !exists('connection', document.connectionId)) {
      issues.push({ path: path(index, 'connectionId'), message: 'The connection of this device does not exist.' });
    }
    if (!('deviceId' in document)) continue;
    if (!exists('device', document.deviceId)) {
      issues.push({ path: path(index, 'deviceId'), message: 'The device of this tag does not exist.' });
    }
    const name = nameKey(document.name);
    const holder = collection.tagNamed(name);
    // A holder that is itself changed or removed here gives the name up, unless it keeps it: then it is in newNames.
    const taken =
      holder !== undefined &&
      holder !== document.id &&
      !puts.has(key('tag', holder)) &&
      !removed.has(key('tag', holder));
    if (taken || newNames.has(name)) {
      issues.push({
        path: path(index, 'name'),
        message: `There is another tag named "${document.name}". Tag names are unique in the project.`,
      });
    }
    newNames.set(name, document.id);
  }
  if (issues.length > 0) throw invalid(issues);
  return { puts: [...puts.values()], removed: [...removed.values()] };
}

/** Adds what lies below removed connections and devices, unless this commit itself moves it elsewhere. */
function cascade(
  collection: Collection,
  puts: ReadonlyMap<string, unknown>,
  removed: Map<string, RemovedDocument>,
  key: (kind: DocumentKind, id: string) => string,
): void {
  const add = (kind: 'device' | 'tag', id: string): void => {
    if (puts.has(key(kind, id)) || removed.has(key(kind, id))) return;
    const stored = collection.get(kind, id);
    if (stored !== undefined) removed.set(key(kind, id), { kind, ...stored });
  };
  // A Map that grows while it is walked is walked to its new end: devices added here have their tags added as well.
  for (const { kind, document } of removed.values()) {
    if (kind === 'connection') for (const id of collection.devicesOf(document.id)) add('device', id);
    if (kind === 'device') for (const id of collection.tagsOf(document.id)) add('tag', id);
  }
}

function checkRevision(change: Change, current: Stored<Documents[DocumentKind]> | undefined): void {
  const { kind, id, expected } = change;
  if (current === undefined) {
    if (expected === null && change.document !== null) return;
    throw new AppError('store.not-found', `The ${title[kind]} has been removed in the meantime.`, {
      details: { kind, id },
    });
  }
  if (expected === current.revision) return;
  const name = 'name' in current.document ? ` "${current.document.name}"` : '';
  throw new AppError(
    'store.conflict',
    expected === null
      ? `There is a ${title[kind]} with the id "${id}" already.`
      : `The ${title[kind]}${name} has been changed in another window. Load it again and repeat the change.`,
    { details: { kind, id, revision: current.revision } },
  );
}

const path = (index: number, ...fields: readonly string[]): string =>
  ['changes', index, 'document', ...fields].join('.');

function invalid(issues: readonly Issue[]): AppError<'config.invalid'> {
  const more = issues.length > 1 ? ` ${issues.length - 1} more.` : '';
  return new AppError('config.invalid', `${issues[0]?.message ?? 'Not valid.'}${more}`, { details: { issues } });
}
