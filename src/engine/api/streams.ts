import { changedKeys } from '#engine/platform/index.ts';
import { type DocumentKind, documentSchemas } from '#shared/model/index.ts';
import type { RuntimeTagInfo, StoredDocument } from '#shared/rpc/contract.ts';
import type { Services } from './services.ts';

/** The whole project in pages, then what changes; a document that is gone is null. */
export async function* projectStream(
  { project, clock }: Services,
  signal: AbortSignal,
): AsyncGenerator<{ complete: boolean; changes: StoredDocument[] }> {
  // Kinds hold no slash.
  const keyOf = (kind: DocumentKind, id: string): string => `${kind}/${id}`;
  const pages = changedKeys(
    () =>
      (Object.keys(documentSchemas) as DocumentKind[]).flatMap((kind) =>
        project.list(kind).map(({ document }) => keyOf(kind, document.id)),
      ),
    (listener) => project.watch((changes) => listener(changes.map(({ kind, id }) => keyOf(kind, id)))),
    clock,
    signal,
  );
  for await (const { complete, keys } of pages) {
    yield {
      complete,
      changes: keys.map((key) => {
        const slash = key.indexOf('/');
        const kind = key.slice(0, slash) as DocumentKind;
        const id = key.slice(slash + 1);
        const stored = project.get(kind, id);
        return { kind, id, revision: stored?.revision ?? 0, document: stored?.document ?? null };
      }),
    };
  }
}

/** All runtime tags in pages, then what changes. */
export async function* tagStream(
  { table, clock }: Services,
  signal: AbortSignal,
): AsyncGenerator<{ complete: boolean; tags: RuntimeTagInfo[]; removed: string[] }> {
  const pages = changedKeys(
    () => table.all().map((tag) => tag.id),
    (listener) =>
      table.watch(({ added, changed, removed }) => listener([...added, ...changed, ...removed].map((tag) => tag.id))),
    clock,
    signal,
  );
  for await (const { complete, keys } of pages) {
    const tags: RuntimeTagInfo[] = [];
    const removed: string[] = [];
    for (const id of keys) {
      const tag = table.byId(id);
      if (tag === undefined) removed.push(id);
      else tags.push(infoOf(tag));
    }
    yield { complete, tags, removed };
  }
}

function infoOf(tag: ReturnType<Services['table']['all']>[number]): RuntimeTagInfo {
  return {
    id: tag.id,
    name: tag.name,
    description: tag.description,
    kind: tag.kind,
    connectionId: tag.connectionId,
    deviceId: tag.deviceId,
    address: tag.address,
    wire: tag.wire,
    type: tag.type,
    unit: tag.unit,
    decimals: tag.decimals,
    range: tag.range,
    periodMs: tag.periodMs,
    demo: tag.demo,
    enabled: tag.enabled,
    recipe: tag.recipe,
    problem: tag.problem,
  };
}
