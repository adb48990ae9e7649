import { z } from 'zod';
import {
  aggregateFunction,
  aggregateQuery,
  alert,
  connectionDocument,
  connectionStatus,
  decodeRecipe,
  deviceDocument,
  documentKind,
  engineHealth,
  eventKind,
  historyEvent,
  recordingFile,
  recordingState,
  searchQuery,
  testStep,
  timeKind,
  timeRange,
  unixMicros,
  valueType,
  wordOrder,
} from '../model/index.ts';
import { browsing } from './browsing.ts';
import { graphs } from './graphs.ts';
import { importing } from './importing.ts';
import { looking } from './looking.ts';
import { type Contract, call, column, nothing, stream } from './procedure.ts';
import { support } from './support.ts';
import { tracing } from './tracing.ts';

const id = z.string().max(200);
const ids = (max: number) => z.array(id).max(max);

/** JSON Schema as plain data: made by `z.toJSONSchema` from a plugin's settings, drawn as a form by the screen. */
const jsonSchema = z.record(z.string(), z.unknown());
const settings = z.record(z.string(), z.unknown());

const protocolEntry = z.object({
  id: z.string(),
  title: z.string(),
  version: z.string(),
  summary: z.string(),
  config: jsonSchema,
  device: jsonSchema,
  sample: z.object({ config: settings, device: settings, address: z.string() }),
  addressHelp: z.array(z.object({ text: z.string(), means: z.string() })),
  /** Bytes between an address and the next number; null where each number is a value of its own. */
  addressBytes: z.number().int().positive().nullable(),
  valueTypes: z.array(valueType),
  can: z.object({ browse: z.boolean(), scan: z.boolean() }),
  /** Devices send by themselves: there are no requests, no answers to wait for, no predicted duration. */
  tells: z.boolean(),
  /** Times that its devices can give a sample besides that of receipt. */
  ownTimes: z.array(timeKind),
  /** Names of the status numbers that a device's quality can carry. */
  statusNames: z.record(z.string(), z.string()),
});
export type ProtocolEntry = z.infer<typeof protocolEntry>;

const exporterEntry = z.object({
  id: z.string(),
  title: z.string(),
  extension: z.string(),
  mediaType: z.string(),
  options: jsonSchema,
  defaults: settings,
});
export type ExporterEntry = z.infer<typeof exporterEntry>;

/** What a connection to one can do is found out on connecting, so it is not here. */
const backendEntry = z.object({
  id: z.string(),
  title: z.string(),
  version: z.string(),
  summary: z.string(),
  config: jsonSchema,
  sample: settings,
});
export type BackendEntry = z.infer<typeof backendEntry>;

const catalogue = z.object({
  protocols: z.array(protocolEntry),
  exporters: z.array(exporterEntry),
  /** Kinds of sources of samples, for graphs. */
  backends: z.array(backendEntry),
});
export type Catalogue = z.infer<typeof catalogue>;

/** Lists that a plugin's settings can name in `choicesFrom`: what this computer has, as suggestions for a field. */
export const choiceList = z.enum(['own-addresses', 'serial-ports', 'time-zones']);
export type ChoiceList = z.infer<typeof choiceList>;
const choice = z.object({ value: z.string(), label: z.string() });
export type Choice = z.infer<typeof choice>;

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

const gap = z.object({ range: timeRange, reason: z.string(), quality: z.number().int() });
const series = z.object({
  tag: id,
  time: column('f64'),
  value: column('f64'),
  quality: column('u16'),
  envelope: z.object({ min: column('f64'), max: column('f64') }).nullable(),
  gaps: z.array(gap),
  texts: z.record(z.string(), z.string()).nullable(),
});
const sample = z.object({ time: unixMicros, value: z.number().nullable(), quality: z.number().int() });

/** Where history is read from: the running history or an opened recording file, which goes by its path. */
const source = z.string().max(4096);
/** A file of the recordings folder, as the list names it. */
const fileName = z.string().max(255);
export const RUNNING_HISTORY = 'history';

/** Numbers in the order of `STATISTICS`; NaN where nothing is known. */
const tagStatistics = z.object({ tag: id, values: column('f64') });

const historyTag = z.object({
  id,
  name: z.string(),
  description: z.string(),
  connection: z.string(),
  device: z.string(),
  address: z.string(),
  unit: z.string().nullable(),
  type: valueType,
  decimals: z.number().nullable(),
  range: z.object({ low: z.number(), high: z.number() }).nullable(),
  timeKind,
  demo: z.boolean(),
  first: unixMicros.nullable(),
  last: unixMicros.nullable(),
  recipeVersion: z.number().int(),
});
export type HistoryTag = z.infer<typeof historyTag>;

/** Jobs run one after the other; those that have not begun wait. */
const jobState = z.enum(['waiting', 'running', 'done', 'failed', 'cancelled']);
const exportJob = z.object({
  id,
  name: z.string(),
  format: z.string(),
  state: jobState,
  /** 0 to 1. */
  progress: z.number(),
  rows: z.number(),
  bytes: z.number(),
  started: unixMicros,
  message: z.string().nullable(),
  /** Fetch it with the host: `/artifacts/<id>` in a browser, "Save as" in the desktop. */
  artifact: id.nullable(),
});
export type ExportJob = z.infer<typeof exportJob>;

const recordingJob = z.object({
  id,
  kind: z.enum(['verify', 'repair', 'compact', 'split', 'merge']),
  /** Id of the recording that is worked on; of a merge the new one's name. */
  name: z.string(),
  state: jobState,
  /** 0 to 1. */
  progress: z.number(),
  started: unixMicros,
  /** Why it failed. */
  message: z.string().nullable(),
  /** Nothing is damaged or missing; null until it is done. */
  sound: z.boolean().nullable(),
  samples: z.number(),
  /** What is damaged or missing, by tag and time. */
  sentences: z.array(z.string()),
  /** Files of the recordings folder that were written. */
  files: z.array(z.object({ id: fileName, bytes: z.number(), samples: z.number() })),
});
export type RecordingJob = z.infer<typeof recordingJob>;

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
  catalogue: {
    get: call({ role: 'viewer', input: nothing, output: catalogue }),
    choices: call({
      role: 'viewer',
      input: z.object({ list: choiceList }),
      output: z.object({ choices: z.array(choice) }),
    }),
  },
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
  history: {
    tags: call({
      role: 'viewer',
      input: z.object({ source }),
      output: z.object({ tags: z.array(historyTag) }),
      errors: ['store.not-found'],
    }),
    bounds: call({
      role: 'viewer',
      input: z.object({ source }),
      output: z.object({ range: timeRange.nullable() }),
      errors: ['store.not-found'],
    }),
    /** One item per group of tags as they are ready, at most two points per pixel and series. */
    view: stream({
      role: 'viewer',
      input: z.object({ source, tags: ids(200), range: timeRange, pixels: z.number().int().min(1).max(10_000) }),
      item: z.object({ series: z.array(series) }),
      errors: ['store.not-found', 'query.too-many-samples'],
    }),
    neighbours: call({
      role: 'viewer',
      input: z.object({ source, tag: id, time: unixMicros }),
      output: z.object({ before: sample.nullable(), after: sample.nullable() }),
      errors: ['store.not-found'],
    }),
    /** What the samples of each bucket come to, one item per tag, all on the grid that each item names. */
    aggregate: stream({
      role: 'viewer',
      input: z.object({ source, query: aggregateQuery }),
      item: z.object({
        start: unixMicros,
        step: z.number().int(),
        length: z.number().int(),
        tag: id,
        functions: z.array(aggregateFunction),
        columns: z.array(column('f64')),
        texts: z.record(z.string(), z.string()).nullable(),
      }),
      errors: ['store.not-found', 'config.invalid', 'query.too-many-samples'],
    }),
    /** Exact numbers over a range, as tags are ready; refused where they would take more samples than the limit. */
    statistics: stream({
      role: 'viewer',
      input: z.object({ source, tags: ids(1000), range: timeRange }),
      item: z.object({ tags: z.array(tagStatistics) }),
      errors: ['store.not-found', 'config.invalid', 'query.too-many-samples'],
    }),
    /** Where the conditions hold, as it is found; items may be empty and say how far the search has come. */
    search: stream({
      role: 'viewer',
      input: z.object({ source, query: searchQuery }),
      item: z.object({ intervals: z.array(timeRange), reached: unixMicros }),
      errors: ['store.not-found', 'config.invalid'],
    }),
    events: call({
      role: 'viewer',
      input: z.object({ source, range: timeRange, kinds: z.array(eventKind).nullable() }),
      output: z.object({ events: z.array(historyEvent) }),
      errors: ['store.not-found'],
    }),
    gaps: call({
      role: 'viewer',
      input: z.object({ source, range: timeRange }),
      output: z.object({ gaps: z.array(gap) }),
      errors: ['store.not-found'],
    }),
    addNote: call({
      role: 'operator',
      audit: true,
      input: z.object({
        from: unixMicros,
        to: unixMicros.nullable(),
        text: z.string().trim().min(1).max(4000),
        tagIds: ids(1000),
      }),
      output: historyEvent,
    }),
  },
  recording: {
    watch: stream({ role: 'viewer', input: nothing, item: recordingState }),
    start: call({
      role: 'operator',
      audit: true,
      input: z.object({
        name: z.string().trim().max(120),
        tagIds: ids(60_000),
        preTriggerS: z.number().min(0).max(3600),
      }),
      output: nothing,
      errors: ['config.invalid', 'store.read-only', 'store.disk-full'],
    }),
    stop: call({ role: 'operator', audit: true, input: nothing, output: nothing }),
    files: stream({
      role: 'viewer',
      input: nothing,
      item: z.object({ files: z.array(recordingFile), opened: z.array(recordingFile) }),
    }),
    /**
     * Opens a recording for offline study; its `id` is then a `source`. By id from the list, or by path on the engine's
     * machine: only of the recordings folder, or what was chosen in the desktop's own dialog since the start.
     */
    open: call({
      role: 'viewer',
      input: z.object({ id: fileName.nullable(), path: z.string().max(4096).nullable() }),
      output: recordingFile,
      errors: ['store.not-found', 'store.damaged', 'store.too-new', 'access.denied'],
    }),
    /** Asks for a file with the desktop's own dialog and opens it; null when that was cancelled. Refused in a browser. */
    choose: call({
      role: 'viewer',
      input: nothing,
      output: z.object({ opened: recordingFile.nullable() }),
      errors: ['store.not-found', 'store.damaged', 'store.too-new', 'access.denied'],
    }),
    close: call({ role: 'viewer', input: z.object({ id: source }), output: nothing }),
    remove: call({
      role: 'engineer',
      audit: true,
      input: z.object({ id: fileName }),
      output: nothing,
      errors: ['store.not-found'],
    }),
  },
  /** Checks of recordings in the folder, and new ones made of them; the old ones are never changed. */
  recordingJobs: {
    start: call({
      role: 'operator',
      audit: true,
      input: z.discriminatedUnion('kind', [
        z.object({ kind: z.enum(['verify', 'repair', 'compact']), id: fileName }),
        z.object({
          kind: z.literal('split'),
          id: fileName,
          by: z.discriminatedUnion('kind', [
            /** An IANA time zone whose days are meant. */
            z.object({ kind: z.literal('days'), zone: z.string().min(1).max(60) }),
            /** Files of at most about so many bytes. */
            z.object({ kind: z.literal('size'), bytes: z.number().int().min(1_000_000).max(1e15) }),
          ]),
        }),
        z.object({
          kind: z.literal('merge'),
          /** Of samples with the same tag and time those of the later recording stay. */
          ids: z.array(fileName).min(2).max(200),
          name: z.string().trim().min(1).max(120),
        }),
      ]),
      output: z.object({ id }),
      errors: ['store.not-found', 'rpc.limit'],
    }),
    watch: stream({ role: 'viewer', input: nothing, item: z.object({ jobs: z.array(recordingJob) }) }),
    cancel: call({ role: 'operator', input: z.object({ id }), output: nothing }),
    /** Takes a job off the list; the files that it has written stay. */
    remove: call({ role: 'operator', input: z.object({ id }), output: nothing }),
  },
  graphs,
  exports: {
    start: call({
      role: 'viewer',
      input: z.object({
        source,
        tags: ids(1000).min(1),
        range: timeRange,
        format: z.string().max(40),
        name: z.string().trim().min(1).max(200),
        /** A column with the quality in words after each tag's values. */
        quality: z.boolean(),
        options: settings,
      }),
      output: z.object({ id }),
      errors: ['config.invalid', 'store.not-found'],
    }),
    watch: stream({ role: 'viewer', input: nothing, item: z.object({ jobs: z.array(exportJob) }) }),
    cancel: call({ role: 'viewer', input: z.object({ id }), output: nothing }),
    /** Asks for a place with the desktop's own dialog; false when that was cancelled. A browser fetches `/artifacts/<id>` instead. */
    saveAs: call({
      role: 'viewer',
      input: z.object({ id }),
      output: z.object({ saved: z.boolean() }),
      errors: ['store.not-found'],
    }),
    remove: call({ role: 'viewer', input: z.object({ id }), output: nothing }),
  },
} as const satisfies Contract;

export type AppContract = typeof contract;
