import { describe, expect, it } from 'vitest';
import { differencesOf, withTheirs } from './differences.ts';

const from = { name: 'Plant', settings: { host: 'a', tls: { mode: 'off' }, port: 5432 }, hosts: ['x'] };
const mine = { ...from, name: 'Mine', settings: { ...from.settings, host: 'b' } };
const theirs = { ...from, settings: { host: 'c', tls: { mode: 'verify' } }, hosts: ['x', 'y'] };

describe('two versions of a document', () => {
  it('differ setting by setting, and say which of them was left alone', () => {
    expect(differencesOf(mine, theirs, from)).toEqual([
      { path: ['name'], mine: 'Mine', theirs: 'Plant', untouched: 'theirs' },
      { path: ['settings', 'host'], mine: 'b', theirs: 'c', untouched: null },
      { path: ['settings', 'tls', 'mode'], mine: 'off', theirs: 'verify', untouched: 'mine' },
      { path: ['settings', 'port'], mine: 5432, theirs: undefined, untouched: 'mine' },
      { path: ['hosts'], mine: ['x'], theirs: ['x', 'y'], untouched: 'mine' },
    ]);
    expect(differencesOf(mine, theirs).every(({ untouched }) => untouched === null)).toBe(true);
    expect(differencesOf(mine, { ...mine })).toEqual([]);
  });

  it('become one by taking places of the other', () => {
    const all = differencesOf(mine, theirs, from);
    expect(withTheirs(mine, all)).toEqual(theirs);
    expect(withTheirs(mine, [])).toBe(mine);
    const untouched = all.filter((one) => one.untouched === 'mine');
    expect(withTheirs(mine, untouched)).toEqual({
      name: 'Mine',
      settings: { host: 'b', tls: { mode: 'verify' } },
      hosts: ['x', 'y'],
    });
    expect(mine.settings.port).toBe(5432);
  });
});
