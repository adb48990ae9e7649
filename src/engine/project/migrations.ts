import type { DocumentKind } from '#shared/model/index.ts';

/** One step of a kind's history: makes a document of version `to` out of one of version `to - 1`. */
export interface Migration {
  readonly to: number;
  /** In a sentence, for the log. */
  readonly what: string;
  migrate(document: Record<string, unknown>): Record<string, unknown>;
}

/**
 * Steps per kind, numbered without gaps from 2. Version 1 is what the first release wrote. A step stays for ever: a
 * project file of any release must open.
 */
export type MigrationTable = Readonly<Record<DocumentKind, readonly Migration[]>>;
export const migrations: MigrationTable = {
  settings: [],
  connection: [],
  device: [],
  tag: [],
  recorder: [],
  trend: [],
  source: [],
  graph: [],
};

/** Throws when a kind's steps are not 2, 3, 4 ...: a fault of the program, found at every start. */
export function assertGapFree(table: MigrationTable): void {
  for (const [kind, steps] of Object.entries(table)) {
    steps.forEach((step, index) => {
      if (step.to !== index + 2) {
        throw new Error(`Migrations of "${kind}": found a step to ${step.to} where ${index + 2} is due.`);
      }
    });
  }
}

export const currentVersion = (table: MigrationTable, kind: DocumentKind): number => table[kind].length + 1;
