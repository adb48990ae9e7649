import { Pause, Play } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useClient, useSession, useStores, useZone } from '#renderer/client/index.ts';
import { createHueBook, type PlotHit } from '#renderer/plot/index.ts';
import { type MenuPlace, SplitPane, useActions, useLook, usePreference } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { TimeRange } from '#shared/model/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import { fetchChoices } from './fetch-choices.ts';
import { LEGEND_COLUMNS, type LegendActions, LegendTable } from './legend-table.tsx';
import { mountTrend } from './mount-trend.ts';
import type { LegendColumn, Readout } from './readout.ts';
import { requestedTags } from './requested-tags.ts';
import { TagPicker } from './tag-picker.tsx';
import { isPlain, traceParts } from './trace-key.ts';
import { trendActions } from './trend-commands.ts';
import type { TrendController } from './trend-controller.ts';
import { TrendDialogs, type TrendOpen } from './trend-dialogs.tsx';
import { TrendEmpty } from './trend-empty.tsx';
import { axisMenu, plotMenu, traceMenu } from './trend-menus.ts';
import {
  addTags,
  allTagIds,
  moveTrace,
  removeTrace,
  resizePlots,
  setVisible,
  soloTrace,
  type TraceRef,
  type TraceTag,
} from './trend-model.ts';
import { pageCommands } from './trend-page-commands.ts';
import { TrendToolbar } from './trend-toolbar.tsx';
import { useDecoding } from './use-decoding.ts';
import { usePlotDrops } from './use-plot-drops.ts';
import { type TrendSourceName, useTraceTags } from './use-trace-tags.ts';
import { useTrendDraft } from './use-trend-draft.ts';
import { useTrendTags } from './use-trend-tags.ts';

const NO_TAGS: ReadonlyMap<string, TraceTag> = new Map();
const DEFAULT_COLUMNS: readonly LegendColumn[] = ['value', 'a', 'b', 'delta', 'min', 'max', 'mean'];

export interface TrendDeskProps {
  readonly source: string;
  readonly sources: readonly TrendSourceName[];
  /** Sources of the project, whose tags can stand beside those of the trend's own. */
  readonly plants: readonly TrendSourceName[];
  readonly onSource: (id: string) => void;
  readonly trendId: string;
  readonly onTrend: (id: string) => void;
}

/** One trend on one source: plots, mini-map, numbers and the tag list. */
export function TrendDesk({ source, sources, plants, onSource, trendId, onTrend }: TrendDeskProps): ReactNode {
  const client = useClient();
  const zone = useZone();
  const { theme, textSize } = useLook();
  const generation = useSession((state) => state.generation);
  const away = useSession((state) => state.phase !== 'open');
  // What was drawn before stays when the engine goes; a trend that is opened meanwhile has nothing to draw.
  const openedIn = useRef(away ? generation : null);
  const neverRead = away && openedIn.current === generation;
  const states = useStores('sources', (state) => state.byId);
  const request = useStores('view', (state) => state.trendRequest);
  const projectLoaded = useStores('project', (state) => state.loaded);
  const known = useTrendTags(source);
  const all = useMemo(() => [...sources, ...plants], [sources, plants]);
  const draft = useTrendDraft(trendId);
  const { trend } = draft;
  const tags = useTraceTags(known, allTagIds(trend), all) ?? NO_TAGS;
  const others = useMemo(() => all.filter(({ id }) => id !== source), [all, source]);
  const [picker, setPicker] = usePreference('trend-picker', true);
  const [columns, setColumns] = usePreference<readonly LegendColumn[]>('trend-columns', DEFAULT_COLUMNS);
  const [statistics, setStatistics] = usePreference('trend-statistics', true);
  const [controller, setController] = useState<TrendController | null>(null);
  const [readout, setReadout] = useState<Readout | null>(null);
  const [open, setOpen] = useState<TrendOpen>(null);
  const [rangeOpen, setRangeOpen] = useState(false);
  // What the legend says of a source that does not answer is read when this changes.
  const [, setProblems] = useState(0);
  const [selected, setSelected] = useState<TraceRef | null>(null);
  const [view, setView] = useState<{
    readonly follow: boolean;
    readonly stacked: boolean;
    readonly canBack: boolean;
  }>({
    follow: source === RUNNING_HISTORY,
    stacked: false,
    canBack: false,
  });
  const decoding = useDecoding(allTagIds(trend));
  /** What was looked at when the parts below were last made anew. */
  const kept = useRef<{ readonly range: TimeRange; readonly follow: boolean } | null>(null);
  const plotsHost = useRef<HTMLDivElement>(null);
  const mapHost = useRef<HTMLDivElement>(null);
  const readingsHost = useRef<HTMLDivElement>(null);
  const rangeLabel = useRef<HTMLSpanElement>(null);
  const search = useRef<HTMLInputElement>(null);
  /** Tags of other sources that the list has shown, for what is dragged from it. */
  const picked = useRef(new Map<string, TraceTag>());
  const hues = useMemo(
    () =>
      createHueBook(
        () => client.preferences.get<Readonly<Record<string, number>>>('trend-colours', {}),
        (all) => client.preferences.set('trend-colours', all),
      ),
    [client],
  );
  // Colours that were kept may come after the first drawing.
  const [keptHues] = usePreference<Readonly<Record<string, number>> | null>('trend-colours', null);
  /** What imperative parts read at the time of an event. */
  const latest = useRef({ trend, tags, all, zone, theme, draft, controller });
  latest.current = { trend, tags, all, zone, theme, draft, controller };

  const fail = useCallback(
    (error: unknown) => {
      if (!isAppError(error, 'rpc.disconnected')) client.fail(error, 'History could not be read');
    },
    [client],
  );

  const openMenu = useCallback((hit: PlotHit, at: MenuPlace) => {
    const { controller: made, trend: now, tags: known_, draft: draft_ } = latest.current;
    if (made === null) return;
    const edit = { trend: now, tags: known_, change: draft_.change, setOpen };
    const entries = hit.kind === 'axis' ? axisMenu(made, hit, edit) : plotMenu(made, hit, edit, commands.current);
    setOpen({ kind: 'menu', at, entries, label: hit.kind === 'axis' ? 'Axis' : 'Trend' });
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: what was decoded otherwise has to be read again
  useLayoutEffect(() => {
    const plots = plotsHost.current;
    const map = mapHost.current;
    const bar = readingsHost.current;
    if (plots === null || map === null || bar === null) return;
    const mount = mountTrend({
      client,
      source,
      hosts: { plots, map, readings: bar, range: () => rangeLabel.current },
      hues,
      start: kept.current,
      zone: () => latest.current.zone,
      theme: () => latest.current.theme,
      tags: () => latest.current.tags,
      onView: (state) => {
        setView({ follow: state.follow, stacked: state.stacked, canBack: state.canBack });
        setSelected(state.selected);
      },
      onProblems: setProblems,
      onError: fail,
      onResizePlots: (above, below, share) =>
        latest.current.draft.change((before) => resizePlots(before, above, below, share)),
      onMenu: openMenu,
    });
    const made = mount.controller;
    setController(made);
    setReadout(mount.readout);
    return () => {
      // A window that nothing was ever drawn into is not worth keeping.
      if (latest.current.controller === made) {
        kept.current = { range: made.window, follow: made.view.getState().follow };
      }
      mount[Symbol.dispose]();
      setController(null);
      setReadout(null);
    };
  }, [client, source, hues, fail, openMenu, decoding]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the trend is drawn anew with the colours that were kept
  useLayoutEffect(() => {
    if (projectLoaded || source !== RUNNING_HISTORY) controller?.setTrend(trend, tags);
  }, [controller, trend, tags, projectLoaded, source, keptHues]);
  useLayoutEffect(() => controller?.setZone(zone), [controller, zone]);
  // The page sets its tokens in a layout effect of its own, so they are read after that.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the tokens change with the theme and the text size
  useEffect(() => controller?.refreshColours(), [controller, theme, textSize]);
  useEffect(() => {
    if (generation > 1) controller?.refresh();
  }, [controller, generation]);
  useEffect(() => {
    if (readout !== null) readout.statisticsOn = statistics;
  }, [readout, statistics]);

  // Tags that another page has sent are taken once the tags are known.
  useEffect(() => {
    if (request === null || request.trendId !== null || known === null || !projectLoaded) return;
    client.stores.view.setState({ trendRequest: null });
    const { mode, tagIds } = request;
    const take = (found: readonly TraceTag[]): void =>
      draft.change((before) => addTags(mode === 'replace' ? { ...before, plots: [] } : before, found));
    if (tagIds.every(isPlain)) take(tagIds.flatMap((id) => known.get(id) ?? []));
    else requestedTags(client, known, tagIds).then(take).catch(fail);
  }, [client, request, known, projectLoaded, draft, fail]);

  // What is dragged here may be of a source whose tags are not known by their keys yet.
  const tagsOf = (ids: readonly string[]): TraceTag[] =>
    ids.flatMap((id) => tags.get(id) ?? picked.current.get(id) ?? []);
  const add = (chosen: readonly TraceTag[]): void => draft.change((before) => addTags(before, chosen));
  const spanS = (): number =>
    Math.max(0.001, ((controller?.window.to ?? 120e6) - (controller?.window.from ?? 0)) / 1e6);
  const remove = (ref: TraceRef): void => {
    const name = tags.get(ref.tagId)?.name ?? ref.tagId;
    draft.change((before) => removeTrace(before, ref));
    if (selected?.tagId === ref.tagId) controller?.select(null);
    client.notify({
      kind: 'info',
      text: `"${name}" is removed from the trend.`,
      action: { label: 'Undo', run: () => latest.current.draft.undo() },
    });
  };

  const page = pageCommands({
    client,
    controller,
    draft,
    tags,
    zone,
    source,
    selected,
    actions: () => legendActions,
    spanS,
    setOpen,
    fetchable: () => {
      // The palette holds this longer than the trend stays as it is.
      const now = latest.current;
      return now.controller === null ? null : fetchChoices(now.trend, now.tags, now.all, now.controller);
    },
    findTags: () => {
      setPicker(true);
      requestAnimationFrame(() => search.current?.focus());
    },
    toggleStatistics: () => setStatistics(!statistics),
    openRange: () => setRangeOpen(true),
  });
  const commands = useRef(page);
  commands.current = page;
  // The list is made anew with the page; what an entry runs is looked up when it runs.
  useActions(trendActions(controller, page), [controller, selected !== null, draft.canUndo, page.canFetch]);

  const legendActions: LegendActions = {
    toggle: (ref) => {
      const trace = trend.plots.find((plot) => plot.id === ref.plotId)?.traces.find((one) => one.tagId === ref.tagId);
      draft.change((before) => setVisible(before, ref, trace?.visible !== true));
    },
    solo: (ref) => draft.change((before) => soloTrace(before, ref)),
    remove,
    select: (ref) => controller?.select(ref),
    move: (ref, target) => {
      const tag = tags.get(ref.tagId);
      if (tag !== undefined) draft.change((before) => moveTrace(before, ref, tag, target));
    },
    add: (ids, target) => draft.change((before) => addTags(before, tagsOf(ids), target)),
    menu: (ref, at) => {
      const entries = traceMenu(
        ref,
        { trend, tags, change: draft.change, setOpen },
        { remove, solo: legendActions.solo, toggle: legendActions.toggle },
      );
      setOpen({ kind: 'menu', at, entries, label: 'Trace' });
    },
  };

  // What was read of a source that has gone since stays, and is told to be old.
  const problemOf = (key: string): string | null => {
    const status = states.get(traceParts(key).source ?? '');
    const lost =
      status?.state === 'lost' || status?.state === 'invalid' ? (status.message ?? 'It is not there.') : null;
    return controller?.store.problem(key) ?? lost;
  };

  const { dragging, ...drops } = usePlotDrops({
    controller,
    stacked: view.stacked,
    onTrace: legendActions.move,
    onTags: (ids, target) => (trend.plots.length === 0 ? add(tagsOf(ids)) : legendActions.add(ids, target)),
  });

  const count = trend.plots.reduce((sum, plot) => sum + plot.traces.length, 0);
  const shownColumns = LEGEND_COLUMNS.filter(
    (column) => columns.includes(column.id) && (statistics || !column.statistic),
  ).map((column) => column.id);

  return (
    <div className="trend">
      <TrendToolbar
        draft={draft}
        trendId={trendId}
        onTrend={onTrend}
        picker={picker}
        onPicker={() => setPicker(!picker)}
        follow={view.follow}
        followIcon={view.follow ? Pause : Play}
        stacked={view.stacked}
        canBack={view.canBack}
        statistics={statistics}
        commands={page}
        columns={columns}
        onColumns={setColumns}
        controller={controller}
        source={source}
        sources={sources}
        onSource={onSource}
        range={{ label: rangeLabel, open: rangeOpen, onOpen: setRangeOpen }}
        zone={zone}
        setOpen={setOpen}
      />
      {picker && (
        <TagPicker
          own={sources.find(({ id }) => id === source)?.name ?? source}
          others={others}
          tags={known}
          inTrend={new Set(allTagIds(trend))}
          onAdd={add}
          onSeen={(seen) => {
            for (const tag of seen) picked.current.set(tag.id, tag);
          }}
          searchRef={search}
        />
      )}
      <div className="trend-desk">
        <SplitPane
          name="trend-numbers"
          direction="vertical"
          secondSize="11rem"
          minFirst="10rem"
          minSecond="4rem"
          first={
            <div className="trend-plots-pane">
              <div
                ref={plotsHost}
                className="trend-plots"
                role="application"
                aria-label={`Trend "${trend.name}", ${count} traces. The palette and the sheet behind the question mark list the keys.`}
                // biome-ignore lint/a11y/noNoninteractiveTabindex: the plots take keys, which the palette lists
                tabIndex={0}
                {...drops}
              >
                {count === 0 && projectLoaded && <TrendEmpty hasTags={known?.size !== 0} onFindTags={page.findTags} />}
                {neverRead && count > 0 && (
                  <p className="trend-away">
                    Nothing is drawn: the trend was opened while the engine cannot be reached. It is read when the
                    engine answers.
                  </p>
                )}
                {dragging && (
                  <div className="trend-drop-hint">On a plot or an axis; below the plots makes a new plot</div>
                )}
              </div>
              <div
                ref={mapHost}
                className="trend-map"
                role="img"
                aria-label="The whole recording, with the window that is shown"
              />
            </div>
          }
          second={
            <div className="trend-numbers">
              <div className="trend-readings" ref={readingsHost} />
              <LegendTable
                trend={trend}
                tags={tags}
                hues={hues}
                columns={shownColumns}
                selected={selected}
                readout={readout}
                actions={legendActions}
                problemOf={problemOf}
              />
            </div>
          }
        />
      </div>
      <TrendDialogs
        open={open}
        setOpen={setOpen}
        controller={controller}
        draft={draft}
        tags={tags}
        zone={zone}
        source={source}
        sources={all}
        spanS={spanS}
        onTrend={onTrend}
      />
    </div>
  );
}
