import { type ReactNode, useState } from 'react';
import { Button, Dialog, TextField } from '#renderer/ui/index.ts';

/** Asks for a name; Enter takes it. */
export function NameDialog({
  title,
  start,
  verb,
  onName,
  onClose,
}: {
  readonly title: string;
  readonly start: string;
  readonly verb: string;
  readonly onName: (name: string) => void;
  readonly onClose: () => void;
}): ReactNode {
  const [name, setName] = useState(start);
  const fault =
    name.trim() === '' ? 'A name is needed.' : name.trim().length > 200 ? 'At most 200 characters.' : undefined;
  const take = (): void => {
    if (fault !== undefined) return;
    onName(name.trim());
    onClose();
  };
  return (
    <Dialog
      title={title}
      width="24rem"
      onClose={onClose}
      onSubmit={take}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" disabled={fault !== undefined}>
            {verb}
          </Button>
        </>
      }
    >
      <TextField label="Name" value={name} onChange={setName} error={fault} autoFocus />
    </Dialog>
  );
}
