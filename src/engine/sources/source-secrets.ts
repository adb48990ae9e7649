import type { TsdbBackend } from '#engine/tsdb/index.ts';
import { AppError } from '#shared/errors.ts';
import type { SourceDocument } from '#shared/model/index.ts';
import { endpointOf } from './settings.ts';

/** Where this installation keeps secrets, by name. */
export interface SecretStore {
  get(name: string): Promise<string | undefined>;
  set(name: string, value: string): Promise<void>;
  remove(name: string): boolean;
  names(): readonly string[];
}

/** Secrets of the project's sources, kept apart from their documents. */
export interface SourceSecrets {
  /**
   * A secret goes only where it was meant for: to the end that the source had when it was first used. A project that
   * comes back with another address must not carry a password there: throws `config.invalid` then.
   */
  of(document: SourceDocument, field: string): Promise<string | undefined>;
  /** Wherever it goes. */
  get(id: string, field: string): Promise<string | undefined>;
  /** Fields whose secret is kept. */
  fields(id: string): readonly string[];
  /** Null forgets. Who knows a secret says where it goes: the next end that it is used for. */
  set(id: string, field: string, value: string | null): Promise<void>;
  /** Somebody here wants the source to lead elsewhere: its secrets go along. */
  move(from: SourceDocument, to: SourceDocument): Promise<void>;
  /** Forgets all of a source. */
  clear(id: string): void;
}

const secretName = (id: string, field: string): string => `source/${id}/${field}`;
/** Under what it is kept where a source's secrets may be sent. */
const placeName = (id: string): string => `source-place/${id}`;

export function createSourceSecrets(store: SecretStore, backends: readonly TsdbBackend[]): SourceSecrets {
  const fields = (id: string): readonly string[] => {
    const prefix = secretName(id, '');
    return store.names().flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
  };
  return {
    async of(document, field) {
      const secret = await store.get(secretName(document.id, field));
      const place = endpointOf(backends, document);
      if (secret === undefined || place === null) return secret;
      const meant = await store.get(placeName(document.id));
      if (meant === undefined) await store.set(placeName(document.id), place);
      else if (meant !== place) {
        const message = `The password of ${document.name} was kept for ${meant}, and its settings lead to ${place} now. Enter it again if that is right.`;
        throw new AppError('config.invalid', message, {
          details: { issues: [{ path: `settings.${field}`, message }] },
        });
      }
      return secret;
    },
    get: (id, field) => store.get(secretName(id, field)),
    fields,
    async set(id, field, value) {
      store.remove(placeName(id));
      if (value === null) store.remove(secretName(id, field));
      else await store.set(secretName(id, field), value);
    },
    async move(before, next) {
      const [from, to] = [endpointOf(backends, before), endpointOf(backends, next)];
      if (from === to || to === null || (await store.get(placeName(next.id))) !== from) return;
      await store.set(placeName(next.id), to);
    },
    clear(id) {
      for (const field of fields(id)) store.remove(secretName(id, field));
      store.remove(placeName(id));
    },
  };
}
