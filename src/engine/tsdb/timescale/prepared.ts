import type pg from 'pg';

/** Statements that a connection keeps, and texts that are watched for coming again. */
const MOST_NAMES = 50;
const MOST_SEEN = 200;
/** Of a wide table with thousands of columns the reading takes so long that nothing is won. */
const LONGEST_TEXT = 20_000;

/** Names of statements that a server keeps parsed for its connections, at most so many for each. */
export interface Prepared {
  /** The name that a text goes by, from its second time on; what was not asked for longest makes room for it. */
  nameOf(client: pg.Client, text: string): Promise<string | null>;
  /** After an error: nothing that the connection keeps is trusted any more. */
  forget(client: pg.Client): Promise<void>;
}

/**
 * Graphs ask the same text with other ranges again and again. The server reads such a text once; each range is planned
 * for itself all the same, because the session says so.
 */
export function createPrepared(): Prepared {
  const seen = new Set<string>();
  const kept = new WeakMap<pg.Client, Map<string, string>>();
  let count = 0;
  const drop = async (client: pg.Client, name: string): Promise<void> => {
    delete parsed(client)[name];
    await client.query(`DEALLOCATE ${name}`);
  };
  return {
    async nameOf(client, text) {
      if (text.length > LONGEST_TEXT) return null;
      if (!seen.has(text)) {
        if (seen.size === MOST_SEEN) seen.delete(first(seen.keys()));
        seen.add(text);
        return null;
      }
      let names = kept.get(client);
      if (names === undefined) {
        names = new Map();
        kept.set(client, names);
      }
      let name = names.get(text);
      if (name === undefined) {
        if (names.size === MOST_NAMES) {
          const oldest = first(names.keys());
          const its = names.get(oldest)!;
          names.delete(oldest);
          if (its in parsed(client)) await drop(client, its);
        }
        name = `parx_${++count}`;
      }
      names.delete(text);
      names.set(text, name);
      return name;
    },
    async forget(client) {
      kept.delete(client);
      for (const name of Object.keys(parsed(client))) delete parsed(client)[name];
      await client.query('DEALLOCATE ALL');
    },
  };
}

const first = (keys: Iterator<string>): string => keys.next().value as string;

/** What the client takes the server to keep, by name. */
const parsed = (client: pg.Client): Record<string, string> =>
  (client as unknown as { connection: { parsedStatements: Record<string, string> } }).connection.parsedStatements;
