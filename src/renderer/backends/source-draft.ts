import { createStore } from 'zustand/vanilla';
import { freeName, newId, type ProjectState } from '#renderer/client/index.ts';
import {
  type Difference,
  differencesOf,
  type Plain,
  readFields,
  type ShownDifference,
  sameData,
  settingsOf,
  withTheirs,
} from '#renderer/ui/index.ts';
import { DEFAULT_LIMITS, type DocumentChange, type SourceDocument, type Stored } from '#shared/model/index.ts';
import type { BackendEntry } from '#shared/rpc/catalogue.ts';

/** A source as it is being edited. */
export interface SourceDraft {
  readonly isNew: boolean;
  readonly source: SourceDocument;
  /** Secrets that were typed here, by field. What is kept already never comes to the screen. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Revision the draft started from; null for a new source. */
  readonly base: number | null;
  /** The document as it was then. */
  readonly original: SourceDocument | null;
}

/** Unsaved changes survive leaving the page. Secrets may be in them, so they stay in memory. */
export const sourceDrafts = createStore<{ readonly drafts: ReadonlyMap<string, SourceDraft> }>(() => ({
  drafts: new Map(),
}));

export function keepDraft(draft: SourceDraft): void {
  sourceDrafts.setState({ drafts: new Map(sourceDrafts.getState().drafts).set(draft.source.id, draft) });
}

export function dropDraft(id: string): void {
  const drafts = new Map(sourceDrafts.getState().drafts);
  drafts.delete(id);
  sourceDrafts.setState({ drafts });
}

const namesOf = (project: ProjectState): ReadonlySet<string> =>
  new Set([...project.source.values()].map(({ document }) => document.name));

export function newDraft(project: ProjectState, backend: BackendEntry): SourceDraft {
  return {
    isNew: true,
    source: {
      id: newId(),
      name: freeName(backend.title, namesOf(project)),
      backend: backend.id,
      enabled: true,
      settings: {},
      mappings: [],
      limits: DEFAULT_LIMITS,
    },
    secrets: {},
    base: null,
    original: null,
  };
}

export const draftOf = ({ document, revision }: Stored<SourceDocument>): SourceDraft => ({
  isNew: false,
  source: document,
  secrets: {},
  base: revision,
  original: document,
});

/** The draft of a new source with another backend, whose settings have nothing in common with the first one's. */
export function withBackend(
  project: ProjectState,
  draft: SourceDraft,
  from: BackendEntry,
  to: BackendEntry,
): SourceDraft {
  const own = draft.source.name !== '' && !draft.source.name.startsWith(from.title);
  const name = own ? draft.source.name : freeName(to.title, namesOf(project));
  return { ...draft, source: { ...draft.source, backend: to.id, settings: {}, name }, secrets: {} };
}

/** A copy without secrets, off: a database counts its sessions. */
export function duplicateOf(project: ProjectState, source: SourceDocument): SourceDocument {
  return { ...source, id: newId(), name: freeName(source.name, namesOf(project)), enabled: false };
}

/** Names of the settings that are secrets, with dots where they are nested. */
export const secretFields = (backend: BackendEntry): readonly string[] =>
  readFields(backend.config).flatMap(({ secret, name }) => (secret ? [name] : []));

/** The source with hidden, empty and secret settings left out, as it is checked, tested and saved. */
export function cleanSource(source: SourceDocument, backend: BackendEntry): SourceDocument {
  const fields = readFields(backend.config);
  const settings = settingsOf(
    fields.filter(({ secret }) => !secret),
    source.settings,
  );
  return { ...source, name: source.name.trim(), settings };
}

/** Everything but the mappings, which are written by an editor of their own. */
const withoutMappings = ({ mappings: _, ...rest }: SourceDocument): Plain => rest;

/** True when somebody else has written, or removed, what the draft started from; its mappings are not of it. */
export function isOutdated({ isNew, original }: SourceDraft, stored: Stored<SourceDocument> | undefined): boolean {
  if (isNew || original === null) return false;
  return stored === undefined || !sameData(withoutMappings(stored.document), withoutMappings(original));
}

/** What saving has to write of the document; the mappings are those of the project, which have an editor of their own. */
export function changeOf(
  draft: SourceDraft,
  backend: BackendEntry,
  stored: Stored<SourceDocument> | undefined,
): DocumentChange<'source'> | null {
  const clean = cleanSource(draft.source, backend);
  const document = { ...clean, mappings: stored?.document.mappings ?? clean.mappings };
  if (stored !== undefined && sameData(stored.document, document)) return null;
  const expected = isOutdated(draft, stored) ? draft.base : (stored?.revision ?? draft.base);
  return { kind: 'source', id: document.id, document, expected };
}

export const isChanged = (
  draft: SourceDraft,
  backend: BackendEntry,
  stored: Stored<SourceDocument> | undefined,
): boolean => draft.isNew || Object.keys(draft.secrets).length > 0 || changeOf(draft, backend, stored) !== null;

/** Where the draft and the project differ, for the choice between the two. */
export function differences(
  draft: SourceDraft,
  backend: BackendEntry,
  stored: Stored<SourceDocument> | undefined,
  limits: ReturnType<typeof readFields>,
): ShownDifference[] {
  if (stored === undefined) {
    const texts = { mine: 'kept', theirs: 'deleted' };
    return [{ path: [], what: 'Source', mine: true, theirs: undefined, untouched: null, texts }];
  }
  const mine = withoutMappings(cleanSource(draft.source, backend));
  const from = draft.original === null ? null : withoutMappings(draft.original);
  const fields = { settings: readFields(backend.config), limits };
  return differencesOf(mine, withoutMappings(stored.document), from).map((one) => {
    const [first = '', ...rest] = one.path;
    const name = rest.join('.');
    const of = first === 'settings' || first === 'limits' ? fields[first] : [];
    const title = of.find((field) => field.name === name)?.title ?? TITLES[first] ?? one.path.join('.');
    return { ...one, what: title };
  });
}
const TITLES: Readonly<Record<string, string>> = { name: 'Name', enabled: 'Switched on' };

/** The same edits on top of what is stored now, with these places as they are stored. */
export function rebased(
  draft: SourceDraft,
  stored: Stored<SourceDocument> | undefined,
  theirs: readonly Pick<Difference, 'path' | 'theirs'>[],
): SourceDraft {
  if (stored === undefined) return { ...draft, isNew: true, base: null, original: null };
  const source = withTheirs(draft.source, theirs) as SourceDocument;
  return { ...draft, source, base: stored.revision, original: stored.document };
}
