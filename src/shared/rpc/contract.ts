import { z } from 'zod';
import {
  alert,
  connectionDocument,
  connectionStatus,
  decodeRecipe,
  deviceDocument,
  documentKind,
  engineHealth,
  testStep,
  valueType,
  wordOrder,
} from '../model/index.ts';
import { browsing } from './browsing.ts';
import { catalogue } from './catalogue.ts';
import { exports } from './exporting.ts';
import { graphs } from './graphs.ts';
import { history } from './history.ts';
import { importing } from './importing.ts';
import { looking } from './looking.ts';
import { id, ids } from './parts.ts';
import { type Contract, call, column, nothing, stream } from './procedure.ts';
import { recording, recordingJobs } from './recordings.ts';
import { sending } from './sending.ts';
import { sources } from './sources.ts';
import { support } from './support.ts';
import { tracing } from './tracing.ts';

const documentChange = z.object({
  kind: documentKind,
  id,
  /** Checked against the kind's own schema by the project store; null removes. */
  document: z.unknown(),
  expected: z.number().int().nullable(),
});
const storedDocument = z.object({ kind: documentKind, id, revision: z.number().int(), document: z.unknown() });
export type StoredDocument = z.infer<typeof storedDocument>;

/** A tag as the running engine knows it: the project's tags and the diagnostics that the engine makes itself. */
const runtimeTag = z.object({
  id,
  name: z.string(),
  description: z.string(),
  kind: z.enum(['tag', 'diagnostic']),
  connectionId: z.string(),
  deviceId: z.string(),
  /** Canonical address and its place on the wire in words. */
  address: z.string(),
  wire: z.string(),
  type: valueType,
  unit: z.string().nullable(),
  decimals: z.number().nullable(),
  range: z.object({ low: z.number(), high: z.number() }).nullable(),
  periodMs: z.number(),
  demo: z.boolean(),
  enabled: z.boolean(),
  recipe: decodeRecipe,
  /** Why the tag can't be read (bad address, bad settings), in a sentence; null when it can. */
  problem: z.string().nullable(),
});
export type RuntimeTagInfo = z.infer<typeof runtimeTag>;

/** Newest value of each tag that changed; `position` points into the list that was asked for. */
const liveColumns = z.object({
  sequence: z.number().int(),
  position: column('u32'),
  time: column('f64'),
  value: column('f64'),
  quality: column('u16'),
  /** Time of the last good sample, NaN when there was none. */
  lastGood: column('f64'),
  /** Strings of text tags, and all digits of integers beyond 2^53, keyed by position. */
  texts: z.record(z.string(), z.string()),
});
export type LiveColumns = z.infer<typeof liveColumns>;

/** Every sample in arrival order; `dropped` counts what was lost because it was not fetched in time. */
const liveRows = z.object({
  sequence: z.number().int(),
  position: column('u32'),
  time: column('f64'),
  value: column('f64'),
  quality: column('u16'),
  dropped: z.number().int(),
  texts: z.record(z.string(), z.string()),
});
export type LiveRows = z.infer<typeof liveRows>;

const addressCheck = z.object({
  text: z.string(),
  ok: z.boolean(),
  /** Canonical text and wire place when ok, else the sentence that says what would be right. */
  canonical: z.string(),
  wire: z.string(),
  message: z.string().nullable(),
  type: valueType.nullable(),
  order: wordOrder.nullable(),
  /** What a value takes whose address says its type; null where it does not, or where bytes are not counted. */
  bytes: z.number().int().nullable(),
});
export type AddressCheck = z.infer<typeof addressCheck>;

const logLevel = z.enum(['debug', 'info', 'warn', 'error']);
const logLine = z.object({
  time: z.string(),
  level: logLevel,
  module: z.string(),
  text: z.string(),
  fields: z.string().nullable(),
});
export type LogEntry = z.infer<typeof logLine>;

/**
 * Everything that crosses between a screen and the engine. Handlers are made in `engine/api`; a missing one does not
 * compile. Streams that watch state send the whole state first, then changes.
 */
export const contract = {
  catalogue,
  engine: {
    ...support,
    health: stream({ role: 'viewer', input: nothing, item: engineHealth }),
    alerts: stream({ role: 'viewer', input: nothing, item: z.object({ alerts: z.array(alert) }) }),
    log: stream({
      role: 'operator',
      input: z.object({ level: logLevel, module: z.string().max(300).nullable() }),
      item: z.object({ lines: z.array(logLine), dropped: z.number().int() }),
    }),
    /** The level from which on lines are written: that of all modules, and what each that was heard of has instead. */
    logLevels: call({
      role: 'operator',
      input: nothing,
      output: z.object({
        level: logLevel,
        modules: z.array(z.object({ module: z.string(), level: logLevel.nullable() })),
      }),
    }),
    /** For one module, or for all that have no level of their own; null takes a module's own level away. */
    setLogLevel: call({
      role: 'engineer',
      audit: true,
      input: z.union([
        z.object({ module: z.null(), level: logLevel }),
        z.object({ module: z.string().max(300), level: logLevel.nullable() }),
      ]),
      output: nothing,
    }),
  },
  preferences: {
    /** A small JSON text under a name, per installation: window state, theme, column widths. */
    get: call({ role: 'viewer', input: z.object({ name: id }), output: z.object({ value: z.string().nullable() }) }),
    set: call({ role: 'viewer', input: z.object({ name: id, value: z.string().max(65_536) }), output: nothing }),
  },
  project: {
    /** First the whole project in items of bounded size (`full` until the last, which says `complete`), then changes. */
    watch: stream({
      role: 'viewer',
      input: nothing,
      item: z.object({
        complete: z.boolean(),
        changes: z.array(
          z.object({ kind: documentKind, id, revision: z.number().int(), document: z.unknown().nullable() }),
        ),
      }),
    }),
    /** All or none. Removing a connection or device removes what is below it; `removed` allows to put it back. */
    commit: call({
      role: 'engineer',
      audit: true,
      input: z.object({ changes: z.array(documentChange).max(60_000) }),
      output: z.object({
        written: z.array(z.object({ kind: documentKind, id, revision: z.number().int() })),
        removed: z.array(storedDocument),
      }),
      errors: ['store.conflict', 'store.not-found', 'config.invalid'],
    }),
    /** The whole project as one file that can be mailed; it holds no secrets. */
    save: call({ role: 'viewer', input: nothing, output: z.object({ name: z.string(), bytes: column('u8') }) }),
    /** Another project file takes the place of the open one, which is kept beside the backups. */
    replace: call({
      role: 'engineer',
      audit: true,
      input: z.object({ bytes: column('u8') }),
      output: z.object({ documents: z.number().int(), problems: z.array(z.string()), keptAt: z.string() }),
      errors: ['store.damaged', 'store.too-new', 'store.disk-full'],
    }),
    /** Starts the demo line and adds its connection, tags and trend; what of it is there already stays as it is. */
    loadDemo: call({
      role: 'engineer',
      audit: true,
      input: nothing,
      output: z.object({ connectionId: id, trendId: id }),
    }),
  },
  connections: {
    watch: stream({
      role: 'viewer',
      input: nothing,
      item: z.object({ connections: z.array(connectionStatus) }),
    }),
    /** What is wrong with settings as typed so far; empty when they could be saved. */
    check: call({
      role: 'engineer',
      input: z.object({ connection: connectionDocument, devices: z.array(deviceDocument).max(300) }),
      output: z.object({
        issues: z.array(z.object({ path: z.string(), message: z.string() })),
        endpoint: z.string().nullable(),
      }),
    }),
    /** Walks address, TCP, handshake, unit and one read; works on unsaved settings. */
    test: stream({
      role: 'engineer',
      input: z.object({
        connection: connectionDocument,
        device: deviceDocument,
        address: z.string().max(500).nullable(),
      }),
      item: testStep,
      errors: ['config.invalid', 'protocol.unknown'],
    }),
    ...tracing,
    /** Tries now instead of waiting for the back-off to end. */
    retry: call({
      role: 'operator',
      audit: true,
      input: z.object({ id }),
      output: nothing,
      errors: ['store.not-found'],
    }),
  },
  browsing,
  looking,
  tags: {
    watch: stream({
      role: 'viewer',
      input: nothing,
      item: z.object({ complete: z.boolean(), tags: z.array(runtimeTag), removed: z.array(id) }),
    }),
    checkAddresses: call({
      role: 'viewer',
      input: z.object({ deviceId: id, texts: z.array(z.string().max(500)).max(10_000) }),
      output: z.object({ results: z.array(addressCheck) }),
      errors: ['store.not-found'],
    }),
    /** The CSV text of all tags, or of these. */
    exportCsv: call({
      role: 'viewer',
      input: z.object({ tagIds: ids(60_000).nullable() }),
      output: z.object({ text: z.string() }),
    }),
    ...importing,
  },
  live: {
    /** Newest value per tag: what was not fetched in time is replaced by what is newer. */
    values: stream({
      role: 'viewer',
      input: z.object({ tags: ids(60_000), maxHz: z.number().positive().max(50) }),
      item: liveColumns,
    }),
    /** Every sample of a few tags, for trends. */
    rows: stream({
      role: 'viewer',
      input: z.object({ tags: ids(200), maxHz: z.number().positive().max(50) }),
      item: liveRows,
    }),
  },
  history,
  recording,
  recordingJobs,
  graphs,
  sources,
  sending,
  exports,
} as const satisfies Contract;

export type AppContract = typeof contract;
