import { type ReactNode, useState } from 'react';
import { Button, Check, Dialog, TextField } from '#renderer/ui/index.ts';
import type { TrendAxis } from './trend-model.ts';

export interface AxisChange {
  readonly label: string;
  readonly low: number | null;
  readonly high: number | null;
}

const read = (text: string): number => Number(text.trim().replace(',', '.').replace('\u2212', '-'));

/** Label and range of one axis; without a range it scales by itself. */
export function AxisDialog({
  axis,
  shown,
  onSave,
  onClose,
}: {
  readonly axis: TrendAxis;
  /** What it shows now, to start from. */
  readonly shown: { readonly low: number; readonly high: number } | null;
  readonly onSave: (change: AxisChange) => void;
  readonly onClose: () => void;
}): ReactNode {
  const [label, setLabel] = useState(axis.label);
  const [auto, setAuto] = useState(axis.low === null || axis.high === null);
  const [low, setLow] = useState(String(axis.low ?? shown?.low ?? 0));
  const [high, setHigh] = useState(String(axis.high ?? shown?.high ?? 1));
  const isNumber = (text: string): boolean => text.trim() !== '' && Number.isFinite(read(text));
  const lowFault = auto || isNumber(low) ? undefined : 'Write a number, such as -5 or 2.5.';
  const highFault = auto
    ? undefined
    : !isNumber(high)
      ? 'Write a number, such as -5 or 2.5.'
      : lowFault === undefined && read(high) <= read(low)
        ? 'The upper end has to be larger than the lower one.'
        : undefined;
  const save = (): void => {
    if (lowFault !== undefined || highFault !== undefined) return;
    onSave({ label: label.trim(), low: auto ? null : read(low), high: auto ? null : read(high) });
    onClose();
  };
  return (
    <Dialog
      title="Axis"
      width="22rem"
      onClose={onClose}
      onSubmit={save}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" disabled={lowFault !== undefined || highFault !== undefined}>
            Apply
          </Button>
        </>
      }
    >
      <TextField label="Label" value={label} onChange={setLabel} maxLength={100} help="Usually the unit." />
      <Check label="Scales by itself to what is visible" checked={auto} onChange={setAuto} />
      <TextField label="Lower end" mono value={low} onChange={setLow} disabled={auto} error={lowFault} />
      <TextField label="Upper end" mono value={high} onChange={setHigh} disabled={auto} error={highFault} />
    </Dialog>
  );
}
