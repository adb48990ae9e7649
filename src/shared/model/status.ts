import { z } from 'zod';
import { unixMicros } from './time.ts';

/** What a connection or device is doing. `degraded`: the link is up, but devices or tags on it are bad. */
export const linkState = z.enum(['disabled', 'connecting', 'running', 'degraded', 'lost']);
export type LinkState = z.infer<typeof linkState>;

export const deviceStatus = z.object({
  deviceId: z.string(),
  state: linkState,
  since: unixMicros,
  /** A sentence: what happened, to what, what to do. Null while all is well. */
  message: z.string().nullable(),
  lastGood: unixMicros.nullable(),
  responseMs: z.number().nullable(),
  responseP99Ms: z.number().nullable(),
  requests: z.number(),
  errors: z.number(),
  timeouts: z.number(),
  /** Milliseconds that the device's clock is ahead of this computer's, negative: behind; null while it told no time. */
  clockAheadMs: z.number().nullable(),
  /** Milliseconds that it gains a day; null until it was watched for ten minutes. */
  clockGainPerDayMs: z.number().nullable(),
});
export type DeviceStatus = z.infer<typeof deviceStatus>;

export const groupStatus = z.object({
  periodMs: z.number(),
  tags: z.number(),
  requestsPerPoll: z.number(),
  predictedMs: z.number().nullable(),
  actualHz: z.number().nullable(),
  jitterP99Ms: z.number().nullable(),
  overruns: z.number(),
});
export type GroupStatus = z.infer<typeof groupStatus>;

export const connectionStatus = z.object({
  connectionId: z.string(),
  state: linkState,
  since: unixMicros,
  message: z.string().nullable(),
  endpoint: z.string(),
  attempts: z.number(),
  nextAttempt: unixMicros.nullable(),
  devices: z.array(deviceStatus),
  groups: z.array(groupStatus),
});
export type ConnectionStatus = z.infer<typeof connectionStatus>;

export const alertSeverity = z.enum(['info', 'warning', 'error']);
/** A background condition for the alerts panel; it clears by itself. */
export const alert = z.object({
  id: z.string(),
  severity: alertSeverity,
  source: z.string(),
  text: z.string(),
  advice: z.string().nullable(),
  raised: unixMicros,
  cleared: unixMicros.nullable(),
});
export type Alert = z.infer<typeof alert>;

export const eventKind = z.enum([
  'configuration',
  'gap',
  'note',
  'batch',
  'recording',
  'clock',
  'sleep',
  'network',
  'engine',
]);
export type EventKind = z.infer<typeof eventKind>;
/** A dated text in the recording; with `to` it is an interval. */
export const historyEvent = z.object({
  id: z.number().int(),
  kind: eventKind,
  from: unixMicros,
  to: unixMicros.nullable(),
  text: z.string(),
  /** Tag ids it concerns; empty: all. */
  tagIds: z.array(z.string()),
  author: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
});
export type HistoryEvent = z.infer<typeof historyEvent>;

export const recordingState = z.object({
  active: z
    .object({
      name: z.string(),
      since: unixMicros,
      from: unixMicros,
      tags: z.number(),
      samples: z.number(),
      bytes: z.number(),
    })
    .nullable(),
  /** A stopped recording being written to its file; 0 to 1. */
  finishing: z.object({ name: z.string(), progress: z.number() }).nullable(),
  /** All that lies before this is on the disk. */
  storedUntil: unixMicros.nullable(),
  samplesPerSecond: z.number(),
  bytesPerSecond: z.number(),
  historyBytes: z.number(),
  diskFreeBytes: z.number().nullable(),
  secondsLeft: z.number().nullable(),
  backlog: z.number(),
  dropped: z.number(),
  paused: z.string().nullable(),
});
export type RecordingState = z.infer<typeof recordingState>;

export const recordingFile = z.object({
  id: z.string(),
  name: z.string(),
  path: z.string(),
  from: unixMicros.nullable(),
  to: unixMicros.nullable(),
  bytes: z.number(),
  tags: z.number(),
  samples: z.number(),
  /** What was found damaged on opening, in sentences. */
  damage: z.array(z.string()),
});
export type RecordingFile = z.infer<typeof recordingFile>;

export const engineHealth = z.object({
  version: z.string(),
  startedAt: unixMicros,
  now: unixMicros,
  memoryBytes: z.number(),
  eventLoopP99Ms: z.number(),
  samplesPerSecond: z.number(),
  overruns: z.number(),
  dataDirectory: z.string(),
  host: z.enum(['desktop', 'server']),
  keepAwake: z.boolean(),
  /** What readers of the history remember of what they decoded: bytes now and at most; look-ups that found it or not. */
  historyCache: z.object({ bytes: z.number(), limit: z.number(), hits: z.number(), misses: z.number() }),
});
export type EngineHealth = z.infer<typeof engineHealth>;

export const testStep = z.object({
  name: z.string(),
  ok: z.boolean(),
  /** Step was not possible or not needed; `says` tells why. */
  skipped: z.boolean(),
  ms: z.number(),
  says: z.string(),
  advice: z.string().nullable(),
  /** Bytes on the wire as hex text, sent and received. */
  raw: z.array(z.object({ direction: z.enum(['sent', 'received']), hex: z.string() })),
});
export type TestStep = z.infer<typeof testStep>;
