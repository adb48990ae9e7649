import { type ReactNode, useEffect, useRef, useState } from 'react';
import { errorText, useClient } from '#renderer/client/index.ts';
import { Button } from '#renderer/ui/index.ts';
import type { Graph } from './graph-model.ts';

interface Fault {
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
}

const READ_MS = 300;

/**
 * The graph as text. What is typed becomes the graph as soon as it is one; until then the graph stays as it was and the
 * faults stand beside their lines.
 */
export function YamlEditor({
  graph,
  onGraph,
}: {
  readonly graph: Graph;
  readonly onGraph: (graph: Graph) => void;
}): ReactNode {
  const client = useClient();
  const [text, setText] = useState<string | null>(null);
  const [faults, setFaults] = useState<readonly Fault[]>([]);
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  /** The graph that the text stands for; another one comes from elsewhere and is written anew. */
  const told = useRef<string | null>(null);
  const current = JSON.stringify(graph);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the text of the graph stands for it
  useEffect(() => {
    if (told.current === current) return;
    const abort = new AbortController();
    if (graph.series.length === 0) {
      // A graph without a series is none yet; there is nothing to write but the beginning.
      told.current = current;
      setText(BEGINNING);
      setFaults([]);
      return;
    }
    client.rpc.graphs
      .write({ graph }, { signal: abort.signal })
      .then((written) => {
        told.current = current;
        setText(written.text);
        setFaults([]);
      })
      .catch((error: unknown) => {
        if (!abort.signal.aborted) setFaults([{ line: 1, column: 1, path: '', message: errorText(error) }]);
      });
    return () => abort.abort();
  }, [client, current]);

  const [edited, setEdited] = useState<string | null>(null);
  useEffect(() => {
    if (edited === null) return;
    const abort = new AbortController();
    const timer = window.setTimeout(() => {
      client.rpc.graphs
        .read({ name: 'graph.yaml', text: edited }, { signal: abort.signal })
        .then((read) => {
          setFaults(read.issues);
          if (read.graph === null) return;
          told.current = JSON.stringify(read.graph);
          onGraph(read.graph);
        })
        .catch((error: unknown) => {
          if (!abort.signal.aborted) setFaults([{ line: 1, column: 1, path: '', message: errorText(error) }]);
        });
    }, READ_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [client, edited, onGraph]);

  const lines = (text ?? '').split('\n');
  const faulty = new Set(faults.map(({ line }) => line));
  const goTo = ({ line, column }: Fault): void => {
    const field = area.current;
    if (field === null) return;
    const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
    field.focus();
    field.setSelectionRange(start, Math.max(start, start - column + 1 + (lines[line - 1]?.length ?? 0)));
    const height = field.scrollHeight / Math.max(1, lines.length);
    field.scrollTop = Math.max(0, (line - 4) * height);
  };
  return (
    <div className="yaml">
      <div className="yaml-text">
        <div className="yaml-gutter mono" ref={gutter} aria-hidden>
          {lines.map((_, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a line is its number
            <span key={index} data-fault={faulty.has(index + 1) ? '' : undefined}>
              {index + 1}
            </span>
          ))}
        </div>
        <textarea
          ref={area}
          className="mono"
          aria-label="The graph as YAML"
          aria-invalid={faults.length > 0}
          aria-describedby="yaml-faults"
          value={text ?? ''}
          spellCheck={false}
          wrap="off"
          onChange={(event) => {
            setText(event.target.value);
            setEdited(event.target.value);
          }}
          onScroll={(event) => {
            if (gutter.current !== null) gutter.current.scrollTop = event.currentTarget.scrollTop;
          }}
        />
      </div>
      <ul id="yaml-faults" className="yaml-faults" aria-label="Faults" aria-live="polite">
        {faults.map((fault) => (
          <li key={`${fault.line}/${fault.column}/${fault.path}/${fault.message}`}>
            <Button look="plain" onClick={() => goTo(fault)}>
              <span className="mono">
                {fault.line}:{fault.column}
              </span>
            </Button>
            <span className="selectable">
              {fault.path === '' ? '' : `${fault.path}: `}
              {fault.message}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

const BEGINNING = `version: 1
range:
  from: now-1h
  to: now
series: []
`;
