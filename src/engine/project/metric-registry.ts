import { existsSync } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { join, posix, sep } from 'node:path';
import { z } from 'zod';
import {
  type BackendOverride,
  backendOverride,
  metricDeclaration,
  overrideFaults,
  type RegisteredMetric,
  registeredMetric,
  registryFile,
} from '#shared/model/graph/index.ts';
import {
  isYamlDocument,
  type PathParts,
  type PlacedIssue,
  placeText,
  readYaml,
  type YamlDocument,
} from './yaml-document.ts';

/** What the files declare, and every fault in them; a fault leaves out the metric or file that has it and no other. */
export interface LoadedRegistry {
  readonly metrics: readonly RegisteredMetric[];
  readonly issues: readonly PlacedIssue[];
  /** All that were read, the first one first. */
  readonly files: readonly string[];
}

/** Gives a file's text by its path from the registry's folder, with "/" between; rejects where it cannot. */
export type ReadRegistryFile = (path: string) => Promise<string>;

const MOST_FILES = 256;
const DEEPEST = 16;
const MOST_METRICS = 50_000;

/** The file's form without its metrics, which are checked one by one. */
const envelope = registryFile.extend({
  metrics: z.record(z.string(), z.unknown()).default({}),
  overrides: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
});

/** Reads the first file and all that it includes. Never throws for what is in them. */
export async function loadMetricRegistry(first: string, read: ReadRegistryFile): Promise<LoadedRegistry> {
  const issues: PlacedIssue[] = [];
  const metrics = new Map<string, { readonly metric: RegisteredMetric; readonly issue: PlacedIssue }>();
  const overrides: {
    readonly backend: string;
    readonly key: string;
    readonly value: BackendOverride;
    readonly issue: (below: PathParts, message: string) => PlacedIssue;
  }[] = [];
  const files: string[] = [];
  const report = (issue: PlacedIssue): void => {
    issues.push(issue);
  };

  const visit = async (
    file: string,
    above: readonly string[],
    from: ((message: string) => PlacedIssue) | null,
  ): Promise<void> => {
    const here = from ?? ((message: string): PlacedIssue => ({ file, line: 1, column: 1, path: '', message }));
    if (above.includes(file)) {
      const way = [...above.slice(above.indexOf(file)), file].join(' -> ');
      report(here(`The files include one another: ${way}. Remove one of these lines.`));
      return;
    }
    if (files.includes(file)) return;
    if (above.length >= DEEPEST)
      return report(here(`Files are included more than ${DEEPEST} deep. Include it from a file above.`));
    if (files.length >= MOST_FILES)
      return report(here(`A registry has at most ${MOST_FILES} files. Join some of them.`));
    let text: string;
    try {
      text = await read(file);
    } catch (error) {
      return report(here(`${file} cannot be read: ${(error as Error).message} Correct the path, or remove the line.`));
    }
    files.push(file);
    const document = readYaml(file, text);
    if (!isYamlDocument(document)) {
      issues.push(...document);
      return;
    }
    const content = document.check(envelope, [], report);
    if (content === null) return;
    // Included files come first, so that of two declarations the one above is reported at its own place.
    for (const [at, path] of content.include.entries()) {
      const found = includedPath(file, path);
      const line = (message: string): PlacedIssue => document.issue(['include', at], message);
      if (found === null)
        report(line(`"${path}" leads out of the registry's folder, or is no .yaml file. Write a path below it.`));
      else await visit(found, [...above, file], line);
    }
    for (const key of Object.keys(content.metrics)) declare(document, key);
    for (const [backend, byKey] of Object.entries(content.overrides)) {
      for (const key of Object.keys(byKey)) {
        const path = ['overrides', backend, key];
        const value = document.check(backendOverride, path, report);
        if (value === null) continue;
        overrides.push({
          backend,
          key,
          value,
          issue: (below, message) => document.issue([...path, ...below], message),
        });
      }
    }
  };

  const declare = (document: YamlDocument, key: string): void => {
    const path = ['metrics', key];
    const declared = document.check(metricDeclaration, path, report);
    if (declared === null) return;
    const { metric, issues: faults } = registeredMetric(key, declared);
    for (const fault of faults)
      report(document.issue([...path, ...fault.path.split('.').filter(Boolean)], fault.message));
    if (faults.length > 0) return;
    const place = document.issue(path, '');
    const other = metrics.get(key);
    if (other !== undefined) {
      report({ ...place, message: `${key} is declared in ${placeText(other.issue)} as well. Remove one of the two.` });
    } else if (metrics.size >= MOST_METRICS) {
      report({ ...place, message: `A registry has at most ${MOST_METRICS} metrics. Use labels instead of names.` });
    } else metrics.set(key, { metric, issue: place });
  };

  await visit(first, [], null);

  const overridden = new Set<string>();
  for (const { backend, key, value, issue } of overrides) {
    const found = metrics.get(key);
    if (found === undefined) {
      report(issue([], `There is no metric ${key} to override. Correct the key, or declare it.`));
      continue;
    }
    const name = JSON.stringify([backend, key]);
    if (overridden.has(name)) {
      report(issue([], `${key} is overridden for ${backend} twice. Remove one of the two.`));
      continue;
    }
    overridden.add(name);
    const { metric } = found;
    const faults = overrideFaults({ unit: metric.identifier.unit, labels: metric.labels }, value);
    for (const fault of faults) report(issue(fault.path.split('.'), fault.message));
    if (faults.length > 0) continue;
    const backends = { ...metric.backends, [backend]: { ...metric.backends[backend], ...value } };
    metrics.set(key, { ...found, metric: { ...metric, backends } });
  }
  return { metrics: [...metrics.values()].map(({ metric }) => metric), issues, files };
}

/** The path from the registry's folder; null where it would leave it. */
function includedPath(from: string, path: string): string | null {
  if (path.includes('\\') || path.includes('\0') || posix.isAbsolute(path) || /^[A-Za-z]:/.test(path)) return null;
  const found = posix.normalize(posix.join(posix.dirname(from), path));
  return found.startsWith('..') || !/\.ya?ml$/.test(found) ? null : found;
}

const LARGEST_FILE = 4 * 1024 * 1024;

/** Files of a folder; links that lead out of it are refused. */
export function registryFolder(folder: string): ReadRegistryFile {
  return async (path) => {
    const root = await realpath(folder);
    const file = await realpath(join(root, ...path.split('/'))).catch((error: NodeJS.ErrnoException) => {
      throw new Error(error.code === 'ENOENT' ? 'there is no such file.' : `${error.code ?? 'error'}.`);
    });
    if (!file.startsWith(root + sep)) throw new Error("it is a link out of the registry's folder.");
    // A pipe would never end.
    if (!(await stat(file)).isFile()) throw new Error('it is no file.');
    const handle = await open(file, 'r');
    try {
      if ((await handle.stat()).size > LARGEST_FILE) throw new Error('it is larger than 4 MB.');
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  };
}

const FIRST_FILE = 'metrics.yaml';

/** The registry of a data folder: `metrics.yaml` and what it includes; empty where there is no such file. */
export async function openMetricRegistry(folder: string): Promise<LoadedRegistry> {
  if (!existsSync(join(folder, FIRST_FILE))) return { metrics: [], issues: [], files: [] };
  return await loadMetricRegistry(FIRST_FILE, registryFolder(folder));
}
