import { ListTree } from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { errorText, useClient, useSession, useStores } from '#renderer/client/index.ts';
import { Banner, Button, CopyButton, MiddleText, plural, Skeleton } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { Graph } from './graph-model.ts';

interface Part {
  readonly source: string;
  readonly backend: string;
  readonly text: string;
  readonly canPlan: boolean;
  readonly plan: string | null;
}

const PAUSE_MS = 300;

/** The words in which each source would be asked for the graph now; nothing is asked by looking at them. */
export function GraphQuery({
  graph,
  source,
  sources,
}: {
  readonly graph: Graph;
  /** Of series that name none. */
  readonly source: string;
  readonly sources: readonly { readonly id: string; readonly name: string }[];
}): ReactNode {
  const client = useClient();
  const open = useSession((state) => state.phase === 'open');
  const backends = useStores('catalogue', (state) => state.catalogue)?.backends ?? [];
  const [parts, setParts] = useState<readonly Part[] | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [plans, setPlans] = useState<ReadonlyMap<string, string | null>>(new Map());
  const [planning, setPlanning] = useState<string | null>(null);
  const asked = JSON.stringify(graph);
  const latest = useRef(asked);
  latest.current = asked;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the text of the graph stands for it
  useEffect(() => {
    if (!open) return;
    if (graph.series.length === 0) {
      setParts([]);
      setRefusal(null);
      return;
    }
    const abort = new AbortController();
    const timer = window.setTimeout(() => {
      client.rpc.sources.explain({ source, graph, planOf: null }, { signal: abort.signal }).then(
        (answer) => {
          setParts(answer.parts);
          setPlans(new Map());
          setRefusal(null);
        },
        (error: unknown) => {
          if (!abort.signal.aborted && !isAppError(error, 'rpc.cancelled')) setRefusal(errorText(error));
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [client, open, source, asked]);

  const plan = async (of: string): Promise<void> => {
    setPlanning(of);
    try {
      const answer = await client.rpc.sources.explain({ source, graph, planOf: of });
      // Of a graph that was changed meanwhile nobody wants to know.
      const told = answer.parts.find((part) => part.source === of);
      if (told === undefined || latest.current !== asked) return;
      setParts(answer.parts);
      setPlans((known) => new Map(known).set(of, told.plan));
    } catch (error) {
      client.fail(error, 'The server did not tell its plan');
    } finally {
      setPlanning(null);
    }
  };
  const nameOf = (id: string): string => sources.find((one) => one.id === id)?.name ?? id;
  const wanted = new Set(graph.series.map((one) => one.source ?? source));
  const silent = parts === null ? [] : [...wanted].filter((id) => parts.every((part) => part.source !== id));

  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll what is longer than the room
    <section className="graph-query" aria-label="Query of each source" tabIndex={0}>
      {refusal !== null && <Banner tone="error">{refusal}</Banner>}
      {parts === null && refusal === null && <Skeleton rows={6} />}
      {parts?.length === 0 && graph.series.length === 0 && (
        <p className="quiet">
          No series yet. Search for a metric at the left; what each source is asked stands here then.
        </p>
      )}
      {refusal === null && graph.series.length > 0 && silent.length > 0 && (
        <Banner tone="warn">
          {`${silent.map(nameOf).join(', ')}: ${silent.length === 1 ? 'this source does' : `these ${plural(silent.length, 'source')} do`} not answer now, so there is no query for ${silent.length === 1 ? 'it' : 'them'}. Look at the Backends page.`}
        </Banner>
      )}
      {parts?.map((part) => (
        <QueryPart
          key={part.source}
          part={part}
          name={nameOf(part.source)}
          backend={backends.find(({ id }) => id === part.backend)?.title ?? part.backend}
          plan={plans.get(part.source)}
          planning={planning === part.source}
          onPlan={() => void plan(part.source)}
        />
      ))}
    </section>
  );
}

function QueryPart({
  part,
  name,
  backend,
  plan,
  planning,
  onPlan,
}: {
  readonly part: Part;
  readonly name: string;
  readonly backend: string;
  /** Null: the server could not tell; undefined: nobody has asked. */
  readonly plan: string | null | undefined;
  readonly planning: boolean;
  readonly onPlan: () => void;
}): ReactNode {
  return (
    <article className="graph-query-part" aria-label={name}>
      <div className="graph-query-head">
        <h3>
          <MiddleText text={name} />
        </h3>
        <span className="quiet">{backend}</span>
        <span className="toolbar-gap" />
        {part.canPlan && (
          <Button
            icon={ListTree}
            disabled={planning}
            onClick={onPlan}
            title="The server is asked how it would go about it"
          >
            {planning ? 'Asking' : 'Plan'}
          </Button>
        )}
        <CopyButton text={() => part.text} label="Copy the query" />
      </div>
      <pre className="mono sql">{part.text}</pre>
      {plan !== undefined && (
        <>
          <div className="graph-query-head">
            <h3>Plan</h3>
            <span className="toolbar-gap" />
            {plan !== null && <CopyButton text={() => plan} label="Copy the plan" />}
          </div>
          {plan === null ? <p className="quiet">The server could not tell.</p> : <pre className="mono sql">{plan}</pre>}
        </>
      )}
    </article>
  );
}
