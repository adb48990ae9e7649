import { type ReactNode, useEffect, useRef, useState } from 'react';
import { errorText, useAbort, useClient } from '#renderer/client/index.ts';
import { Banner, Button, Check, CopyButton, Dialog, Mark, plural, Skeleton } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { SchemaPlan, SchemaProgress, SchemaRequest } from '#shared/model/own-schema.ts';

const titles: Readonly<Record<SchemaRequest['action'], string>> = {
  install: 'What would be done at the server',
  refresh: 'Fill the aggregate from the samples',
  drop: 'Drop the aggregate',
  prune: 'Remove old samples',
  remove: 'Remove the tables and their samples',
};

const nothing = 'There is nothing to do: the server is as the settings say.';
const nothingToDo: Readonly<Record<SchemaRequest['action'], string>> = {
  install: nothing,
  refresh: 'There are no samples to fill it from.',
  drop: nothing,
  prune: 'There is nothing to remove: no sample that can go is before this time.',
  remove: nothing,
};

/** Every statement before it is carried out, consent, and the steps as they end. Nothing is done before the click. */
export function SchemaPlanDialog({
  id,
  request,
  onClose,
  onInvalid,
}: {
  readonly id: string;
  readonly request: SchemaRequest;
  /** Told whether anything may have been done. */
  readonly onClose: (done: boolean) => void;
  /** Settings that do not fit; they are marked in the form behind. */
  readonly onInvalid: (error: unknown) => void;
}): ReactNode {
  const client = useClient();
  const newSignal = useAbort();
  const [plan, setPlan] = useState<SchemaPlan | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [consent, setConsent] = useState(false);
  const [progress, setProgress] = useState<readonly SchemaProgress[]>([]);
  const [phase, setPhase] = useState<'plan' | 'running' | 'done'>('plan');
  const [round, setRound] = useState(0);
  const invalid = useRef(onInvalid);
  invalid.current = onInvalid;

  // biome-ignore lint/correctness/useExhaustiveDependencies: planned anew when the server was found changed
  useEffect(() => {
    const signal = newSignal();
    setPlan(null);
    setConsent(false);
    client.rpc.sources.schemaPlan({ id, request }, { signal }).then(setPlan, (error: unknown) => {
      if (signal.aborted) return;
      if (isAppError(error, 'config.invalid')) invalid.current(error);
      else setRefusal(errorText(error));
    });
  }, [client, id, request, round]);

  const destructive = plan?.steps.filter((step) => step.destructive).length ?? 0;
  const apply = async (): Promise<void> => {
    if (plan === null) return;
    const signal = newSignal();
    setPhase('running');
    setProgress([]);
    setRefusal(null);
    try {
      for await (const step of client.rpc.sources.schemaApply({ id, request, token: plan.token }, { signal })) {
        setProgress((known) => [...known, step]);
      }
      setPhase('done');
    } catch (error) {
      if (isAppError(error, 'rpc.cancelled')) return;
      setPhase('plan');
      if (isAppError(error, 'store.conflict')) {
        setRefusal('The server was changed meanwhile, and nothing was done. This is what would be done now.');
        setRound(round + 1);
      } else setRefusal(errorText(error));
    }
  };
  const last = progress.at(-1);
  const started = progress.length > 0 || phase !== 'plan';

  return (
    <Dialog
      title={titles[request.action]}
      width="52rem"
      reading
      onClose={() => onClose(started)}
      footer={
        <>
          {plan !== null && plan.steps.length > 0 && (
            <CopyButton label="Copy the SQL" text={() => plan.steps.map(({ sql }) => sql).join('\n\n')} />
          )}
          <span className="toolbar-gap" />
          <Button onClick={() => onClose(started)}>
            {phase === 'plan' ? 'Cancel' : phase === 'running' ? 'Stop' : 'Close'}
          </Button>
          {phase !== 'done' && (
            <Button
              look={destructive > 0 ? 'danger' : 'primary'}
              disabled={
                plan === null || plan.steps.length === 0 || phase === 'running' || (destructive > 0 && !consent)
              }
              onClick={() => void apply()}
            >
              {plan === null || plan.steps.length === 0
                ? 'Carry out'
                : `Carry out ${plural(plan.steps.length, 'statement')}`}
            </Button>
          )}
        </>
      }
    >
      <div className="plan">
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        {plan === null && refusal === null && <Skeleton rows={6} />}
        {plan !== null && phase === 'plan' && (
          <>
            {plan.warnings.map((warning) => (
              <Banner key={warning} tone="warn">
                {warning}
              </Banner>
            ))}
            {plan.steps.length === 0 ? (
              <p>{nothingToDo[request.action]}</p>
            ) : (
              <p className="quiet">
                These statements are sent in this order when you consent, and no others. Steps that belong together are
                done as a whole or not at all.
              </p>
            )}
            <ol className="plan-steps">
              {plan.steps.map((step, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a plan does not change
                <li key={at}>
                  <p className="plan-says">
                    <span className="mono quiet">{at + 1}</span>
                    <span>{step.says}</span>
                    {step.destructive && (
                      <Mark tone="error" shape="triangle">
                        Loses data
                      </Mark>
                    )}
                  </p>
                  <pre className="mono sql">{step.sql}</pre>
                </li>
              ))}
            </ol>
            {destructive > 0 && (
              <Check
                label={
                  plan.steps.length === 1
                    ? 'This loses samples or settings for good. Do it.'
                    : `${destructive} of these statements ${destructive === 1 ? 'loses' : 'lose'} samples or settings for good. Do it.`
                }
                checked={consent}
                onChange={setConsent}
              />
            )}
          </>
        )}
        {phase !== 'plan' && (
          <>
            <progress value={last?.done ?? 0} max={last?.total ?? 1} aria-label="Statements that are done" />
            <ol className="plan-done" aria-live="polite">
              {progress.map((step) => (
                <li key={step.done}>
                  <Mark tone="ok" shape="disc">
                    {step.says}
                  </Mark>
                </li>
              ))}
            </ol>
            {phase === 'done' && <p className="ladder-summary">All of it is done.</p>}
          </>
        )}
      </div>
    </Dialog>
  );
}
