import type { TableMapping } from '#shared/model/index.ts';
import { gatherFacts } from './facts.ts';
import { inTransaction, type OwnSchemaAccess, withLease } from './lease.ts';
import { ownMapping } from './mapping.ts';

export { type ConflictRule, createIngestor, type IngestorOptions } from './ingestor.ts';
export type { OwnSchemaAccess } from './lease.ts';
export { createSchemaManager } from './manager.ts';
export type { Edition } from './migrations.ts';

/** How the tables of our own are read; null where there are none. Changes nothing. */
export function findOwnTables({ lease, schema }: OwnSchemaAccess, signal: AbortSignal): Promise<TableMapping | null> {
  return withLease(lease, 'read', signal, (client) =>
    inTransaction(client, async () => ownMapping(await gatherFacts(client, schema, true), schema)),
  );
}
