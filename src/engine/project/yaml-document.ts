import {
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  stringify,
  type YAMLMap,
} from 'yaml';
import type { z } from 'zod';
import { quote } from '#shared/errors.ts';

/** What is wrong in a file, and where: line and column count from 1. */
export interface PlacedIssue {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Keys down to the place, joined by dots; empty for the whole file. */
  readonly path: string;
  readonly message: string;
}

export type PathParts = readonly (string | number)[];

/** A file that could be read as YAML; JSON is YAML. */
export interface YamlDocument {
  readonly value: unknown;
  /** An issue at a place in the file, or at the nearest place above it that is there. */
  issue(path: PathParts, message: string): PlacedIssue;
  /** The value below a path in the form of a schema, or null after telling what is wrong. */
  check<T>(schema: z.ZodType<T>, path: PathParts, report: (issue: PlacedIssue) => void): T | null;
}

/** Characters that one file may have: half a million lines of it is no configuration. */
const LONGEST = 4 * 1024 * 1024;

/** Reads a file's text; all issues that keep it from being read, with their places. Never throws. */
export function readYaml(file: string, text: string): YamlDocument | readonly PlacedIssue[] {
  const lines = new LineCounter();
  const place = (offset: number): { readonly line: number; readonly column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const whole = (message: string): PlacedIssue[] => [{ file, line: 1, column: 1, path: '', message }];
  if (text.length > LONGEST) return whole('The file is larger than 4 MB. Divide it, and include the parts.');
  if (isTooDeep(text)) return whole(TOO_DEEP);
  // The package compares each key with all others; `doubles` does it in one go.
  let document: ReturnType<typeof parseDocument>;
  try {
    document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      uniqueKeys: false,
    });
  } catch {
    // Levels by indentation alone can be too many for the stack as well.
    return whole(TOO_DEEP);
  }
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) {
    return broken
      .slice(0, 20)
      .map((error) => ({ file, ...place(error.pos[0]), path: '', message: sentence(error.message) }));
  }
  const twice = doubles(document.contents);
  if (twice.length > 0) {
    return twice.map(({ offset, key }) => ({
      file,
      ...place(offset),
      path: '',
      message: `${quote(key)} is there twice. Remove one of the two.`,
    }));
  }
  let value: unknown;
  try {
    // Aliases that multiply into more than can be held are refused here.
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return whole(sentence((error as Error).message));
  }

  const pairs = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();
  const pairOf = (map: YAMLMap, key: string): Pair | undefined => {
    let known = pairs.get(map);
    if (known === undefined) {
      known = new Map(map.items.map((pair) => [keyText(pair), pair]));
      pairs.set(map, known);
    }
    return known.get(key);
  };
  /** Offset of the deepest node on the path; of the key itself where the last part is one. */
  const offsetOf = (path: PathParts): number => {
    let node: Node | null = document.contents;
    let offset = node?.range?.[0] ?? 0;
    for (const part of path) {
      if (!isMap(node) && !(isNode(node) && 'items' in node)) break;
      if (isMap(node)) {
        const pair = pairOf(node, String(part));
        if (pair === undefined) break;
        if (isNode(pair.key) && pair.key.range) offset = pair.key.range[0];
        node = isNode(pair.value) ? pair.value : null;
      } else {
        const item: unknown = (node as { items: unknown[] }).items[Number(part)];
        if (!isNode(item)) break;
        node = item;
        if (node.range) offset = node.range[0];
      }
    }
    return offset;
  };
  const issue = (path: PathParts, message: string): PlacedIssue => ({
    file,
    ...place(offsetOf(path)),
    path: path.join('.'),
    message,
  });
  return {
    value,
    issue,
    check(schema, path, report) {
      let part = value;
      for (const name of path) part = (part as Record<string | number, unknown> | null | undefined)?.[name];
      const result = schema.safeParse(part);
      if (result.success) return result.data;
      for (const fault of result.error.issues) {
        const below = fault.path.map((name) => (typeof name === 'symbol' ? String(name) : name));
        const keys = fault.code === 'unrecognized_keys' ? fault.keys : [null];
        for (const key of keys) {
          const at = key === null ? [...path, ...below] : [...path, ...below, key];
          report(
            issue(
              at,
              key === null ? sentence(fault.message) : `"${key}" is not known here. Correct the name, or remove it.`,
            ),
          );
        }
      }
      return null;
    },
  };
}

const TOO_DEEP = 'The file is nested too deeply to be read. Write it in fewer levels.';

/** Levels that a file may have; the package goes down by calling itself. */
const DEEPEST = 200;

/** Whether brackets lie, or marks of lists and keys stand, too many within one another. Those in texts count as well. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const sign = text.charCodeAt(at);
    if (sign === 0x5b || sign === 0x7b) depth++;
    else if (sign === 0x5d || sign === 0x7d) depth = Math.max(0, depth - 1);
    if (depth > DEEPEST) return true;
  }
  return new RegExp(`(?:[-?:][ \\t]+){${DEEPEST}}`).test(text);
}

/** Keys that a map has twice, the first twenty of them, with their places. */
function doubles(contents: unknown): { readonly offset: number; readonly key: string }[] {
  const found: { readonly offset: number; readonly key: string }[] = [];
  const waiting: unknown[] = [contents];
  while (waiting.length > 0 && found.length < 20) {
    const node = waiting.pop();
    if (isSeq(node)) for (const item of node.items) waiting.push(item);
    if (!isMap(node)) continue;
    const seen = new Set<string>();
    for (const pair of node.items) {
      const key = keyText(pair);
      if (seen.has(key)) found.push({ offset: (isNode(pair.key) ? pair.key.range?.[0] : undefined) ?? 0, key });
      seen.add(key);
      waiting.push(pair.value);
    }
  }
  return found;
}

const keyText = ({ key }: Pair): string => String(isScalar(key) ? key.value : key);

/** Text that `readYaml` reads back to the same value. */
export const formatYaml = (value: unknown): string => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });

export const isYamlDocument = (read: YamlDocument | readonly PlacedIssue[]): read is YamlDocument => 'value' in read;

/** `metrics/network.yaml:12:5`, as editors open it. */
export const placeText = ({ file, line, column }: PlacedIssue): string => `${file}:${line}:${column}`;

/** What a schema says, as a sentence that says what to do. */
function sentence(said: string): string {
  const text = said.trim();
  const [, options] = /^Invalid option: expected one of (.+)$/.exec(text) ?? [];
  if (options !== undefined) return `Choose one of ${options.replaceAll('"', '').split('|').join(', ')}.`;
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
