// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from 'vitest';
import { type Action, actionForKey, chordOf, registerActions } from './actions.ts';

const key = (init: Partial<KeyboardEvent> & { key: string }) =>
  chordOf({ ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...init });

let registered: Disposable[] = [];
const register = (...actions: Action[]): void => {
  registered.push(registerActions(actions));
};
afterEach(() => {
  for (const entry of registered) entry[Symbol.dispose]();
  registered = [];
  document.body.replaceChildren();
});

function press(target: Element, init: KeyboardEventInit): Action | undefined {
  let found: Action | undefined;
  const listen = (event: Event): void => {
    found = actionForKey(event as KeyboardEvent);
  };
  window.addEventListener('keydown', listen);
  target.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, ...init }));
  window.removeEventListener('keydown', listen);
  return found;
}
const add = (html: string): Element => {
  document.body.innerHTML = html;
  const element = document.body.querySelector('[data-target]');
  if (element === null) throw new Error('no target');
  return element;
};
const action = (id: string, more: Partial<Action> = {}): Action => ({
  id,
  title: id,
  group: 'Test',
  run: () => undefined,
  ...more,
});

describe('chords', () => {
  it.each([
    [{ key: 'k', ctrlKey: true }, 'Ctrl+K'],
    [{ key: 'k', metaKey: true }, 'Ctrl+K'],
    [{ key: 'F', shiftKey: true, ctrlKey: true }, 'Ctrl+Shift+F'],
    [{ key: '?', shiftKey: true }, '?'],
    [{ key: '+', shiftKey: true }, '+'],
    [{ key: ' ' }, 'Space'],
    [{ key: 'ArrowLeft', shiftKey: true }, 'Shift+ArrowLeft'],
    [{ key: 'F2' }, 'F2'],
  ])('%j is %s', (init, chord) => {
    expect(key(init)).toBe(chord);
  });
});

describe('actions by key', () => {
  it('gives a key to the action registered last that is enabled', () => {
    register(action('shell', { keys: ['Ctrl+Z'] }));
    register(action('page', { keys: ['Ctrl+Z'] }), action('off', { keys: ['Ctrl+Z'], enabled: () => false }));
    expect(press(document.body, { key: 'z', ctrlKey: true })?.id).toBe('page');
    registered.pop()?.[Symbol.dispose]();
    expect(press(document.body, { key: 'z', ctrlKey: true })?.id).toBe('shell');
  });

  it('leaves letters to fields, but not chords that say so', () => {
    register(action('fit', { keys: ['F'] }), action('find', { keys: ['Ctrl+F'], inFields: true }));
    const input = add('<input data-target>');
    expect(press(input, { key: 'f' })).toBeUndefined();
    expect(press(input, { key: 'f', ctrlKey: true })?.id).toBe('find');
    expect(press(document.body, { key: 'f' })?.id).toBe('fit');
  });

  it('never deletes what is selected on the page from within a form', () => {
    register(action('delete', { keys: ['Delete'] }));
    expect(press(add('<form><input type="checkbox" data-target></form>'), { key: 'Delete' })).toBeUndefined();
    expect(press(document.body, { key: 'Delete' })?.id).toBe('delete');
  });

  it('leaves all keys to an open dialog, and Space and Enter to buttons', () => {
    register(action('pause', { keys: ['Space'] }), action('fit', { keys: ['F'] }));
    expect(press(add('<div role="dialog"><p data-target tabindex="0"></p></div>'), { key: 'f' })).toBeUndefined();
    const button = add('<button data-target></button>');
    expect(press(button, { key: ' ' })).toBeUndefined();
    expect(press(button, { key: 'f' })?.id).toBe('fit');
  });
});
