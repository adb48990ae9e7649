import { describe, expect, it } from 'vitest';
import { fileProblem, projectFileName } from './project-file-text.ts';

const sqlite = new TextEncoder().encode('SQLite format 3\0and more');

describe('name of a saved project', () => {
  it.each([
    ['Mill 4', 'Mill 4.parxproject'],
    ['Mill 4.parxproject', 'Mill 4.parxproject'],
    ['a/b\\c:d', 'a-b-c-d.parxproject'],
    ['../..', '-.parxproject'],
    ['', 'project.parxproject'],
    ['x'.repeat(300), `${'x'.repeat(120)}.parxproject`],
  ])('%s', (name, expected) => {
    expect(projectFileName(name)).toBe(expected);
  });
});

describe('a chosen file', () => {
  it('goes to the engine when it can be a project', () => {
    expect(fileProblem('a.parxproject', sqlite, 1000)).toBeNull();
  });
  it.each([
    ['empty', new Uint8Array(0), 1000],
    ['not a project file', new TextEncoder().encode('name,address\n'), 1000],
    ['not a project file', sqlite.subarray(0, 15), 1000],
    ['at most', sqlite, 10],
  ])('is refused: %s', (words, bytes, max) => {
    expect(fileProblem('a.parxproject', bytes, max)).toContain(words);
  });
});
