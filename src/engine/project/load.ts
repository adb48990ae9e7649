import { type DocumentKind, type Documents, documentSchemas } from '#shared/model/index.ts';
import { currentVersion, type MigrationTable } from './migrations.ts';

/** A document as it lies in the file. */
export interface DocumentRow {
  readonly kind: string;
  readonly id: string;
  readonly version: number;
  readonly revision: number;
  readonly body: string;
}

export type LoadResult<K extends DocumentKind = DocumentKind> =
  | { readonly ok: true; readonly document: Documents[K]; readonly migrated: boolean }
  /** `too-new`: written by a later release. `too-old`: before the first version. `failed`: a step or the check failed. */
  | { readonly ok: false; readonly reason: 'too-new' | 'too-old' | 'failed'; readonly text: string };

/** Why a document of the file is not in the project. It stays in the file as it is. */
export interface LoadProblem {
  readonly kind: string;
  readonly id: string;
  readonly reason: 'too-new' | 'too-old' | 'failed';
  readonly text: string;
}

export const isDocumentKind = (kind: string): kind is DocumentKind => Object.hasOwn(documentSchemas, kind);

/** Brings one document to the present version and checks it. Reports instead of throwing. */
export function loadDocument(row: DocumentRow, table: MigrationTable): LoadResult {
  if (!isDocumentKind(row.kind)) {
    return { ok: false, reason: 'too-new', text: `This version knows no documents of the kind "${row.kind}".` };
  }
  const supported = currentVersion(table, row.kind);
  if (row.version > supported) {
    return { ok: false, reason: 'too-new', text: `Version ${row.version}; this program reads up to ${supported}.` };
  }
  if (!Number.isInteger(row.version) || row.version < 1) {
    return { ok: false, reason: 'too-old', text: `Version ${row.version} is from before the first release.` };
  }
  let document: Record<string, unknown>;
  try {
    document = JSON.parse(row.body) as Record<string, unknown>;
    for (const step of table[row.kind].slice(row.version - 1)) document = step.migrate(document);
  } catch (error) {
    return { ok: false, reason: 'failed', text: error instanceof Error ? error.message : String(error) };
  }
  const parsed = documentSchemas[row.kind].safeParse(document);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { ok: false, reason: 'failed', text: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}` };
  }
  if (parsed.data.id !== row.id) {
    return { ok: false, reason: 'failed', text: `The document calls itself "${parsed.data.id}".` };
  }
  return { ok: true, document: parsed.data, migrated: row.version < supported };
}
