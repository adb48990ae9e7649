import { ArrowDown } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { errorText, useClient } from '#renderer/client/index.ts';
import { Banner, Button, Dialog, IconButton, MiddleText, TextField } from '#renderer/ui/index.ts';
import type { RecordingFile } from '#shared/model/index.ts';

/** Asks in which order recordings are merged, and has it done. */
export function MergeDialog({
  files,
  onClose,
}: {
  readonly files: readonly RecordingFile[];
  readonly onClose: () => void;
}): ReactNode {
  const client = useClient();
  const [order, setOrder] = useState(() => [...files].sort((a, b) => (a.from ?? 0) - (b.from ?? 0)));
  const [name, setName] = useState(order[0]?.name ?? '');
  const [refusal, setRefusal] = useState<string | null>(null);
  const merge = async (): Promise<void> => {
    if (name.trim() === '') return;
    try {
      await client.rpc.recordingJobs.start({ kind: 'merge', ids: order.map(({ id }) => id), name: name.trim() });
      onClose();
    } catch (error) {
      setRefusal(errorText(error));
    }
  };
  const moveDown = (at: number): void => {
    setOrder((known) => known.map((file, i) => (i === at ? known[at + 1]! : i === at + 1 ? known[at]! : file)));
  };
  return (
    <Dialog
      title={`Merge ${files.length} recordings`}
      onClose={onClose}
      onSubmit={() => void merge()}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" disabled={name.trim() === ''}>
            Merge
          </Button>
        </>
      }
    >
      <div className="form-stack">
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        <p>
          The recordings stay as they are. Where two have a sample of one tag at the same time, that of the one further
          down is taken, and so are its names and scaling.
        </p>
        <ol className="rec-order" aria-label="Order">
          {order.map((file, at) => (
            <li key={file.id}>
              <MiddleText text={file.name} />
              {at + 1 < order.length && (
                <IconButton icon={ArrowDown} label={`Move ${file.name} down`} onClick={() => moveDown(at)} />
              )}
            </li>
          ))}
        </ol>
        <TextField label="Name of the new recording" value={name} onChange={setName} />
      </div>
    </Dialog>
  );
}
