import type { Acquisition } from '#engine/acquisition/index.ts';
import type { GraphDesk } from '#engine/analytics/index.ts';
import type { Exporter } from '#engine/exporters/index.ts';
import type { FileWorkDone, HistorySource, Reread, SampleStore } from '#engine/historian/index.ts';
import type { Installation } from '#engine/installation/index.ts';
import type { Live, TagTable } from '#engine/live/index.ts';
import type { Alerts, Clock, LogBook, Logger } from '#engine/platform/index.ts';
import type { ProjectStore, ReplaceReport } from '#engine/project/index.ts';
import type { ProtocolDriver } from '#engine/protocols/index.ts';
import type {
  ExportJobs,
  RangeFetcher,
  Recorder,
  RecordingFiles,
  RecordingJobs,
  SendJobs,
} from '#engine/recording/index.ts';
import type { SourceDesk } from '#engine/sources/index.ts';
import type { ViewerSource } from '#engine/tsdb/index.ts';
import { AppError } from '#shared/errors.ts';
import type { EngineHealth, TimeRange } from '#shared/model/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';

/** The system's own dialogs on the computer of the engine; each gives the chosen path, null when it was cancelled. */
export interface HostDialogs {
  openRecording(): Promise<string | null>;
  /** `name` is proposed. */
  saveAs(name: string): Promise<string | null>;
}

/** The modules that procedures speak to, put together by the engine's door. */
export interface Services {
  readonly clock: Clock;
  readonly log: Logger;
  readonly logBook: LogBook;
  readonly alerts: Alerts;
  readonly protocols: readonly ProtocolDriver[];
  readonly exporters: readonly Exporter[];
  readonly project: ProjectStore;
  readonly installation: Installation;
  readonly table: TagTable;
  readonly live: Live;
  readonly acquisition: Acquisition;
  readonly store: SampleStore;
  readonly recorder: Recorder;
  readonly files: RecordingFiles;
  readonly recordingJobs: RecordingJobs;
  readonly fetcher: RangeFetcher;
  readonly sendJobs: SendJobs;
  readonly exports: ExportJobs;
  readonly graphs: GraphDesk;
  readonly sources: SourceDesk;
  /** What a trend reads from, by the id of a source. Throws `store.not-found`, `tsdb.unavailable`. */
  readonly viewer: (source: string, signal: AbortSignal) => Promise<ViewerSource>;
  readonly newId: () => string;
  readonly health: () => EngineHealth;
  readonly loadDemo: () => Promise<{ readonly connectionId: string; readonly trendId: string }>;
  readonly saveProject: () => Promise<{ readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }>;
  readonly replaceProject: (bytes: Uint8Array) => Promise<ReplaceReport>;
  /** Gives tags of a recording another decode recipe; see the historian's file work. */
  readonly reread: (path: string, tags: readonly Reread[], signal: AbortSignal) => Promise<FileWorkDone>;
  /** Null where the host has none. */
  readonly dialogs: HostDialogs | null;
}

export function historySource(services: Services, source: string): HistorySource {
  if (source === RUNNING_HISTORY) return services.store;
  const file = services.files.source(source);
  if (file === undefined) {
    throw new AppError('store.not-found', 'This recording is not open. Open it again from the list of recordings.', {
      details: { kind: 'recording', id: source },
    });
  }
  return file;
}

export function driverOf(services: Services, protocol: string): ProtocolDriver {
  const driver = services.protocols.find((candidate) => candidate.id === protocol);
  if (driver === undefined) {
    throw new AppError(
      'protocol.unknown',
      `The protocol "${protocol}" is not known to this version of ParX, or switched off by --without.`,
      {
        details: { protocol },
      },
    );
  }
  return driver;
}

export function refuseEmpty({ from, to }: TimeRange): void {
  if (to > from) return;
  throw new AppError('config.invalid', 'The range is empty: its end must lie after its start.', {
    details: { issues: [{ path: 'range', message: 'The end must lie after the start.' }] },
  });
}
