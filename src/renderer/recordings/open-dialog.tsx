import type { ReactNode } from 'react';
import { useStores } from '#renderer/client/index.ts';
import { Button, Dialog } from '#renderer/ui/index.ts';

/** In a browser: how a recording that is not in the list gets into it. The desktop has the system's own dialog. */
export function OpenRecordingDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const data = useStores('health', (state) => state.health?.dataDirectory ?? '');
  const folder = `${data}${data.includes('\\') ? '\\' : '/'}recordings`;
  return (
    <Dialog title="Open a recording file" onClose={onClose} footer={<Button onClick={onClose}>Close</Button>}>
      <div className="form-stack">
        <p>
          Copy the file into the folder for recordings, on the computer where the engine runs. It is in the list within
          some seconds.
        </p>
        <p className="mono">{folder}</p>
        <p className="quiet">A browser opens nothing from other folders. The desktop program can, also from a stick.</p>
      </div>
    </Dialog>
  );
}
