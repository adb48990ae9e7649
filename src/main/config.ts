import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';

/** Settings of the program itself, not of a project. Each comes from a flag, else the environment, else the file, else the default. */
export const hostConfig = z.strictObject({
  data: z.string().min(1),
  port: z.number().int().min(0).max(65_535),
  host: z.string().min(1),
  demo: z.boolean(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']),
  /** Rolling history. */
  historyDays: z.number().positive().max(3650),
  historyGigabytes: z.number().positive().max(100_000),
  /** Bytes that stay free on the disk of the history, in gigabytes, by forgetting; 0: no matter. */
  keepFreeGigabytes: z.number().min(0).max(100_000),
  /** Recordings in the folder; the oldest are removed. 0: all. */
  keepRecordings: z.number().int().min(0).max(1_000_000),
  /** Where Parquet files of what is forgotten are written before; empty: nowhere. */
  archive: z.string(),
  /** File of sources beside those of the project; empty: sources.yaml in the data folder. */
  sources: z.string(),
  /** Longest time from a sample's arrival until it is safe on the disk; 0: each block of samples is synced at once. */
  flushMs: z.number().int().min(0).max(1000),
  /** Ids of protocols, export formats and backends that are switched off, with commas between. */
  without: z
    .string()
    .regex(/^[a-z0-9-]*(,\s*[a-z0-9-]+)*$/, 'Write ids as --catalogue lists them, with commas between.'),
});
export type HostConfig = z.infer<typeof hostConfig>;

interface Setting {
  readonly flag: string;
  readonly environment: string;
  readonly help: string;
  readonly fallback: string;
}
const SETTINGS: Readonly<Record<keyof HostConfig, Setting>> = {
  data: {
    flag: 'data',
    environment: 'PARX_DATA',
    help: 'folder for project, history, recordings and log',
    fallback: defaultDataDirectory(),
  },
  port: {
    flag: 'port',
    environment: 'PARX_PORT',
    help: 'port of the web screen; 0 takes a free one',
    fallback: '8420',
  },
  host: {
    flag: 'host',
    environment: 'PARX_HOST',
    help: 'address to listen on; only loopback until users exist',
    fallback: '127.0.0.1',
  },
  demo: {
    flag: 'no-demo',
    environment: 'PARX_DEMO',
    help: 'do not start the demo rolling mill (environment and file: demo: false)',
    fallback: 'true',
  },
  logLevel: { flag: 'log-level', environment: 'PARX_LOG_LEVEL', help: 'debug, info, warn or error', fallback: 'info' },
  historyDays: {
    flag: 'history-days',
    environment: 'PARX_HISTORY_DAYS',
    help: 'age after which the rolling history forgets',
    fallback: '30',
  },
  historyGigabytes: {
    flag: 'history-gigabytes',
    environment: 'PARX_HISTORY_GIGABYTES',
    help: 'size at which the rolling history forgets its oldest',
    fallback: '20',
  },
  keepFreeGigabytes: {
    flag: 'keep-free-gigabytes',
    environment: 'PARX_KEEP_FREE_GIGABYTES',
    help: 'free space of the disk below which the rolling history forgets its oldest; 0: no matter',
    fallback: '0',
  },
  keepRecordings: {
    flag: 'keep-recordings',
    environment: 'PARX_KEEP_RECORDINGS',
    help: 'count of recordings above which the oldest are removed; 0: all are kept',
    fallback: '0',
  },
  archive: {
    flag: 'archive',
    environment: 'PARX_ARCHIVE',
    help: 'folder for Parquet files of what is forgotten or removed by these limits; empty: none are written',
    fallback: '',
  },
  sources: {
    flag: 'sources',
    environment: 'PARX_SOURCES',
    help: 'file of sources beside those of the project; empty: sources.yaml in the data folder, if it is there',
    fallback: '',
  },
  flushMs: {
    flag: 'flush-ms',
    environment: 'PARX_FLUSH_MS',
    help: 'longest time until a sample is safe on the disk, 0 (each block at once) to 1000',
    fallback: '1000',
  },
  without: {
    flag: 'without',
    environment: 'PARX_WITHOUT',
    help: 'protocols, export formats and backends that are switched off: ids as in --catalogue, commas between',
    fallback: '',
  },
};
const NAMES = Object.keys(SETTINGS) as (keyof HostConfig)[];

export type Invocation =
  | { readonly kind: 'catalogue' }
  | { readonly kind: 'run'; readonly config: HostConfig; readonly sources: Readonly<Record<string, string>> }
  | { readonly kind: 'say'; readonly text: string; readonly exitCode: number };

/**
 * Reads flags, environment and the configuration file (`--config`, else `parx.yaml` in the data folder). Every problem
 * is a sentence that names where it stands; nothing is started then.
 */
export function readInvocation(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Invocation {
  let flags: Readonly<Record<string, string | boolean | undefined>>;
  try {
    flags = parseArgs({
      args: [...argv],
      options: {
        help: { type: 'boolean', short: 'h' },
        headless: { type: 'boolean' },
        'print-config': { type: 'boolean' },
        catalogue: { type: 'boolean' },
        config: { type: 'string' },
        'no-demo': { type: 'boolean' },
        ...Object.fromEntries(
          NAMES.filter((name) => name !== 'demo').map((name) => [SETTINGS[name].flag, { type: 'string' as const }]),
        ),
      },
      strict: true,
    }).values as Readonly<Record<string, string | boolean | undefined>>;
  } catch (error) {
    return {
      kind: 'say',
      text: `${(error as Error).message.split('\n')[0]}\nUse --help for the list of flags.`,
      exitCode: 2,
    };
  }
  if (flags.help === true) return { kind: 'say', text: helpText(), exitCode: 0 };

  if (flags.catalogue === true) return { kind: 'catalogue' };
  const data = text(flags.data) ?? env.PARX_DATA;
  const named = text(flags.config) ?? env.PARX_CONFIG;
  const path = named ?? join(data ?? SETTINGS.data.fallback, 'parx.yaml');
  let file: ConfigFile = { values: {}, lines: {} };
  if (named !== undefined && !existsSync(path))
    return { kind: 'say', text: `There is no configuration file ${path}.`, exitCode: 2 };
  if (existsSync(path)) {
    try {
      file = readConfigFile(readFileSync(path, 'utf8'), env);
    } catch (error) {
      return {
        kind: 'say',
        text: `The configuration file ${path} can't be read. ${(error as Error).message}`,
        exitCode: 2,
      };
    }
    const unknown = Object.keys(file.values).find((key) => !(NAMES as readonly string[]).includes(key));
    if (unknown !== undefined) {
      return {
        kind: 'say',
        text: `${path}, line ${file.lines[unknown]}: there is no setting "${unknown}". Known are ${NAMES.join(', ')}.`,
        exitCode: 2,
      };
    }
  }

  const values: Record<string, unknown> = {};
  const sources: Record<string, string> = {};
  for (const name of NAMES) {
    const setting = SETTINGS[name];
    const flag = name === 'demo' ? (flags['no-demo'] === true ? 'false' : undefined) : text(flags[setting.flag]);
    const [value, source] =
      flag !== undefined
        ? [flag, `flag --${setting.flag}`]
        : env[setting.environment] !== undefined
          ? [env[setting.environment], `environment ${setting.environment}`]
          : file.values[name] !== undefined
            ? [file.values[name], `${path}, line ${file.lines[name]}`]
            : [setting.fallback, 'default'];
    values[name] = typeof value === 'string' ? coerce(name, value) : value;
    sources[name] = source as string;
  }
  const parsed = hostConfig.safeParse(values);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => {
      const name = String(issue.path[0]);
      return `${name} = ${JSON.stringify(values[name])} (${sources[name]}): ${issue.message}`;
    });
    return { kind: 'say', text: lines.join('\n'), exitCode: 2 };
  }
  const { data: folder, archive, sources: sourcesFile } = parsed.data;
  const config = {
    ...parsed.data,
    data: resolve(folder),
    archive: archive === '' ? '' : resolve(archive),
    sources: sourcesFile === '' ? '' : resolve(sourcesFile),
  };
  if (flags['print-config'] === true) {
    return {
      kind: 'say',
      text: NAMES.map((name) => `${name}: ${JSON.stringify(config[name])}  # ${sources[name]}`).join('\n'),
      exitCode: 0,
    };
  }
  return { kind: 'run', config, sources };
}

const text = (value: string | boolean | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

const TEXTS: ReadonlySet<keyof HostConfig> = new Set(['data', 'host', 'logLevel', 'archive', 'sources', 'without']);

function coerce(name: keyof HostConfig, value: string): unknown {
  if (name === 'demo')
    return value === 'true' || value === '1' ? true : value === 'false' || value === '0' ? false : value;
  if (TEXTS.has(name)) return value;
  return value.trim() === '' ? value : Number(value);
}

interface ConfigFile {
  readonly values: Readonly<Record<string, unknown>>;
  /** Where each setting stands, counted from 1. */
  readonly lines: Readonly<Record<string, number>>;
}

/** Throws an `Error` whose sentence names the line. */
function readConfigFile(content: string, env: Readonly<Record<string, string | undefined>>): ConfigFile {
  const counter = new LineCounter();
  const document = parseDocument(expand(content, env), { lineCounter: counter });
  const [fault] = document.errors;
  if (fault !== undefined) throw new Error(fault.message.split('\n')[0]);
  if (document.contents === null) return { values: {}, lines: {} };
  if (!isMap(document.contents)) throw new Error('Line 1: it must be a list of "name: value" lines.');
  const lines: Record<string, number> = {};
  for (const { key } of document.contents.items) {
    if (isScalar(key)) lines[String(key.value)] = counter.linePos(key.range?.[0] ?? 0).line;
  }
  return { values: document.toJS() as Record<string, unknown>, lines };
}

/** `${NAME}` in the file is replaced by the environment; a name that is not set is an error, not an empty text. */
function expand(content: string, env: Readonly<Record<string, string | undefined>>): string {
  return content.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string, at: number) => {
    const value = env[name];
    const line = content.slice(0, at).split('\n').length;
    if (value === undefined) throw new Error(`Line ${line}: the environment variable ${name} is not set.`);
    return value;
  });
}

function helpText(): string {
  const rows = NAMES.map((name) => {
    const { flag, environment, help, fallback } = SETTINGS[name];
    const left = name === 'demo' ? `--${flag}` : `--${flag} VALUE`;
    return `  ${left.padEnd(28)}${help}\n${' '.repeat(30)}${environment}, default ${fallback}`;
  });
  return [
    'ParX engine without a window: collects, records and serves the screen to a browser on this computer.',
    '',
    ...rows,
    `  ${'--config FILE'.padEnd(28)}configuration file (YAML), default parx.yaml in the data folder`,
    `  ${'--print-config'.padEnd(28)}show every setting and where it comes from, then end`,
    `  ${'--catalogue'.padEnd(28)}list protocols, export formats and backends with their settings as JSON, then end`,
    `  ${'--headless'.padEnd(28)}accepted for symmetry with npm start`,
    `  ${'--help'.padEnd(28)}this text`,
  ].join('\n');
}

export function defaultDataDirectory(platform = process.platform, env = process.env): string {
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'ParX');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'ParX');
  return join(env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'parx');
}
