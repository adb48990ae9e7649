import { type ReactNode, useState } from 'react';
import { errorText, useClient, useZone } from '#renderer/client/index.ts';
import { Banner, Button, Dialog, Field, formatTime } from '#renderer/ui/index.ts';

/** An operator's note at the present moment. */
export function NoteDialog({
  onClose,
  onAdded,
}: {
  readonly onClose: () => void;
  readonly onAdded?: () => void;
}): ReactNode {
  const client = useClient();
  const zone = useZone();
  const [at] = useState(() => client.now());
  const [text, setText] = useState('');
  const [refusal, setRefusal] = useState<string | null>(null);
  const submit = async (): Promise<void> => {
    if (text.trim() === '') return;
    try {
      await client.rpc.history.addNote({ from: Math.round(at), to: null, text: text.trim(), tagIds: [] });
      onAdded?.();
      onClose();
    } catch (error) {
      setRefusal(errorText(error));
    }
  };
  return (
    <Dialog
      title={`Note at ${formatTime(at, zone)}`}
      onClose={onClose}
      onSubmit={() => void submit()}
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
        <Field label="Text">
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
                if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void submit();
              }}
            />
          )}
        </Field>
      </div>
    </Dialog>
  );
}
