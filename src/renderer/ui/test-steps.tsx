import { type ReactNode, useEffect, useRef } from 'react';
import type { TestStep } from '#shared/model/index.ts';
import { CopyButton } from './copy-button.tsx';
import { formatDuration } from './format.ts';
import { Mark } from './marks.tsx';
import './test-steps.css';

/** The steps of a connection test as they come in, and the closing sentence when there are no more. */
export function TestSteps({
  steps,
  running,
  rawTitle,
}: {
  readonly steps: readonly TestStep[];
  readonly running: boolean;
  /** What the raw lines of a step are: bytes on the wire, what was asked. */
  readonly rawTitle: string;
}): ReactNode {
  const list = useRef<HTMLOListElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: every new step is brought into sight
  useEffect(() => {
    // What it gives back is a promise in newer browsers, which an effect would take for its cleaning up.
    void list.current?.lastElementChild?.scrollIntoView({ block: 'nearest' });
  }, [steps.length]);
  return (
    <>
      <ol className="ladder-steps" ref={list} aria-live="polite">
        {steps.map((step) => (
          <Step key={step.name} step={step} rawTitle={rawTitle} />
        ))}
        {running && (
          <li className="ladder-step">
            <Mark tone="info" shape="dashed">
              Next step
            </Mark>
            <span className="quiet">working</span>
          </li>
        )}
      </ol>
      {!running && steps.length > 0 && <Summary steps={steps} />}
    </>
  );
}

function Summary({ steps }: { readonly steps: readonly TestStep[] }): ReactNode {
  const failed = steps.find((step) => !step.ok && !step.skipped);
  return failed === undefined ? (
    <p className="ladder-summary">
      <Mark tone="ok" shape="disc">
        All steps passed.
      </Mark>
    </p>
  ) : (
    <p className="ladder-summary">
      <Mark tone="error" shape="cross">
        {`The test ended at "${failed.name}".`}
      </Mark>
    </p>
  );
}

function Step({ step, rawTitle }: { readonly step: TestStep; readonly rawTitle: string }): ReactNode {
  const mark = step.skipped
    ? ({ tone: 'quiet', shape: 'ring', word: 'Skipped' } as const)
    : step.ok
      ? ({ tone: 'ok', shape: 'disc', word: 'Passed' } as const)
      : ({ tone: 'error', shape: 'cross', word: 'Failed' } as const);
  return (
    <li className="ladder-step" data-failed={step.ok || step.skipped ? undefined : ''}>
      <Mark tone={mark.tone} shape={mark.shape} title={mark.word}>
        {step.name}
        <span className="visually-hidden">: {mark.word}</span>
      </Mark>
      <div className="selectable">
        <p>{step.says}</p>
        {step.advice !== null && <p className="ladder-advice">{step.advice}</p>}
        {step.raw.length > 0 && (
          <details>
            <summary className="quiet">{rawTitle}</summary>
            {step.raw.map((line, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines never move
              <pre key={index} className="mono ladder-hex">
                <span className="quiet">{line.direction === 'sent' ? 'sent     ' : 'received '}</span>
                {line.hex}
              </pre>
            ))}
            <CopyButton text={() => step.raw.map((line) => `${line.direction}: ${line.hex}`).join('\n')} />
          </details>
        )}
      </div>
      <span className="mono quiet ladder-ms">{step.skipped ? '' : formatDuration(step.ms)}</span>
    </li>
  );
}
