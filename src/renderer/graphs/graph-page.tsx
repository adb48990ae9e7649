import { ChartLine, ChartSpline, Copy, Plus, Redo2, Save, Trash2, Undo2 } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation, useParams } from 'wouter';
import { useClient, useProject, useStores, useZone } from '#renderer/client/index.ts';
import {
  Button,
  Check,
  EmptyState,
  IconButton,
  MiddleText,
  SelectField,
  SplitPane,
  Tabs,
  TextField,
  useActions,
} from '#renderer/ui/index.ts';
import { parseRange, zoneOf } from '#shared/model/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import type { DrawnSeries } from './graph-answer.ts';
import { addSeries, changeSeries, type Graph, removeSeries } from './graph-model.ts';
import { GraphPreview } from './graph-preview.tsx';
import { GraphQuery } from './graph-query.tsx';
import { MetricSearch } from './metric-search.tsx';
import { SeriesForm } from './series-form.tsx';
import { traceKeysOf } from './trace-keys.ts';
import { useGraphDraft } from './use-graph-draft.ts';
import { useKnownMetrics, useProfile } from './use-metrics.ts';
import { YamlEditor } from './yaml-editor.tsx';
import './graphs.css';

const newId = (): string => `graph-${Date.now().toString(36)}`;

/** Graphs of the project: made once, drawn from any source that has their metrics. */
export function GraphsPage(): ReactNode {
  const graphs = useProject((state) => state.graph);
  const loaded = useProject((state) => state.loaded);
  const { id } = useParams<{ id?: string }>();
  const [, navigate] = useLocation();
  const listed = [...graphs.values()].map(({ document }) => document).sort((a, b) => a.name.localeCompare(b.name));
  const chosen = id ?? listed[0]?.id;
  const make = useCallback(() => navigate(`/graphs/${newId()}`), [navigate]);
  useActions([{ id: 'graphs.new', title: 'New graph', group: 'Graphs', run: make }], [make]);
  return (
    <div className="graphs">
      <nav className="graph-list" aria-label="Graphs">
        <div className="graph-list-head">
          <Button icon={Plus} onClick={make}>
            New graph
          </Button>
        </div>
        <ul>
          {listed.map((one) => (
            <li key={one.id}>
              <button
                type="button"
                className="graph-item"
                aria-current={one.id === chosen ? 'page' : undefined}
                onClick={() => navigate(`/graphs/${one.id}`)}
              >
                <MiddleText text={one.name} />
              </button>
            </li>
          ))}
          {chosen !== undefined && !graphs.has(chosen) && (
            <li>
              <button type="button" className="graph-item" aria-current="page">
                <i>New graph, not saved</i>
              </button>
            </li>
          )}
        </ul>
      </nav>
      {chosen === undefined ? (
        loaded && (
          <EmptyState
            icon={ChartSpline}
            title="No graphs yet"
            text="A graph says what is drawn: metrics, how their samples become points, and over which time. It is made once and drawn from this computer's recordings or from a plant's database."
          >
            <Button look="primary" onClick={make}>
              New graph
            </Button>
          </EmptyState>
        )
      ) : (
        <GraphEditor key={chosen} id={chosen} />
      )}
    </div>
  );
}

function GraphEditor({ id }: { readonly id: string }): ReactNode {
  const client = useClient();
  const [, navigate] = useLocation();
  const zone = useZone();
  const draft = useGraphDraft(id);
  const { document, change } = draft;
  const { graph } = document;
  const opened = useStores('files', (state) => state.opened);
  const plants = useStores('sources', (state) => state.byId);
  const sources = useMemo(
    () => [
      { id: RUNNING_HISTORY, name: 'Running history' },
      ...opened.map((file) => ({ id: file.id, name: file.name })),
      ...[...plants.values()]
        .filter(({ state }) => state !== 'disabled')
        .map((one) => ({ id: one.id, name: one.name })),
    ],
    [opened, plants],
  );
  const usualId = document.source ?? RUNNING_HISTORY;
  const usual = { id: usualId, name: sources.find((one) => one.id === usualId)?.name ?? usualId };
  const [selected, setSelected] = useState<string | null>(null);
  const series = graph.series.find((one) => one.id === selected) ?? graph.series[0];
  const profile = useProfile(series?.source ?? usualId);
  const own = useProfile(usualId);
  const metricOf = useKnownMetrics(graph.series, usualId);
  const [tab, setTab] = useState<'form' | 'yaml' | 'query'>('form');
  const [drawn, setDrawn] = useState<readonly DrawnSeries[]>([]);
  const search = useRef<HTMLInputElement>(null);

  const openInTrend = async (): Promise<void> => {
    try {
      const keys = await traceKeysOf(client, graph, usualId, drawn);
      if (keys.length === 0) {
        client.notify({
          kind: 'info',
          text: 'None of the series is a tag of its source, so the trend has nothing to draw.',
          advice:
            'The trend draws tags as they were sampled. A series of one tag, without a sum over several, can be opened there.',
        });
        return;
      }
      client.showInTrend(keys, 'replace');
    } catch (error) {
      client.fail(error, 'The graph could not be opened in the trend');
    }
  };
  const duplicate = (): void => {
    const copy = newId();
    client.preferences.set(`graph-draft-${copy}`, {
      base: null,
      document: { ...document, id: copy, name: `${document.name} 2`.slice(0, 200) },
    });
    navigate(`/graphs/${copy}`);
  };
  const remove = (): void => {
    draft
      .remove()
      .then(() => navigate('/graphs'))
      .catch((error: unknown) => client.fail(error, 'The graph was not deleted'));
  };
  const commands = { save: () => void draft.save(), undo: draft.undo, redo: draft.redo };
  const latest = useRef(commands);
  latest.current = commands;
  useActions(
    [
      {
        id: 'graphs.save',
        title: 'Save the graph',
        group: 'Graphs',
        keys: ['Ctrl+S'],
        inFields: true,
        run: () => latest.current.save(),
      },
      {
        id: 'graphs.undo',
        title: 'Undo the last change of the graph',
        group: 'Graphs',
        keys: ['Ctrl+Z'],
        run: () => latest.current.undo(),
      },
      {
        id: 'graphs.redo',
        title: 'Redo the change of the graph',
        group: 'Graphs',
        keys: ['Ctrl+Shift+Z', 'Ctrl+Y'],
        run: () => latest.current.redo(),
      },
      {
        id: 'graphs.find',
        title: 'Find a metric to add',
        group: 'Graphs',
        keys: ['T'],
        run: () => search.current?.focus(),
      },
      { id: 'graphs.form', title: 'Form of the graph', group: 'Graphs', run: () => setTab('form') },
      { id: 'graphs.yaml', title: 'YAML of the graph', group: 'Graphs', run: () => setTab('yaml') },
      { id: 'graphs.query', title: 'Query of the graph', group: 'Graphs', run: () => setTab('query') },
    ],
    [],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when it is opened
  useEffect(() => {
    // A new graph begins with its first metric.
    if (!draft.saved && graph.series.length === 0) search.current?.focus();
  }, []);

  const setGraph = useCallback((next: Graph) => change((before) => ({ ...before, graph: next })), [change]);
  const setRange = (part: Partial<Graph['range']>): void => setGraph({ ...graph, range: { ...graph.range, ...part } });
  const { from, to } = graph.range;
  const read = parseRange(from, to, client.now(), zoneOf(graph.range.zone ?? zone));
  const faultOf = (field: 'from' | 'to'): string | undefined =>
    'field' in read && read.field === field ? read.message : undefined;
  return (
    <div className="graph-editor">
      <div className="graph-bar" role="toolbar" aria-label="Graph">
        <input
          className="input graph-name"
          aria-label="Name of the graph"
          value={document.name}
          maxLength={200}
          spellCheck={false}
          onChange={(event) => change((before) => ({ ...before, name: event.target.value }))}
        />
        <select
          className="select"
          aria-label="Source of the graph"
          value={usualId}
          onChange={(event) =>
            change((before) => ({
              ...before,
              source: event.target.value === RUNNING_HISTORY ? null : event.target.value,
            }))
          }
        >
          {sources.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
          {!sources.some((one) => one.id === usualId) && <option value={usualId}>{usualId} (not there)</option>}
        </select>
        <span className="graph-state quiet">{draft.dirty || !draft.saved ? 'not saved' : 'saved'}</span>
        <span className="graph-gap" />
        <IconButton icon={Undo2} label="Undo" keys="Ctrl+Z" disabled={!draft.canUndo} onClick={draft.undo} />
        <IconButton icon={Redo2} label="Redo" keys="Ctrl+Y" disabled={!draft.canRedo} onClick={draft.redo} />
        <IconButton icon={Copy} label="Duplicate" onClick={duplicate} />
        <IconButton icon={Trash2} label="Delete the graph" disabled={!draft.saved} onClick={remove} />
        {draft.dirty && draft.saved && <Button onClick={draft.revert}>Discard changes</Button>}
        <Button icon={ChartLine} disabled={drawn.length === 0} onClick={() => void openInTrend()}>
          Open in trend
        </Button>
        <Button icon={Save} look="primary" disabled={!draft.dirty && draft.saved} onClick={() => void draft.save()}>
          Save
        </Button>
      </div>
      <MetricSearch
        source={usualId}
        searchRef={search}
        onAdd={(metric) => {
          change((before) =>
            addSeries(before, metric, null, own, (key) =>
              key === metric.key ? metric.unit : metricOf(null, key)?.unit,
            ),
          );
          setSelected(null);
        }}
      />
      <div className="graph-desk">
        <SplitPane
          name="graph-editor"
          direction="vertical"
          secondSize="55%"
          minFirst="9rem"
          minSecond="10rem"
          first={<GraphPreview graph={graph} source={usualId} onSeries={setDrawn} onRange={setRange} />}
          second={
            <div className="graph-lower">
              <Tabs
                name="graph"
                label="How the graph is shown"
                tabs={[
                  { id: 'form' as const, title: 'Form' },
                  { id: 'yaml' as const, title: 'YAML' },
                  { id: 'query' as const, title: 'Query' },
                ]}
                shown={tab}
                onShow={setTab}
              />
              <div className="graph-panel" role="tabpanel" id="graph-panel" aria-labelledby={`graph-tab-${tab}`}>
                {tab === 'query' && <GraphQuery graph={graph} source={usualId} sources={sources} />}
                {tab === 'yaml' && <YamlEditor graph={graph} onGraph={setGraph} />}
                {tab === 'form' && (
                  <div className="graph-form">
                    <div className="graph-column">
                      <section className="graph-group" aria-label="Time">
                        <h3>Time</h3>
                        <TextField
                          label="From"
                          mono
                          value={from}
                          error={faultOf('from')}
                          onChange={(text) => setRange({ from: text })}
                          help="now-8h, now/d+6h, or 2026-11-21 06:00"
                        />
                        <TextField
                          label="To"
                          mono
                          value={to}
                          error={faultOf('to')}
                          onChange={(text) => setRange({ to: text })}
                        />
                        <TextField
                          label="Step"
                          unit="ms"
                          mono
                          value={graph.resolution.stepMs === null ? '' : String(graph.resolution.stepMs)}
                          placeholder="as the width needs"
                          onChange={(text) => {
                            const ms = Number(text);
                            const stepMs =
                              text.trim() === '' ? null : Number.isInteger(ms) && ms > 0 ? ms : graph.resolution.stepMs;
                            setGraph({ ...graph, resolution: { ...graph.resolution, stepMs } });
                          }}
                        />
                        <Check
                          label="Band from the smallest to the largest"
                          checked={graph.resolution.envelope}
                          onChange={(envelope) => setGraph({ ...graph, resolution: { ...graph.resolution, envelope } })}
                        />
                        <SelectField
                          label="Series on one axis"
                          value={graph.style.stack}
                          onChange={(stack) => setGraph({ ...graph, style: { ...graph.style, stack } })}
                          choices={[
                            { value: 'none' as const, label: 'lie over each other' },
                            { value: 'values' as const, label: 'are added up' },
                            { value: 'share' as const, label: 'are shares of their sum' },
                          ]}
                        />
                      </section>
                      <section className="graph-group" aria-label="Series of the graph">
                        <h3>Series</h3>
                        {graph.series.length === 0 && (
                          <p className="quiet graph-none">None yet. Search for a metric at the left.</p>
                        )}
                        <ul className="graph-series">
                          {graph.series.map((one) => (
                            <li key={one.id} data-chosen={one.id === series?.id ? '' : undefined}>
                              <button
                                type="button"
                                className="graph-item"
                                aria-current={one.id === series?.id ? 'true' : undefined}
                                onClick={() => setSelected(one.id)}
                              >
                                <span className="mono">{one.id}</span>
                                <MiddleText
                                  text={
                                    one.title === ''
                                      ? (metricOf(one.source, one.metric)?.title ?? one.metric)
                                      : one.title
                                  }
                                />
                                <span className="quiet">{one.aggregate}</span>
                              </button>
                              <IconButton
                                icon={Trash2}
                                label={`Remove series ${one.id}`}
                                onClick={() => change((before) => removeSeries(before, one.id))}
                              />
                            </li>
                          ))}
                        </ul>
                      </section>
                    </div>
                    {series !== undefined && (
                      <section className="graph-column" aria-label={`Series ${series.id}`}>
                        <SeriesForm
                          key={series.id}
                          series={series}
                          metric={metricOf(series.source, series.metric)}
                          profile={profile}
                          usual={usual}
                          sources={sources}
                          onChange={(part) => change((before) => changeSeries(before, series.id, part))}
                        />
                      </section>
                    )}
                  </div>
                )}
              </div>
            </div>
          }
        />
      </div>
    </div>
  );
}
