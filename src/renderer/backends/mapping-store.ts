import { createStore } from 'zustand/vanilla';
import type { CatalogueRelation, MappingGuess, TableMapping } from '#shared/model/index.ts';

/** A mapping as it is being edited. */
export interface MappingDraft {
  readonly mapping: TableMapping;
  /** As it was when the editing began; null for a new one. */
  readonly original: TableMapping | null;
  /** What it began with, where it was guessed. */
  readonly guess: MappingGuess | null;
}

interface MappingsState {
  /** By source and mapping (`SOURCE/mapping`) or, for new ones, relation (`SOURCE:relation`). */
  readonly drafts: ReadonlyMap<string, MappingDraft>;
  /** What was found at a source last; kept, since looking takes the server's time. */
  readonly found: ReadonlyMap<string, readonly CatalogueRelation[]>;
}

/** Unsaved mappings and what was discovered survive leaving the page. */
export const mappingStore = createStore<MappingsState>(() => ({ drafts: new Map(), found: new Map() }));

export function keepMapping(key: string, draft: MappingDraft): void {
  mappingStore.setState({ drafts: new Map(mappingStore.getState().drafts).set(key, draft) });
}

export function dropMapping(key: string): void {
  const drafts = new Map(mappingStore.getState().drafts);
  drafts.delete(key);
  mappingStore.setState({ drafts });
}

export function keepFound(source: string, relations: readonly CatalogueRelation[]): void {
  mappingStore.setState({ found: new Map(mappingStore.getState().found).set(source, relations) });
}
