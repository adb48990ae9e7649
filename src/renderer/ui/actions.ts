import { useEffect, useRef } from 'react';
import { createStore } from 'zustand/vanilla';

/**
 * Everything a user can do, in one list: the palette, the sheet behind `?` and the keyboard read it. A page registers
 * its actions when it opens and takes them away when it closes:
 *
 *   useActions([{ id: 'trend.fit', title: 'Fit all', group: 'Trend', keys: ['F'], run: () => plot.fit() }], [plot])
 *
 * Keys are written as `Ctrl+K`, `Shift+ArrowLeft`, `F`, `?`, `Space`; on a Mac `Ctrl` is also the command key. A key
 * runs the action registered last, so that a page goes before the shell.
 */
export interface Action {
  readonly id: string;
  readonly title: string;
  /** Heading in the palette and the sheet: the page's name, or "General". */
  readonly group: string;
  readonly keys?: readonly string[];
  /** More words that the palette should find it by. */
  readonly words?: string;
  /** Asked when it is drawn or a key is pressed; a disabled action does not swallow its key. */
  readonly enabled?: () => boolean;
  /** Also while the focus is in a field; only for chords with Ctrl or Alt and for function keys. */
  readonly inFields?: boolean;
  /** On the sheet only, because it means nothing without the pointer or the focus: arrows, drag. */
  readonly sheetOnly?: boolean;
  run(): void;
}

export const actionStore = createStore<{ readonly actions: readonly Action[] }>(() => ({ actions: [] }));

export function registerActions(actions: readonly Action[]): Disposable {
  const mine = new Set(actions);
  actionStore.setState({ actions: [...actionStore.getState().actions, ...actions] });
  return {
    [Symbol.dispose]: () =>
      actionStore.setState({ actions: actionStore.getState().actions.filter((action) => !mine.has(action)) }),
  };
}

/** Runs what is registered under an id, for a button of a page that does not hold the action itself. */
export function runAction(id: string): void {
  actionStore
    .getState()
    .actions.findLast((action) => action.id === id)
    ?.run();
}

/** Registers while the component is there. `inputs` as of an effect: registered anew when one changes. */
export function useActions(actions: readonly Action[], inputs: readonly unknown[]): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const registered = registerActions(
      latest.current.map((action, index) => ({ ...action, run: () => (latest.current[index] ?? action).run() })),
    );
    return () => registered[Symbol.dispose]();
  }, [...inputs]);
}

const named: Readonly<Record<string, string>> = { ' ': 'Space', Esc: 'Escape', Del: 'Delete' };

/** The chord of a key press as the actions write it. */
export function chordOf(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>): string {
  const key = named[event.key] ?? (event.key.length === 1 ? event.key.toUpperCase() : event.key);
  // Shift is part of signs like `?` and `+` already.
  const sign = event.key.length === 1 && event.key.toLowerCase() === event.key.toUpperCase() && event.key !== ' ';
  const modifiers = [
    event.ctrlKey || event.metaKey ? 'Ctrl' : '',
    event.altKey ? 'Alt' : '',
    event.shiftKey && !sign ? 'Shift' : '',
  ].filter((text) => text !== '');
  return [...modifiers, key].join('+');
}

function inField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)
    return true;
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'range'].includes(target.type);
}

/** The action that a key press means, if any. Keys inside a dialog belong to the dialog. */
export function actionForKey(event: KeyboardEvent): Action | undefined {
  const chord = chordOf(event);
  const target = event.target;
  const field = inField(target);
  const dialog = target instanceof HTMLElement && target.closest('[role="dialog"]') !== null;
  if (dialog) return undefined;
  // Space and Enter press the button that has the focus.
  const onButton = target instanceof HTMLElement && target.closest('button, a, [role="menuitem"], input') !== null;
  if (onButton && (chord === 'Space' || chord === 'Enter')) return undefined;
  // In a form these keys are about what is being filled in, never about what is selected on the page.
  const inForm = target instanceof HTMLElement && target.closest('form') !== null;
  if (inForm && (chord === 'Delete' || chord === 'Enter')) return undefined;
  return actionStore
    .getState()
    .actions.findLast(
      (action) =>
        action.keys?.includes(chord) === true &&
        action.sheetOnly !== true &&
        (!field || action.inFields === true) &&
        action.enabled?.() !== false,
    );
}

/** Listens on the window for as long as the shell is there. */
export function listenForActionKeys(): Disposable {
  const onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing) return;
    const action = actionForKey(event);
    if (action === undefined) return;
    event.preventDefault();
    action.run();
  };
  window.addEventListener('keydown', onKey);
  return { [Symbol.dispose]: () => window.removeEventListener('keydown', onKey) };
}
