import { isAppError } from '#shared/errors.ts';
import type { UnixMicros } from '#shared/model/index.ts';
import { type Choice, choiceList } from '#shared/rpc/catalogue.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import { createLiveTags, type LiveTags } from './live-cache.ts';
import { createPreferences, type Preferences } from './preferences.ts';
import { createProjectEdits, type ProjectEdits } from './project-edits.ts';
import { createSession, errorText, type OpenPort, type Rpc, type Session } from './session.ts';
import { createSteadyTimeLeft } from './steady-estimate.ts';
import {
  type AddTagsRequest,
  createProjectIntake,
  createStores,
  createTagsIntake,
  type Notice,
  type Stores,
} from './stores.ts';
import { createTraceFeed, type TraceFeed } from './traces.ts';

export interface NoticeInput {
  readonly kind: Notice['kind'];
  readonly text: string;
  readonly advice?: string | null;
  readonly action?: { readonly label: string; run(): void };
  readonly untilEdit?: boolean;
}

/** Everything a page needs of the engine. One per page load; `useClient()` gives it to components. */
export interface AppClient extends Disposable {
  readonly rpc: Rpc;
  readonly session: Session;
  readonly stores: Stores;
  readonly edits: ProjectEdits;
  readonly preferences: Preferences;
  readonly live: LiveTags & {
    /** Every sample of these tags from now on; dispose it when the trend closes. */
    trace(tagIds: readonly string[], options?: { readonly maxPoints?: number }): TraceFeed;
  };
  /** What a field of a plugin's form may suggest; `list` is the field's `choicesFrom`. */
  suggest(list: string): Promise<readonly Choice[]>;
  /** The engine's clock, microseconds UTC: this computer's and the engine's may differ. */
  now(): UnixMicros;
  /** Runs twice a second, for ages and elapsed times that are written straight into the document. */
  onTick(listener: () => void): Disposable;
  notify(notice: NoticeInput): void;
  /** For refusals that have no place of their own at the click that caused them. Cancelled calls are not shown. */
  fail(error: unknown, doing: string): void;
  dismiss(noticeId: number): void;
  showPage(path: string): void;
  /** Opens the trend with these tags. */
  showInTrend(tagIds: readonly string[], mode?: 'add' | 'replace'): void;
  /** Opens the tags page with the dialog that adds tags to this device. */
  addTags(deviceId: string, start?: AddTagsRequest['start']): void;
  /** Opens a saved trend. */
  openTrend(trendId: string): void;
}

const MAX_NOTICES = 5;
const TICK_MS = 500;
const BACKFILL_MS = 60_000;
/** More lines than this are never in sight at once. */
const MAX_BACKFILL = 400;

export function createClient(openPort: OpenPort): AppClient {
  const stores = createStores();
  let noticeId = 0;

  const notify = (notice: NoticeInput): void => {
    const { notices } = stores.notices.getState();
    // The same sentence twice is one sentence.
    const others = notices.filter((known) => known.text !== notice.text);
    noticeId++;
    const made: Notice = {
      id: noticeId,
      kind: notice.kind,
      text: notice.text,
      advice: notice.advice ?? null,
      at: Date.now(),
      action: notice.action ?? null,
      untilEdit: notice.untilEdit ?? false,
    };
    stores.notices.setState({ notices: [...others, made].slice(-MAX_NOTICES) });
  };
  const fail = (error: unknown, doing: string): void => {
    if (isAppError(error, 'rpc.cancelled')) return;
    const text = errorText(error);
    notify({ kind: 'error', text: `${doing}: ${text}`, advice: null });
  };

  const session = createSession(openPort, (error) => fail(error, 'A stream from the engine ended'));
  const { state } = session;
  session.follow((rpc, signal) => rpc.project.watch(undefined, { signal }), createProjectIntake(stores.project));
  session.follow((rpc, signal) => rpc.tags.watch(undefined, { signal }), createTagsIntake(stores.tags));
  session.follow(
    (rpc, signal) => rpc.connections.watch(undefined, { signal }),
    ({ connections }) =>
      stores.connections.setState({ byId: new Map(connections.map((status) => [status.connectionId, status])) }),
  );
  session.follow(
    (rpc, signal) => rpc.sources.watch(undefined, { signal }),
    ({ sources }) =>
      stores.sources.setState({ loaded: true, byId: new Map(sources.map((status) => [status.id, status])) }),
  );
  session.follow(
    (rpc, signal) => rpc.engine.alerts(undefined, { signal }),
    ({ alerts }) => stores.alerts.setState({ alerts }),
  );
  session.follow(
    (rpc, signal) => rpc.engine.health(undefined, { signal }),
    (health) => stores.health.setState({ health, receivedAt: Date.now() }),
  );
  const steadyTimeLeft = createSteadyTimeLeft();
  session.follow(
    (rpc, signal) => rpc.recording.watch(undefined, { signal }),
    (recording) =>
      stores.recording.setState({
        state: { ...recording, secondsLeft: steadyTimeLeft(recording.secondsLeft, Date.now()) },
      }),
  );
  session.follow(
    (rpc, signal) => rpc.recording.files(undefined, { signal }),
    ({ files, opened }) => stores.files.setState({ loaded: true, files, opened }),
  );
  session.follow(
    (rpc, signal) => rpc.exports.watch(undefined, { signal }),
    ({ jobs }) => stores.exports.setState({ jobs }),
  );
  session.follow(
    (rpc, signal) => rpc.recordingJobs.watch(undefined, { signal }),
    ({ jobs }) => stores.recordingJobs.setState({ jobs }),
  );
  session.follow(
    (rpc, signal) => rpc.sending.watch(undefined, { signal }),
    ({ jobs }) => stores.sendJobs.setState({ jobs }),
  );
  const loadCatalogue = (): void => {
    session.rpc.catalogue
      .get()
      .then((catalogue) => stores.catalogue.setState({ catalogue }))
      .catch((error: unknown) => {
        if (!isAppError(error, 'rpc.disconnected')) fail(error, 'The list of protocols could not be read');
      });
  };
  let generation = state.getState().generation;
  if (generation > 0) loadCatalogue();
  const stopWatching = state.subscribe((now, before) => {
    // What an engine does that can't be asked is unknown; documents and figures stay, marked as old.
    if (before.phase === 'open' && now.phase !== 'open') {
      stores.connections.setState({ byId: new Map() });
      stores.sources.setState({ loaded: false, byId: new Map() });
      stores.recording.setState({ state: null });
    }
    if (now.phase !== 'open' || now.generation === generation) return;
    generation = now.generation;
    loadCatalogue();
  });

  const now = (): UnixMicros => {
    const { health, receivedAt } = stores.health.getState();
    return health === null ? Date.now() * 1000 : health.now + (Date.now() - receivedAt) * 1000;
  };
  const live = createLiveTags(session, {
    async *backfill(tagIds) {
      const to = Math.round(now());
      for (let at = 0; at < Math.min(tagIds.length, MAX_BACKFILL); at += 200) {
        const tags = tagIds.slice(at, at + 200);
        const range = { from: to - BACKFILL_MS * 1000, to };
        for await (const { series } of session.rpc.history.view({
          source: RUNNING_HISTORY,
          tags,
          range,
          pixels: 120,
        })) {
          yield series;
        }
      }
    },
  });
  const tickers = new Set<() => void>();
  const ticking = window.setInterval(() => tickers.forEach((listener) => void listener()), TICK_MS);
  return {
    rpc: session.rpc,
    session,
    stores,
    edits: createProjectEdits(session, stores, notify),
    preferences: createPreferences(session, (error) => {
      if (!isAppError(error, 'rpc.disconnected')) fail(error, 'A setting of the screen could not be kept');
    }),
    live: { ...live, trace: (tagIds, options) => createTraceFeed(session, tagIds, options) },
    suggest: async (list) => (await session.rpc.catalogue.choices({ list: choiceList.parse(list) })).choices,
    now,
    onTick(listener) {
      tickers.add(listener);
      return { [Symbol.dispose]: () => tickers.delete(listener) };
    },
    notify,
    fail,
    dismiss(id) {
      stores.notices.setState({ notices: stores.notices.getState().notices.filter((notice) => notice.id !== id) });
    },
    showPage(path) {
      location.hash = `#${path}`;
    },
    showInTrend(tagIds, mode = 'add') {
      stores.view.setState({ trendRequest: { trendId: null, tagIds, mode } });
      location.hash = '#/trend';
    },
    addTags(deviceId, start) {
      stores.view.setState({ addTagsTo: { deviceId, start: start ?? null } });
      location.hash = '#/tags';
    },
    openTrend(trendId) {
      stores.view.setState({ trendRequest: { trendId, tagIds: [], mode: 'replace' } });
      location.hash = '#/trend';
    },
    [Symbol.dispose]() {
      stopWatching();
      clearInterval(ticking);
      session[Symbol.dispose]();
    },
  };
}
