import { FileCode2, Play, RotateCw, Send } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useState } from 'react';
import { errorText, useAbort, useClient, useStores, useZone } from '#renderer/client/index.ts';
import { fileChoices, historyChoice, type SendChoice, SendDialog, SendJobs } from '#renderer/sending/index.ts';
import {
  Banner,
  Button,
  belowElement,
  checkFields,
  type FormValues,
  Mark,
  Menu,
  type MenuPlace,
  readFields,
  SchemaForm,
  SelectField,
  Skeleton,
  settingsOf,
} from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { SchemaRequest, SchemaState, SchemaStatistics } from '#shared/model/own-schema.ts';
import { PruneForm } from './prune-form.tsx';
import { SchemaPlanDialog } from './schema-plan.tsx';
import { Policies, Rollups, Statistics } from './schema-tables.tsx';
import { EachSeries } from './series-statistics.tsx';

interface SchemaFormAnswer {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly presets: readonly {
    readonly id: string;
    readonly title: string;
    readonly summary: string;
    readonly settings: FormValues;
  }[];
}

const standings: Readonly<Record<SchemaState['standing'], string>> = {
  absent: 'Nothing of this program is there. Nothing is made without consent.',
  current: 'The tables are there and of this version.',
  outdated: 'The tables are of an earlier version. The plan shows what brings them up to date.',
  newer: 'The tables were made by a later version of this program. Update it before writing to them.',
  foreign: 'The name is taken by something else. Choose another schema in the settings of the source.',
};

/** The tables that this program keeps at a source: what is there, what would be done, and doing it after consent. */
export function OwnSchema({ id }: { readonly id: string }): ReactNode {
  const client = useClient();
  const newSignal = useAbort();
  const [form, setForm] = useState<SchemaFormAnswer | null>(null);
  const [state, setState] = useState<SchemaState | null>(null);
  const [statistics, setStatistics] = useState<SchemaStatistics | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [settings, setSettings] = useState<FormValues | null>(null);
  const [request, setRequest] = useState<SchemaRequest | null>(null);
  const [issues, setIssues] = useState<ReadonlyMap<string, string>>(new Map());
  const [menu, setMenu] = useState<{ readonly at: MenuPlace; readonly rollup: string } | null>(null);
  const [counting, setCounting] = useState(false);
  const zone = useZone();
  const { files, opened } = useStores('files', (all) => all);
  const [sending, setSending] = useState<readonly SendChoice[] | null>(null);

  const read = useCallback(async (): Promise<void> => {
    const signal = newSignal();
    try {
      const [schema, found] = await Promise.all([
        client.rpc.sources.schemaForm({ id }, { signal }),
        client.rpc.sources.schemaState({ id }, { signal }),
      ]);
      setForm(schema);
      setState(found);
      setRefusal(null);
      setSettings((typed) => typed ?? found.settings ?? schema.presets[0]?.settings ?? {});
      if (found.standing === 'current' || found.standing === 'outdated') {
        setStatistics(await client.rpc.sources.statistics({ id, exact: false }, { signal }));
      }
    } catch (error) {
      if (!signal.aborted) setRefusal(errorText(error));
    }
  }, [client, id, newSignal]);
  useEffect(() => {
    setForm(null);
    setState(null);
    setStatistics(null);
    setSettings(null);
    void read();
  }, [read]);

  const count = async (): Promise<void> => {
    setCounting(true);
    try {
      setStatistics(await client.rpc.sources.statistics({ id, exact: true }));
    } catch (error) {
      client.fail(error, 'The samples could not be counted');
    } finally {
      setCounting(false);
    }
  };
  const send = (): void => {
    const recordings = [...files, ...opened.filter((one) => !files.some((file) => file.id === one.id))];
    historyChoice(client)
      .then((history) => setSending([history, ...fileChoices(recordings)]))
      .catch((error: unknown) => client.fail(error, 'The running history could not be looked at'));
  };
  const plan = (): void => {
    if (form === null || settings === null) return;
    const fields = readFields(form.settings);
    const wrong = checkFields(fields, settings, true);
    setIssues(wrong);
    if (wrong.size === 0) setRequest({ action: 'install', settings: settingsOf(fields, settings) });
  };

  if (form === null || state === null || settings === null) {
    return refusal === null ? <Skeleton rows={8} /> : <Banner tone="error">{refusal}</Banner>;
  }
  const chosen = form.presets.find((preset) =>
    Object.entries(preset.settings).every(([name, value]) => JSON.stringify(settings[name]) === JSON.stringify(value)),
  );
  const there = state.standing === 'current' || state.standing === 'outdated';
  return (
    <div className="source-part">
      <div className="source-part-bar">
        <Mark
          tone={state.standing === 'current' ? 'ok' : state.standing === 'absent' ? 'quiet' : 'warn'}
          shape={state.standing === 'current' ? 'disc' : state.standing === 'absent' ? 'ring' : 'triangle'}
        >
          {there
            ? `Version ${state.version} of ${state.latest}`
            : state.standing === 'absent'
              ? 'Not there'
              : 'Not ours'}
        </Mark>
        <span className="toolbar-gap" />
        {there && (
          <Button icon={Send} onClick={send}>
            Send to this source
          </Button>
        )}
        <Button icon={RotateCw} onClick={() => void read()}>
          Look again
        </Button>
        <Button look="primary" icon={FileCode2} disabled={state.standing === 'foreign'} onClick={plan}>
          Show the plan
        </Button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll what is longer than the room */}
      <section className="source-scroll" aria-label="Tables of this program" tabIndex={0}>
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        <p>{standings[state.standing]}</p>
        <p className="quiet">{state.edition}</p>
        <SendJobs target={id} />
        {state.problems.map((problem) => (
          <Banner key={problem} tone="warn">
            {problem}
          </Banner>
        ))}
        {there && statistics !== null && (
          <Statistics statistics={statistics} counting={counting} onCount={() => void count()} />
        )}
        {there && <EachSeries id={id} />}
        {there && <Policies state={state} />}
        {there && (
          <Rollups state={state} onMenu={(rollup, element) => setMenu({ at: belowElement(element), rollup })} />
        )}
        {there && (
          <PruneForm first={statistics?.first ?? null} onPlan={(before) => setRequest({ action: 'prune', before })} />
        )}
        <details className="schema-group" open={!there || undefined}>
          <summary className="section-title">How the tables are made</summary>
          {form.presets.length > 0 && (
            <div className="schema-grid">
              <SelectField
                label="Preset"
                help="Fills in usual settings. Each can be changed afterwards."
                value={chosen?.id ?? ''}
                choices={[
                  ...(chosen === undefined ? [{ value: '', label: 'Own settings' }] : []),
                  ...form.presets.map((preset) => ({ value: preset.id, label: preset.title })),
                ]}
                onChange={(preset) => {
                  const found = form.presets.find((one) => one.id === preset);
                  if (found !== undefined) setSettings({ ...settings, ...found.settings });
                }}
              />
              {chosen !== undefined && <p className="quiet source-preset">{chosen.summary}</p>}
            </div>
          )}
          <SchemaForm
            schema={form.settings}
            values={settings}
            errors={issues}
            suggest={client.suggest}
            onChange={setSettings}
          />
        </details>
        {there && (
          <details className="schema-group">
            <summary className="section-title">
              Objects at the server <span className="quiet">{state.objects.length}</span>
            </summary>
            <table className="plain">
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Kind</th>
                  <th scope="col">State</th>
                </tr>
              </thead>
              <tbody>
                {state.objects.map((object) => (
                  <tr key={`${object.kind} ${object.name}`}>
                    <td className="mono">{object.name}</td>
                    <td>{object.kind}</td>
                    <td className="source-wrap">{object.says}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            <div className="source-part-head">
              <Button look="danger" onClick={() => setRequest({ action: 'remove' })}>
                Remove the tables and their samples
              </Button>
            </div>
          </details>
        )}
      </section>
      {sending !== null && <SendDialog choices={sending} target={id} zone={zone} onClose={() => setSending(null)} />}
      {menu !== null && (
        <Menu
          at={menu.at}
          label="Commands"
          onClose={() => setMenu(null)}
          entries={[
            {
              label: 'Fill from the samples',
              icon: Play,
              run: () => setRequest({ action: 'refresh', rollup: menu.rollup, from: null, to: null }),
            },
            { label: 'Drop', danger: true, run: () => setRequest({ action: 'drop', rollup: menu.rollup }) },
          ]}
        />
      )}
      {request !== null && (
        <SchemaPlanDialog
          id={id}
          request={request}
          onClose={(done) => {
            setRequest(null);
            if (done) {
              setSettings(null);
              void read();
            }
          }}
          onInvalid={(error) => {
            setRequest(null);
            if (isAppError(error, 'config.invalid')) {
              setIssues(
                new Map(
                  error.details.issues.map(({ path, message }) => [
                    path.replace(/^(?:request\.)?settings\./, ''),
                    message,
                  ]),
                ),
              );
            }
          }}
        />
      )}
    </div>
  );
}
