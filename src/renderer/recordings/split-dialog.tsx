import { type ReactNode, useState } from 'react';
import { errorText, useClient, useZone } from '#renderer/client/index.ts';
import { Banner, Button, Dialog, formatBytes, SelectField, TextField } from '#renderer/ui/index.ts';
import type { RecordingFile } from '#shared/model/index.ts';

/** Asks how a recording is split, and has it done. */
export function SplitDialog({
  file,
  onClose,
}: {
  readonly file: RecordingFile;
  readonly onClose: () => void;
}): ReactNode {
  const client = useClient();
  const zone = useZone() ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const [by, setBy] = useState<'days' | 'size'>('days');
  const [megabytes, setMegabytes] = useState('100');
  const [refusal, setRefusal] = useState<string | null>(null);
  const bytes = Math.round(Number(megabytes.replace(',', '.')) * 1e6);
  const sizeError =
    by === 'days' || (Number.isFinite(bytes) && bytes >= 1e6 && bytes <= 1e15)
      ? undefined
      : 'A size of 1 MB or more is needed.';
  const split = async (): Promise<void> => {
    if (sizeError !== undefined) return;
    try {
      const how = by === 'days' ? { kind: 'days' as const, zone } : { kind: 'size' as const, bytes };
      await client.rpc.recordingJobs.start({ kind: 'split', id: file.id, by: how });
      onClose();
    } catch (error) {
      setRefusal(errorText(error));
    }
  };
  return (
    <Dialog
      title={`Split "${file.name}"`}
      onClose={onClose}
      onSubmit={() => void split()}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" disabled={sizeError !== undefined}>
            Split
          </Button>
        </>
      }
    >
      <div className="form-stack">
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        <p>The recording of {formatBytes(file.bytes)} stays as it is. The parts are new recordings beside it.</p>
        <SelectField
          label="Into"
          value={by}
          onChange={setBy}
          choices={[
            { value: 'days', label: `days of ${zone}` },
            { value: 'size', label: 'parts of a size' },
          ]}
        />
        {by === 'size' && (
          <TextField
            label="Size of a part"
            unit="MB"
            value={megabytes}
            onChange={setMegabytes}
            {...(sizeError === undefined ? {} : { error: sizeError })}
          />
        )}
      </div>
    </Dialog>
  );
}
