import { type ReactNode, useId, useState } from 'react';
import { Button } from './controls.tsx';
import { Dialog } from './dialog.tsx';
import type { Difference } from './differences.ts';

const show = (value: unknown): string =>
  value === undefined ? 'default' : typeof value === 'string' ? value : JSON.stringify(value);

/** A difference as it is told: the setting in words, and what stands for either version where data says little. */
export interface ShownDifference extends Difference {
  readonly what: string;
  readonly texts?: { readonly mine: string; readonly theirs: string };
}

/**
 * Two windows edited one document: both versions side by side, and the choice between them setting by setting. What was
 * changed in one of the two alone is chosen from that one to begin with.
 */
export function ConflictDialog({
  name,
  differences,
  onReload,
  onSave,
  onClose,
}: {
  readonly name: string;
  readonly differences: readonly ShownDifference[];
  /** All of theirs: the draft goes. */
  readonly onReload: () => void;
  /** Mine, with these places as they are in theirs. */
  readonly onSave: (theirs: readonly Difference[]) => void;
  readonly onClose: () => void;
}): ReactNode {
  const group = useId();
  const [chosen, setChosen] = useState<ReadonlyMap<string, 'mine' | 'theirs'>>(new Map());
  const keyOf = ({ path }: Difference): string => path.join('\n');
  const choiceOf = (one: ShownDifference): 'mine' | 'theirs' =>
    chosen.get(keyOf(one)) ?? (one.untouched === 'mine' ? 'theirs' : 'mine');
  const theirs = differences.filter((one) => choiceOf(one) === 'theirs');
  const cell = (one: ShownDifference, at: number, side: 'mine' | 'theirs'): ReactNode => (
    <td>
      <label className="conflict-choice">
        <input
          type="radio"
          name={`${group}-${at}`}
          aria-label={`${one.what}: ${side === 'mine' ? 'as here' : 'as in the project'}`}
          checked={choiceOf(one) === side}
          onChange={() => setChosen(new Map(chosen).set(keyOf(one), side))}
        />
        <span className="mono">{one.texts?.[side] ?? show(one[side])}</span>
      </label>
    </td>
  );
  return (
    <Dialog
      title={`"${name}" was changed in another window`}
      width="42rem"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Go on editing</Button>
          <span className="toolbar-gap" />
          <Button onClick={onReload}>Take theirs</Button>
          <Button look={theirs.length === 0 ? 'danger' : 'primary'} onClick={() => onSave(theirs)}>
            {theirs.length === 0 ? 'Overwrite with mine' : 'Save as chosen'}
          </Button>
        </>
      }
    >
      <p>Nothing was saved. The versions differ here; choose which of them holds:</p>
      <table className="plain conflict">
        <thead>
          <tr>
            <th scope="col">Setting</th>
            <th scope="col">Here</th>
            <th scope="col">In the project now</th>
          </tr>
        </thead>
        <tbody>
          {differences.map((one, at) => (
            <tr key={keyOf(one)}>
              <th scope="row">{one.what}</th>
              {cell(one, at, 'mine')}
              {cell(one, at, 'theirs')}
            </tr>
          ))}
          {differences.length === 0 && (
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
