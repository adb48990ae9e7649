import { type ReactNode, useState } from 'react';
import { Button, Dialog, SelectField, TextField } from '#renderer/ui/index.ts';
import { readShift, type TraceParts, writeShift } from './trace-key.ts';
import type { TrendSourceName } from './use-trace-tags.ts';

const OWN = '';

/** Whose samples a trace shows, and how much later it shows them. */
export function TraceDialog({
  name,
  parts,
  own,
  sources,
  onSave,
  onClose,
}: {
  readonly name: string;
  readonly parts: TraceParts;
  /** Name of the source that the trend is looked at on. */
  readonly own: string;
  readonly sources: readonly TrendSourceName[];
  /** Gives a sentence where it cannot be so. */
  readonly onSave: (parts: TraceParts) => string | null;
  readonly onClose: () => void;
}): ReactNode {
  const [source, setSource] = useState(parts.source ?? OWN);
  const [text, setText] = useState(writeShift(parts.shiftMs));
  const [refused, setRefused] = useState<string | null>(null);
  const shiftMs = text.trim() === '' ? 0 : readShift(text);
  const fault = shiftMs === null ? 'Write a time such as 1 d, -2 h 30 min or 250 ms.' : undefined;
  const save = (): void => {
    if (shiftMs === null) return;
    const sentence = onSave({ ...parts, source: source === OWN ? null : source, shiftMs });
    setRefused(sentence);
    if (sentence === null) onClose();
  };
  const known = sources.some(({ id }) => id === source) || source === OWN;
  return (
    <Dialog
      title={`Trace "${name}"`}
      width="26rem"
      onClose={onClose}
      onSubmit={save}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" disabled={fault !== undefined}>
            Apply
          </Button>
        </>
      }
    >
      <div className="trace-form">
        <SelectField
          label="Source"
          value={source}
          onChange={(next) => {
            setSource(next);
            setRefused(null);
          }}
          choices={[
            { value: OWN, label: `${own} (what the trend shows)` },
            ...sources.map(({ id, name: title }) => ({ value: id, label: title })),
            ...(known ? [] : [{ value: source, label: `${source} (not open)` }]),
          ]}
          help="Where this trace's samples are read. The tag has to be there under the same name."
        />
        <TextField
          label="Shown later by"
          mono
          value={text}
          onChange={(next) => {
            setText(next);
            setRefused(null);
          }}
          error={fault}
          help="1 d puts yesterday over today; with a minus it is shown earlier."
        />
        <div className="trace-shifts">
          {['0', '1 h', '8 h', '1 d', '7 d'].map((shift) => (
            <Button key={shift} onClick={() => setText(shift)}>
              {shift === '0' ? 'Not shifted' : `+${shift}`}
            </Button>
          ))}
        </div>
        {refused !== null && (
          <p className="field-error" role="alert">
            {refused}
          </p>
        )}
      </div>
    </Dialog>
  );
}
