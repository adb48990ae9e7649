import { Play, Square } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { errorText, useAbort, useClient } from '#renderer/client/index.ts';
import { Banner, Button, TestSteps } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { TestStep } from '#shared/model/index.ts';
import type { BackendEntry } from '#shared/rpc/catalogue.ts';
import { cleanSource, type SourceDraft } from './source-draft.ts';

/** Walks from the address to one read and shows each step when it is done. Settings need not be saved. */
export function SourceTest({
  draft,
  backend,
}: {
  readonly draft: SourceDraft;
  readonly backend: BackendEntry;
}): ReactNode {
  const client = useClient();
  const newSignal = useAbort();
  const [steps, setSteps] = useState<readonly TestStep[]>([]);
  const [running, setRunning] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const { id } = draft.source;

  // biome-ignore lint/correctness/useExhaustiveDependencies: another source has other results
  useEffect(() => {
    setSteps([]);
    setRefusal(null);
  }, [id]);

  const run = async (): Promise<void> => {
    const signal = newSignal();
    setSteps([]);
    setRefusal(null);
    setRunning(true);
    try {
      const { settings, limits } = cleanSource(draft.source, backend);
      const input = { id, backend: backend.id, settings, secrets: draft.secrets, limits };
      for await (const step of client.rpc.sources.test(input, { signal })) setSteps((known) => [...known, step]);
    } catch (error) {
      if (!isAppError(error, 'rpc.cancelled')) {
        const issues = isAppError(error, 'config.invalid') ? error.details.issues.map((issue) => issue.message) : [];
        setRefusal([errorText(error), ...issues.filter((issue) => issue !== errorText(error))].join(' '));
      }
    } finally {
      if (!signal.aborted) setRunning(false);
    }
  };
  const stop = (): void => {
    newSignal();
    setRunning(false);
  };

  return (
    <section className="ladder" aria-label="Connection test">
      <form
        className="source-test-bar"
        onSubmit={(event) => {
          event.preventDefault();
          if (!running) void run();
        }}
      >
        <p className="quiet">
          The test goes from the address by way of login and rights to one read, and says at each step what it found. It
          reads only, and settings need not be saved.
        </p>
        {running ? (
          <Button icon={Square} onClick={stop}>
            Stop
          </Button>
        ) : (
          <Button look="primary" icon={Play} type="submit">
            Test
          </Button>
        )}
      </form>
      {refusal !== null && <Banner tone="error">{refusal}</Banner>}
      <TestSteps steps={steps} running={running} rawTitle="What was sent and received" />
    </section>
  );
}
