import type { ReactNode } from 'react';
import { useProject } from '#renderer/client/index.ts';
import { Button, Dialog } from '#renderer/ui/index.ts';
import { type ConnectionDraft, differences } from './connection-draft.ts';

/** Two windows edited one connection: both versions side by side, and the choice. */
export function ConflictDialog({
  draft,
  onReload,
  onOverwrite,
  onClose,
}: {
  readonly draft: ConnectionDraft;
  readonly onReload: () => void;
  readonly onOverwrite: () => void;
  readonly onClose: () => void;
}): ReactNode {
  const project = useProject((state) => state);
  const found = differences(draft, project);
  return (
    <Dialog
      title={`"${draft.connection.name}" was changed in another window`}
      width="38rem"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Go on editing</Button>
          <span className="toolbar-gap" />
          <Button onClick={onReload}>Take theirs</Button>
          <Button look="danger" onClick={onOverwrite}>
            Overwrite with mine
          </Button>
        </>
      }
    >
      <p>Nothing was saved. The versions differ here:</p>
      <table className="plain conflict">
        <thead>
          <tr>
            <th>Setting</th>
            <th>Here</th>
            <th>In the project now</th>
          </tr>
        </thead>
        <tbody>
          {found.map((difference) => (
            <tr key={difference.what}>
              <td>{difference.what}</td>
              <td className="mono">{difference.mine}</td>
              <td className="mono">{difference.theirs}</td>
            </tr>
          ))}
          {found.length === 0 && (
            <tr>
              <td colSpan={3} className="quiet">
                They are the same by now; saving goes through.
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </Dialog>
  );
}
