import { type ReactNode, useState } from 'react';
import { errorText, useClient, useZone } from '#renderer/client/index.ts';
import { Banner, Button, Dialog, Field, formatTime } from '#renderer/ui/index.ts';
import type { UnixMicros } from '#shared/model/index.ts';

/** A note at a time or over a stretch of it; it stays with the history and with recordings cut from it. */
export function NoteDialog({
  place,
  onAdded,
  onClose,
}: {
  /** Null is the moment at which the dialog opens. */
  readonly place: { readonly from: UnixMicros; readonly to: UnixMicros | null } | null;
  readonly onAdded: () => void;
  readonly onClose: () => void;
}): ReactNode {
  const client = useClient();
  const zone = useZone();
  const [{ from, to }] = useState(() => place ?? { from: Math.round(client.now()), to: null });
  const [text, setText] = useState('');
  const [refusal, setRefusal] = useState<string | null>(null);
  const add = async (): Promise<void> => {
    if (text.trim() === '') return;
    try {
      await client.rpc.history.addNote({ from, to, text: text.trim(), tagIds: [] });
      onAdded();
      onClose();
    } catch (error) {
      setRefusal(errorText(error));
    }
  };
  const start = formatTime(from, zone, 'millisecond');
  return (
    <Dialog
      title={to === null ? `Note at ${start}` : `Note from ${start} to ${formatTime(to, zone, 'millisecond')}`}
      onClose={onClose}
      onSubmit={() => void add()}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" disabled={text.trim() === ''}>
            Add the note
          </Button>
        </>
      }
    >
      <div className="form-stack">
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        <Field label="Text" help="Ctrl+Enter adds it.">
          {(ids) => (
            <textarea
              {...ids}
              className="textarea"
              rows={4}
              maxLength={4000}
              data-autofocus
              value={text}
              onChange={(event) => setText(event.target.value)}
              onKeyDown={(event) => {
                if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void add();
              }}
            />
          )}
        </Field>
      </div>
    </Dialog>
  );
}
