import { type ReactNode, useState } from 'react';
import { errorText } from '#renderer/client/index.ts';
import { Banner, Button, Dialog, TextField } from '#renderer/ui/index.ts';
import { useOpenRecording } from './use-open-recording.ts';

/** A recording that is not in the list: by its path on the engine's machine. */
export function OpenRecordingDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const { open } = useOpenRecording();
  const [path, setPath] = useState('');
  const [refusal, setRefusal] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (): Promise<void> => {
    if (path.trim() === '' || busy) return;
    setBusy(true);
    setRefusal(null);
    try {
      await open({ path: path.trim() });
      onClose();
    } catch (error) {
      setRefusal(errorText(error));
      setBusy(false);
    }
  };
  return (
    <Dialog
      title="Open a recording file"
      onClose={onClose}
      onSubmit={() => void submit()}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" disabled={path.trim() === '' || busy}>
            Open
          </Button>
        </>
      }
    >
      <div className="form-stack">
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        <TextField
          label="Path of the file"
          mono
          data-autofocus
          value={path}
          onChange={setPath}
          placeholder="D:\recordings\coil 4711.parx"
          help="On the computer where the engine runs. The file is only read; it may lie on a stick or a share."
        />
      </div>
    </Dialog>
  );
}
