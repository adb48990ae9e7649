import { readdir, readFile, stat } from 'node:fs/promises';
import { arch, cpus, freemem, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { z } from 'zod';
import type { Services } from './services.ts';

/** Of the newest log files; what lies before is seldom asked for. */
const MOST_LOG_BYTES = 2 * 1024 * 1024;
const REMOVED = '(removed)';

/**
 * What the engine knows of itself, for whoever is asked for help: versions, states, alerts, settings and the end of the
 * log, of this run and of those before. No samples, and nothing that a schema calls secret or does not know.
 */
export async function supportFile(services: Services): Promise<{ name: string; bytes: Uint8Array<ArrayBuffer> }> {
  const { clock, project, protocols, acquisition, alerts, recorder, files, table, sources } = services;
  const health = services.health();
  await services.logBook.written();
  const made = new Date(clock.now() / 1000).toISOString();
  const schemas = new Map(protocols.map((driver) => [driver.id as string, driver]));
  const protocolOf = new Map<string, string>();
  const connections = project.list('connection').map(({ document }) => {
    protocolOf.set(document.id, document.protocol);
    const driver = schemas.get(document.protocol);
    return { ...document, settings: withoutSecrets(driver && schemaOf(driver.config), document.settings) };
  });
  const devices = project.list('device').map(({ document }) => {
    const driver = schemas.get(protocolOf.get(document.connectionId) ?? '');
    return { ...document, settings: withoutSecrets(driver && schemaOf(driver.device), document.settings) };
  });
  const content = {
    made,
    version: health.version,
    system: {
      platform: process.platform,
      release: release(),
      arch: arch(),
      node: process.version,
      processors: cpus().length,
      memoryBytes: totalmem(),
      freeBytes: freemem(),
    },
    health,
    recorder: recorder.state(),
    recordings: await files.list(),
    alerts: alerts.list(),
    links: acquisition.status(),
    // Their settings hold no secrets; what is under a secret's name all the same is left out.
    sources: sources.status(),
    slowQueries: sources.status().map(({ id }) => ({ source: id, queries: sources.slowQueries(id) })),
    sourceDocuments: project.list('source').map(({ document }) => {
      const backend = sources.backends.find(({ id }) => id === document.backend);
      return { ...document, settings: withoutSecrets(backend && schemaOf(backend.config), document.settings) };
    }),
    connections,
    devices,
    tags: { count: project.list('tag').length, withProblems: problems(table.all()) },
    log: await logTail(join(health.dataDirectory, 'log')),
  };
  const bytes = await promisify(gzip)(JSON.stringify(content, null, 1));
  return { name: `parx-support-${made.slice(0, 19).replaceAll(/[:T]/g, '-')}.json.gz`, bytes: new Uint8Array(bytes) };
}

const MOST_PROBLEMS = 200;

function problems(
  tags: readonly { readonly name: string; readonly address: string; readonly problem: string | null }[],
) {
  return tags
    .filter(({ problem }) => problem !== null)
    .slice(0, MOST_PROBLEMS)
    .map(({ name, address, problem }) => ({ name, address, problem }));
}

const schemaOf = (schema: z.ZodType): unknown => z.toJSONSchema(schema, { io: 'input' });

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Settings without what their JSON Schema marks as secret, and without what it does not know. */
export function withoutSecrets(schema: unknown, value: unknown): unknown {
  if (!isObject(schema)) return REMOVED;
  if (schema.secret === true) return value === '' || value === null || value === undefined ? value : REMOVED;
  const forms = [
    schema,
    ...['anyOf', 'oneOf', 'allOf'].flatMap((key) => (Array.isArray(schema[key]) ? schema[key] : [])),
  ];
  if (Array.isArray(value)) {
    const { items } = forms.find((form) => isObject(form) && form.items !== undefined) ?? {};
    return value.map((entry) => withoutSecrets(items, entry));
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => {
      const form = forms.find((one) => isObject(one) && isObject(one.properties) && one.properties[key] !== undefined);
      return [key, withoutSecrets(form?.properties[key], entry)];
    }),
  );
}

/** The last lines of the log files, the oldest first; empty where there are none. */
async function logTail(directory: string): Promise<readonly string[]> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.startsWith('parx.log'));
  const found = await Promise.all(
    names.map(async (name) => ({ path: join(directory, name), changed: (await stat(join(directory, name))).mtimeMs })),
  );
  let text = '';
  for (const { path } of found.sort((a, b) => b.changed - a.changed)) {
    if (text.length >= MOST_LOG_BYTES) break;
    text = (await readFile(path, 'utf8')) + text;
  }
  return text.slice(-MOST_LOG_BYTES).trimEnd().split('\n');
}
