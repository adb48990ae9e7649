import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { SampleStore } from '#engine/historian/index.ts';
import { type Alerts, type Clock, createChanging, type Logger } from '#engine/platform/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import { type RecordingState, type SampleBlock, type UnixMicros, unixMicros } from '#shared/model/index.ts';
import { createRateMeter } from './rate-meter.ts';

/** What must survive a crash: kept by the installation database under one name. */
export interface RecorderMemory {
  read(): string | null;
  write(text: string): void;
}

const activeRecording = z.object({
  name: z.string(),
  /** When it was switched on, and the first instant that belongs to it (earlier by the pre-trigger). */
  since: unixMicros,
  from: unixMicros,
  tagIds: z.array(z.string()),
  /** Where the wall clock was before it was set back: what lies up to here belongs to the recording too. */
  until: unixMicros.optional(),
});
const finishingRecording = activeRecording.extend({
  to: unixMicros,
  /** In the folder of recordings. */
  file: z.string().regex(/^[^/\\]+\.parx$/),
});
const rememberedRecordings = z.object({
  active: activeRecording.nullable(),
  finishing: z.array(finishingRecording),
});
type FinishingRecording = z.infer<typeof finishingRecording>;
type Remembered = z.infer<typeof rememberedRecordings>;

/**
 * The rolling history takes every sample; a recording is a named range of it that becomes a file of its own when it is
 * stopped. Until that file is complete and synced the range is pinned in the history, so a crash at any point leaves
 * either the pinned range or the file, and the engine's next start carries on by itself.
 */
export interface Recorder {
  /** Takes the block over. */
  accept(block: SampleBlock): void;
  start(options: {
    readonly name: string;
    readonly tagIds: readonly string[];
    readonly preTriggerS: number;
  }): Promise<void>;
  stop(): Promise<void>;
  state(): RecordingState;
  watch(listener: () => void): Disposable;
  /** A recording is running or being written to its file: the computer should stay awake. */
  busy(): boolean;
  /** Stops measuring and waits for the file being written; an unfinished one goes on at the next start. */
  close(): Promise<void>;
}

export interface RecorderOptions {
  readonly store: SampleStore;
  readonly memory: RecorderMemory;
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly alerts: Alerts;
  /** Free bytes on the data folder's disk; null when the system does not tell. */
  readonly freeBytes: () => Promise<number | null>;
  readonly onFile: () => void;
  /** Tags that "all" means at present. */
  readonly tagCount: () => number;
}

const MEASURE_MS = 1_000;
/** Measuring looks at every chunk of the recording: a long one is measured less often, so that views keep the readers. */
const MEASURE_SHARE = 0.02;
/** Samples from before the stop are still collected into a block, or are the answer to a read that was under way. */
const SETTLE_MS = 100;
/**
 * A step back of the wall clock, in microseconds, that is written down at once. Time synchronisation corrects by some
 * milliseconds all day, each of which would cost a synced write; a second is over before a stopped program is up again.
 */
const CLOCK_STEP = 1_000_000;
/** After a file could not be written. */
const RETRY_MS = 60_000;
/** File systems take 255 bytes; the time in front, the ending and that of an unfinished file need 40. */
const MAX_NAME_BYTES = 200;
/** Less than this and the alerts panel warns; the system itself needs room as well. */
const LOW_DISK_BYTES = 1024 ** 3;

export function createRecorder(options: RecorderOptions): Recorder {
  const { store, memory, clock, log, alerts } = options;
  const changes = createChanging();
  const stopping = new AbortController();
  const pins = new Map<string, Disposable>();
  const samples = createRateMeter(clock, 10);
  // The file grows in steps of whole log segments; over ten minutes the steps even out.
  const bytes = createRateMeter(clock, 600);
  let remembered = readMemory(memory, log);
  let progress: { name: string; progress: number } | null = null;
  let measured = { bytes: 0, samples: 0 };
  let free: number | null = null;
  let finishing: Promise<void> = Promise.resolve();
  let refused = 0;
  let measureFromMs = 0;
  let last = { now: clock.now(), monotonicMs: clock.monotonicMs() };
  /** Latest that the wall clock has been during this recording: its samples reach up to here. */
  let latest = last.now;

  const remember = (next: Remembered): void => {
    memory.write(JSON.stringify(next));
    remembered = next;
    changes.notify();
  };
  const note = (text: string, at: UnixMicros): void => {
    store
      .addEvent({ kind: 'recording', from: at, to: null, text, tagIds: [], author: null, labels: {} })
      .catch((error: unknown) => log.warn('An event could not be stored.', { text, error: String(error) }));
  };
  const pin = (key: string, from: UnixMicros): void => {
    pins.get(key)?.[Symbol.dispose]();
    pins.set(key, store.pin(key, from));
  };
  /** A clock that is set back while a recording runs would leave what follows before its start. */
  const followClock = (): void => {
    const now = clock.now();
    const monotonicMs = clock.monotonicMs();
    const running = remembered.active;
    // What the clock as it is now would have said when it was last looked at: samples may be that old.
    const since = Math.floor(now - (monotonicMs - last.monotonicMs) * 1000);
    if (running !== null && (since < last.now - CLOCK_STEP || now < running.from)) {
      const from = Math.min(running.from, since);
      const until = Math.max(running.until ?? now, last.now + 1, now);
      remember({ ...remembered, active: { ...running, from, until } });
      pin('active', from);
    }
    last = { now, monotonicMs };
    latest = Math.max(latest, now);
  };
  const unpin = (key: string): void => {
    pins.get(key)?.[Symbol.dispose]();
    pins.delete(key);
  };

  const finish = async (item: FinishingRecording): Promise<void> => {
    const path = join(options.directory, item.file);
    progress = { name: item.name, progress: 0 };
    changes.notify();
    try {
      mkdirSync(options.directory, { recursive: true });
      const result = await store.copyRange(
        path,
        item.name,
        { from: item.from, to: item.to },
        item.tagIds,
        (fraction) => {
          progress = { name: item.name, progress: fraction };
          changes.notify();
        },
        stopping.signal,
      );
      log.info('Recording written.', { name: item.name, file: item.file, ...result });
      remember({ ...remembered, finishing: remembered.finishing.filter((other) => other.file !== item.file) });
      unpin(item.file);
      alerts.clear(`recording-${item.file}`);
      options.onFile();
    } catch (error) {
      if (stopping.signal.aborted) return;
      const reason = isAppError(error) ? error.message : `Unexpected error: ${String(error)}`;
      log.error('Recording could not be written.', { name: item.name, reason });
      alerts.raise(`recording-${item.file}`, {
        severity: 'error',
        source: 'Recording',
        text: `The recording "${item.name}" could not be written to ${item.file}. ${reason}`,
        advice: 'Its samples are kept in the history. Make room on the disk; writing is tried again every minute.',
      });
      clock.sleep(RETRY_MS, stopping.signal).then(
        () => enqueue(item),
        () => undefined,
      );
    } finally {
      progress = null;
      changes.notify();
    }
  };
  /** Two recordings of one name and second must not become one file. */
  const freeName = (base: string): string => {
    for (let n = 1; ; n++) {
      const file = n === 1 ? `${base}.parx` : `${base} ${n}.parx`;
      const waits = remembered.finishing.some((item) => item.file === file);
      if (!waits && !existsSync(join(options.directory, file))) return file;
    }
  };
  const enqueue = (item: FinishingRecording): void => {
    finishing = finishing.then(() => (stopping.signal.aborted ? undefined : finish(item)));
  };

  const measure = async (): Promise<void> => {
    const status = store.status();
    samples.total(status.samplesStored);
    bytes.total(status.bytes);
    free = await options.freeBytes();
    const beganMs = clock.monotonicMs();
    if (remembered.active !== null && beganMs >= measureFromMs) {
      measured = await store.measure({ from: remembered.active.from, to: clock.now() }, remembered.active.tagIds);
      measureFromMs = beganMs + (clock.monotonicMs() - beganMs) / MEASURE_SHARE;
    }
    reportTroubles(status);
    changes.notify();
  };
  const reportTroubles = (status: ReturnType<SampleStore['status']>): void => {
    if (status.paused === null) alerts.clear('store-paused');
    else {
      alerts.raise('store-paused', {
        severity: 'error',
        source: 'History',
        text: status.paused,
        advice:
          'Recording resumes by itself as soon as samples can be written again; what is lost until then is counted.',
      });
    }
    if (free !== null && free < LOW_DISK_BYTES) {
      alerts.raise('disk-low', {
        severity: 'warning',
        source: 'Disk',
        text:
          free < 1e6
            ? 'Nothing is free on the disk that holds the history.'
            : `Only ${Math.round(free / 1e6)} MB are free on the disk that holds the history.`,
        advice: 'Delete or move old recordings, or reduce the age or size of the rolling history.',
      });
    } else alerts.clear('disk-low');
    const dropped = status.dropped + refused;
    if (dropped > 0) {
      alerts.raise('samples-dropped', {
        severity: 'error',
        source: 'History',
        text: `${dropped} samples were not stored since the start of the engine.`,
        advice: 'The disk is slower than the incoming data, or it was full. The missing intervals are in the gap list.',
      });
    }
  };
  let timer: Disposable | null = null;
  const tick = (): void => {
    measure()
      .catch((error: unknown) => log.warn('Measuring the history failed.', { error: String(error) }))
      .finally(() => {
        if (!stopping.signal.aborted) timer = clock.after(MEASURE_MS, tick);
      });
  };

  const { active } = remembered;
  if (active !== null) {
    pin('active', active.from);
    note(`Recording "${active.name}" resumed.`, clock.now());
    log.info('Recording resumed after a restart.', { name: active.name });
  }
  for (const item of remembered.finishing) {
    pin(item.file, item.from);
    enqueue(item);
  }
  tick();

  return {
    accept(block) {
      try {
        followClock();
      } catch (error) {
        // The note is tried again with the next block; the samples themselves must not be lost for it.
        log.warn('The step of the clock could not be noted for the recording.', { error: String(error) });
      }
      store.append(block).catch((error: unknown) => {
        // The store counts what it drops itself and reports the cause as `paused`; anything else is a fault to be seen.
        if (!isAppError(error)) {
          refused += block.length;
          log.error('The store refused a block.', { error: String(error) });
        }
      });
    },
    async start({ name, tagIds, preTriggerS }) {
      if (remembered.active !== null) {
        throw new AppError('config.invalid', `"${remembered.active.name}" is being recorded already. Stop it first.`, {
          details: { issues: [{ path: 'name', message: 'A recording is running.' }] },
        });
      }
      const { paused } = store.status();
      if (paused !== null) {
        throw new AppError('store.disk-full', paused, { details: { path: options.directory }, retryable: true });
      }
      const since = clock.now();
      const from = since - Math.round(preTriggerS * 1_000_000);
      const title = name === '' ? `Recording ${fileStamp(since)}` : name;
      pin('active', from);
      latest = since;
      measured = { bytes: 0, samples: 0 };
      measureFromMs = 0;
      try {
        remember({ ...remembered, active: { name: title, since, from, tagIds: [...tagIds] } });
      } catch (error) {
        // What is not recorded must not keep retention from its work.
        unpin('active');
        throw error;
      }
      note(`Recording "${title}" started.`, since);
      await measure().catch((error: unknown) => log.warn('Measuring the history failed.', { error: String(error) }));
    },
    async stop() {
      followClock();
      const running = remembered.active;
      if (running === null) return;
      const now = clock.now();
      const to = Math.max(now, running.until ?? now, latest > now ? latest + 1 : now);
      const item: FinishingRecording = {
        ...running,
        to,
        file: freeName(`${fileStamp(running.since)} ${fileName(running.name)}`),
      };
      note(`Recording "${running.name}" stopped.`, now);
      pin(item.file, item.from);
      remember({ active: null, finishing: [...remembered.finishing, item] });
      unpin('active');
      finishing = finishing.then(() => clock.sleep(SETTLE_MS, stopping.signal).catch(() => undefined));
      enqueue(item);
    },
    state() {
      const status = store.status();
      const bytesPerSecond = bytes.perSecond();
      const running = remembered.active;
      return {
        active:
          running === null
            ? null
            : {
                name: running.name,
                since: running.since,
                from: running.from,
                tags: running.tagIds.length === 0 ? options.tagCount() : running.tagIds.length,
                ...measured,
              },
        finishing: progress,
        storedUntil: status.storedUntil,
        samplesPerSecond: samples.perSecond(),
        bytesPerSecond,
        historyBytes: status.bytes,
        diskFreeBytes: free,
        secondsLeft: free === null || bytesPerSecond <= 0 ? null : Math.floor(free / bytesPerSecond),
        backlog: status.backlog,
        dropped: status.dropped + refused,
        paused: status.paused,
      };
    },
    watch: changes.watch,
    busy: () => remembered.active !== null || remembered.finishing.length > 0,
    async close() {
      stopping.abort(new AppError('rpc.cancelled', 'The engine is stopping.', { details: null }));
      timer?.[Symbol.dispose]();
      await finishing;
      for (const key of [...pins.keys()]) unpin(key);
    },
  };
}

function readMemory(memory: RecorderMemory, log: Logger): Remembered {
  const text = memory.read();
  if (text === null) return { active: null, finishing: [] };
  try {
    return rememberedRecordings.parse(JSON.parse(text));
  } catch (error) {
    log.warn('The note of a running recording is unreadable; no recording is resumed.', { error: String(error) });
    return { active: null, finishing: [] };
  }
}

/** 2026-11-21 14-03-07, UTC: sorts by time and is a legal file name everywhere. */
export function fileStamp(time: UnixMicros): string {
  return new Date(time / 1000).toISOString().slice(0, 19).replace('T', ' ').replaceAll(':', '-');
}

/** Keeps letters of every script; replaces what Windows, macOS or Linux refuse in a file name. */
export function fileName(name: string): string {
  const legal = name
    .normalize('NFC')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
    .replace(/[<>:"/\\|?*\u0000-\u001f]/g, '_')
    // Half of a character cannot be written into a name, nor into an address.
    .replace(/\p{Surrogate}/gu, '_');
  let clean = '';
  for (const sign of legal) {
    if (Buffer.byteLength(clean + sign) > MAX_NAME_BYTES) break;
    clean += sign;
  }
  clean = clean.replace(/[. ]+$/, '');
  return clean === '' || /^(con|prn|aux|nul|com\d|lpt\d)$/i.test(clean) ? `recording_${clean}` : clean;
}
