import { type ReactNode, useEffect, useState } from 'react';
import { errorText, useAbort, useClient } from '#renderer/client/index.ts';
import { Banner, Button, Dialog, Skeleton } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { LogEntry } from '#shared/rpc/contract.ts';

type Level = LogEntry['level'];

const levelChoices: readonly { readonly value: Level; readonly label: string }[] = [
  { value: 'debug', label: 'Debug and above' },
  { value: 'info', label: 'Info and above' },
  { value: 'warn', label: 'Warnings and errors' },
  { value: 'error', label: 'Errors' },
];

/** The rows come after the dialog has looked for what takes the focus. */
const focusIt = (element: HTMLSelectElement | null): void => element?.focus();

interface Levels {
  readonly level: Level;
  readonly modules: readonly { readonly module: string; readonly level: Level | null }[];
}

/** What the engine writes, by module. Each choice holds at once, for every screen, until the engine is restarted. */
export function LevelsDialog({
  module: focused,
  onClose,
}: {
  /** The module that was asked about; null where none was. */
  readonly module: string | null;
  readonly onClose: () => void;
}): ReactNode {
  const client = useClient();
  const newAbort = useAbort();
  const [levels, setLevels] = useState<Levels | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);

  const read = async (): Promise<void> => {
    try {
      setLevels(await client.rpc.engine.logLevels(undefined, { signal: newAbort() }));
    } catch (error) {
      if (!isAppError(error, 'rpc.cancelled')) setRefusal(errorText(error));
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: read when the dialog opens, and after each change
  useEffect(() => void read(), []);

  const write = async (input: Parameters<typeof client.rpc.engine.setLogLevel>[0]): Promise<void> => {
    setRefusal(null);
    try {
      await client.rpc.engine.setLogLevel(input);
      await read();
    } catch (error) {
      setRefusal(errorText(error));
    }
  };

  return (
    <Dialog
      title="What the engine writes"
      width="34rem"
      onClose={onClose}
      footer={
        <Button look="primary" onClick={onClose}>
          Close
        </Button>
      }
    >
      <div className="form-stack">
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        <p className="quiet">
          Debug lines of a busy connection fill the log files fast. A restart forgets these levels.
        </p>
        {levels === null ? (
          <Skeleton rows={4} />
        ) : (
          <table className="plain log-levels">
            <thead>
              <tr>
                <th>Module</th>
                <th>Writes</th>
              </tr>
            </thead>
            <tbody>
              <tr>
                <td>All modules</td>
                <td>
                  <select
                    className="select"
                    aria-label="Level of all modules"
                    ref={focused === null ? focusIt : undefined}
                    value={levels.level}
                    onChange={(event) => void write({ module: null, level: event.target.value as Level })}
                  >
                    {levelChoices.map((choice) => (
                      <option key={choice.value} value={choice.value}>
                        {choice.label}
                      </option>
                    ))}
                  </select>
                </td>
              </tr>
              {levels.modules.map(({ module, level }) => (
                <tr key={module}>
                  <td className="log-module">{module}</td>
                  <td>
                    <select
                      className="select"
                      aria-label={`Level of ${module}`}
                      ref={module === focused ? focusIt : undefined}
                      value={level ?? ''}
                      onChange={(event) =>
                        void write({ module, level: event.target.value === '' ? null : (event.target.value as Level) })
                      }
                    >
                      <option value="">As all modules</option>
                      {levelChoices.map((choice) => (
                        <option key={choice.value} value={choice.value}>
                          {choice.label}
                        </option>
                      ))}
                    </select>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </Dialog>
  );
}
