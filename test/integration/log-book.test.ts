import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { LogLevel, LogLine } from '#engine/platform/index.ts';
import { createLogBook } from '#engine/platform/index.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

const line = (text: string, level: LogLevel = 'info', module = 'engine'): LogLine => ({
  time: '2026-01-01T00:00:00.000Z',
  level,
  module,
  text,
});

it('keeps lines from the level on, and a level of its own per module', () => {
  const book = createLogBook({ directory: null, level: 'warn' });
  book.setLevel('modbus', 'debug');
  book.write(line('quiet'));
  book.write(line('loud', 'error'));
  book.write(line('detail', 'debug', 'modbus'));
  expect(book.since(0).lines.map(({ text }) => text)).toEqual(['loud', 'detail']);
  book.setLevel(null, 'info');
  book.write(line('now heard'));
  expect(book.since(2).lines.map(({ text }) => text)).toEqual(['now heard']);
});

it('names the modules that were heard of, silent ones too, and takes a level of their own back', () => {
  const book = createLogBook({ directory: null, level: 'warn' });
  book.write(line('left out', 'debug', 'acquisition Press'));
  book.setLevel('api', 'debug');
  expect(book.levels()).toEqual({
    level: 'warn',
    modules: [
      { module: 'acquisition Press', level: null },
      { module: 'api', level: 'debug' },
    ],
  });
  book.setLevel('api', null);
  book.write(line('left out again', 'info', 'api'));
  expect(book.since(0).lines).toEqual([]);
});

it('says how many lines have left memory', () => {
  const book = createLogBook({ directory: null, level: 'info', keepLines: 10 });
  for (let n = 1; n <= 100; n++) book.write(line(String(n)));
  const { lines, last, dropped } = book.since(0);
  expect(last).toBe(100);
  expect(lines.length + dropped).toBe(100);
  expect(lines.length).toBeGreaterThanOrEqual(10);
  expect(lines.at(-1)?.text).toBe('100');
  expect(book.since(100)).toEqual({ lines: [], last: 100, dropped: 0 });
});

it('rotates its file by size and keeps a bounded number of them', async () => {
  const directory = temporaryDirectory();
  const book = createLogBook({ directory, level: 'info', maxFileBytes: 500, files: 3 });
  for (let n = 1; n <= 50; n++) book.write(line(`line ${n}`));
  expect(existsSync(join(directory, 'parx.log'))).toBe(false);
  await book.written();
  const path = join(directory, 'parx.log');
  expect(statSync(path).size).toBeLessThanOrEqual(500);
  expect(existsSync(`${path}.1`) && existsSync(`${path}.2`)).toBe(true);
  expect(existsSync(`${path}.3`)).toBe(false);
  const texts = [`${path}.1`, path].flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'));
  expect(texts.map((text) => (JSON.parse(text) as LogLine).text).at(-1)).toBe('line 50');
});

it('goes on in memory where the folder can not be used', async () => {
  const directory = temporaryDirectory();
  const book = createLogBook({ directory: join(directory, 'a\0b'), level: 'info' });
  book.write(line('still here'));
  expect(book.since(0).lines).toHaveLength(1);
  await book.written();
});

const textsIn = (path: string): string[] =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((text) => (JSON.parse(text) as LogLine).text);

it('has the last lines of a crash in the file before the program ends', async () => {
  const directory = temporaryDirectory();
  const book = createLogBook({ directory, level: 'info' });
  book.write(line('one'));
  await book.written();
  book.write(line('two'));
  book.write(line('the end'));
  book.flush();
  expect(textsIn(join(directory, 'parx.log'))).toEqual(['one', 'two', 'the end']);
  await book.written();
  expect(textsIn(join(directory, 'parx.log'))).toHaveLength(3);
});

it('goes on when the disk takes lines again, and says how many it did not take', async () => {
  const directory = join(temporaryDirectory(), 'log');
  const book = createLogBook({ directory, level: 'info' });
  rmSync(directory, { recursive: true });
  book.write(line('lost one'));
  book.write(line('lost two'));
  await book.written();
  mkdirSync(directory);
  book.write(line('heard'));
  await book.written();
  expect(textsIn(join(directory, 'parx.log'))).toEqual(['2 lines before this one could not be written.', 'heard']);
});
