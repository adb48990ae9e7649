import { Play, Square } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { errorText, useAbort, useClient } from '#renderer/client/index.ts';
import { Banner, Button, SelectField, TestSteps, TextField } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { ConnectionDocument, DeviceDocument, TestStep } from '#shared/model/index.ts';

/**
 * Walks from the network card to one value and shows each step when it is done. Works on unsaved settings; the engine
 * uses the link that is there already where it can.
 */
export function TestLadder({
  connection,
  devices,
  exampleAddress,
}: {
  readonly connection: ConnectionDocument;
  readonly devices: readonly DeviceDocument[];
  readonly exampleAddress: string;
}): ReactNode {
  const client = useClient();
  const newSignal = useAbort();
  const [deviceId, setDeviceId] = useState(devices[0]?.id ?? '');
  const [address, setAddress] = useState('');
  const [steps, setSteps] = useState<readonly TestStep[]>([]);
  const [running, setRunning] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const device = devices.find((entry) => entry.id === deviceId) ?? devices[0];

  // biome-ignore lint/correctness/useExhaustiveDependencies: another connection has other results
  useEffect(() => {
    setSteps([]);
    setRefusal(null);
  }, [connection.id]);

  const run = async (): Promise<void> => {
    if (device === undefined) return;
    const signal = newSignal();
    setSteps([]);
    setRefusal(null);
    setRunning(true);
    try {
      const input = { connection, device, address: address.trim() === '' ? null : address.trim() };
      for await (const step of client.rpc.connections.test(input, { signal })) {
        setSteps((known) => [...known, step]);
      }
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
        className="ladder-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!running) void run();
        }}
      >
        <SelectField
          label="Device"
          value={device?.id ?? ''}
          onChange={setDeviceId}
          choices={devices.map((entry) => ({ value: entry.id, label: entry.name }))}
        />
        <TextField
          label="Address to read"
          optional
          mono
          value={address}
          onChange={setAddress}
          placeholder={`such as ${exampleAddress}`}
        />
        {running ? (
          <Button icon={Square} onClick={stop}>
            Stop
          </Button>
        ) : (
          <Button look="primary" icon={Play} type="submit" disabled={device === undefined}>
            Test
          </Button>
        )}
      </form>
      {refusal !== null && <Banner tone="error">{refusal}</Banner>}
      {steps.length === 0 && !running && refusal === null && (
        <p className="quiet">
          The test walks network card, address, connection, protocol, device and one read, and says at each step what it
          found. Settings need not be saved.
        </p>
      )}
      <TestSteps steps={steps} running={running} rawTitle="Bytes on the wire" />
    </section>
  );
}
