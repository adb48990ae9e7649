import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createMetricRegistry,
  graphProblems,
  matchKind,
  parseGraph,
  suggestLabelValues,
} from '#shared/model/graph/index.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { formatGraph, loadMetricRegistry, placeText, readGraph, registryFolder } from './index.ts';

const load = (files: Readonly<Record<string, string>>) =>
  loadMetricRegistry('metrics.yaml', async (path) => {
    if (!Object.hasOwn(files, path)) throw new Error('there is no such file.');
    return files[path]!;
  });
const told = async (files: Readonly<Record<string, string>>): Promise<string[]> =>
  (await load(files)).issues.map((issue) => `${placeText(issue)} ${issue.path}: ${issue.message}`);

const network = `version: 1
metrics:
  network.port.octets.in:
    type: counter
    unit: B
    title: Octets received
    labels: [device, port]
    aggregates: [rate, increase]
    backends:
      timescale:
        source: if_octets
        unit: kB
        labels: { port: if_name }
`;

describe('the registry of metrics', () => {
  it('reads files and what they include, and applies overrides of a site', async () => {
    const { metrics, issues, files } = await load({
      'metrics.yaml': `version: 1
include: [plant/network.yaml]
overrides:
  timescale:
    network.port.octets.in: { source: other_table }
  local:
    network.port.octets.in:
      series: [{ source: octets-1, labels: { port: eth0 } }]
`,
      'plant/network.yaml': network,
    });
    expect(issues).toEqual([]);
    expect(files).toEqual(['metrics.yaml', 'plant/network.yaml']);
    expect(metrics).toHaveLength(1);
    expect(metrics[0]).toMatchObject({
      key: 'network.port.octets.in',
      identifier: { namespace: 'network', name: 'port.octets.in', unit: 'B', type: 'counter' },
      aggregates: ['rate', 'increase'],
      backends: {
        timescale: { source: 'other_table', unit: 'kB', labels: { port: 'if_name' } },
        local: { series: [{ source: 'octets-1', labels: { port: 'eth0' } }] },
      },
    });
  });

  it('names file, line, column and reason, and leaves out nothing but what is wrong', async () => {
    const files = {
      'metrics.yaml': `version: 1
include:
  - good.yaml
  - ../outside.yaml
  - nowhere.yaml
metrics:
  mill.speed:
    type: gauge
    unit: m/min
    aggregates: [mean, rate]
  mill.force:
    type: gauge
    colour: red
  Mill.Force: { type: gauge }
  mill.gap:
    type: gauge
    unit: mm
    bounds: { low: 5, high: 5 }
    backends: { timescale: { unit: bar } }
  mill.sound: { type: loud }
  network.port.octets.in: { type: gauge }
overrides:
  local: { mill.missing: { source: x } }
`,
      'good.yaml': network,
    };
    const found = await told(files);
    expect(found).toEqual([
      expect.stringMatching(/^metrics\.yaml:4:5 include\.1: .*leads out/),
      expect.stringMatching(/^metrics\.yaml:5:5 include\.2: nowhere\.yaml cannot be read: there is no such file/),
      expect.stringMatching(/^metrics\.yaml:10:24 metrics\.mill\.speed\.aggregates\.1: A gauge has no rate\. Choose/),
      expect.stringMatching(/^metrics\.yaml:13:5 metrics\.mill\.force\.colour: "colour" is not known/),
      expect.stringMatching(/^metrics\.yaml:14:3 metrics\.Mill\.Force: .*Write "mill\.force"/),
      expect.stringMatching(/^metrics\.yaml:18:5 metrics\.mill\.gap\.bounds: .*reversed/),
      expect.stringMatching(/^metrics\.yaml:19:30 metrics\.mill\.gap\.backends\.timescale\.unit: bar cannot become mm/),
      expect.stringMatching(/^metrics\.yaml:20:17 metrics\.mill\.sound\.type: /),
      expect.stringMatching(/^metrics\.yaml:21:3 .*declared in good\.yaml:3:3 as well/),
      expect.stringMatching(/^metrics\.yaml:23:12 overrides\.local\.mill\.missing: There is no metric/),
    ]);
    expect((await load(files)).metrics.map(({ key }) => key)).toEqual(['network.port.octets.in']);
  });

  it('refuses circles of files, and takes one that is included twice once', async () => {
    const include = (...paths: string[]): string => `version: 1\ninclude: [${paths.join(', ')}]\n`;
    expect(
      await told({ 'metrics.yaml': include('a.yaml'), 'a.yaml': include('b.yaml'), 'b.yaml': include('a.yaml') }),
    ).toEqual([
      expect.stringContaining('b.yaml:2:11 include.0: The files include one another: a.yaml -> b.yaml -> a.yaml'),
    ]);
    const { files, issues } = await load({
      'metrics.yaml': include('a.yaml', 'b.yaml'),
      'a.yaml': include('b.yaml'),
      'b.yaml': network,
    });
    expect([files.length, issues.length]).toEqual([3, 0]);
    const deep = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [i === 0 ? 'metrics.yaml' : `f${i}.yaml`, include(`f${i + 1}.yaml`)]),
    );
    expect(await told(deep)).toEqual([expect.stringContaining('more than 16 deep')]);
  });

  it('says of what is no YAML where it stops', async () => {
    expect(await told({ 'metrics.yaml': 'version: 1\nmetrics:\n  a.b: { type: gauge\n' })).toEqual([
      expect.stringMatching(/^metrics\.yaml:\d+:\d+ : /),
    ]);
    expect(await told({ 'metrics.yaml': 'version: 1\nversion: 1\n' })).toEqual([
      expect.stringContaining('metrics.yaml:2:1'),
    ]);
    expect(await told({ 'metrics.yaml': '' })).toEqual([expect.stringContaining('metrics.yaml:1:1')]);
    expect(await told({ 'metrics.yaml': 'version: 3' })).toEqual([expect.stringContaining('metrics.yaml:1:1 version')]);
    expect(await told({})).toEqual([expect.stringContaining('metrics.yaml:1:1 : metrics.yaml cannot be read')]);
  });

  it('holds no bomb of aliases, no foreign tag and no prototype', async () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++) {
      const name = String.fromCharCode(97 + i);
      bomb.push(
        `${name}: &${name} [${Array.from({ length: 10 }, () => `*${String.fromCharCode(96 + i)}`).join(', ')}]`,
      );
    }
    expect((await told({ 'metrics.yaml': bomb.join('\n') })).length).toBeGreaterThan(0);
    expect((await told({ 'metrics.yaml': 'version: !!js/function "x"' })).length).toBeGreaterThan(0);
    const { metrics } = await load({ 'metrics.yaml': 'version: 1\nmetrics: { __proto__: { type: gauge } }\n' });
    expect(metrics).toEqual([]);
    expect(({} as { type?: string }).type).toBeUndefined();
  });

  it('is not brought down by what is nested a hundred thousand deep', async () => {
    const manyLevels = Array.from({ length: 2_000 }, (_, level) => `${' '.repeat(level)}a:`).join('\n');
    for (const text of ['['.repeat(100_000), `${'{a: '.repeat(50_000)}`, `${'- '.repeat(100_000)}x`, manyLevels]) {
      expect((await told({ 'metrics.yaml': text })).length).toBeGreaterThan(0);
      expect(readGraph('g.yaml', text)).toHaveProperty('issues');
    }
  });

  it('reads thousands of metrics of one file in a time that grows with their number', async () => {
    const many = Array.from({ length: 5_000 }, (_, at) => `  a.m${at}: { type: gauge }`).join('\n');
    const { metrics, issues } = await load({ 'metrics.yaml': `version: 1\nmetrics:\n${many}\n` });
    expect([metrics.length, issues.length]).toEqual([5_000, 0]);
  });

  it('never throws, whatever the text is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.constantFrom(
            'version: 1\n',
            'metrics:\n',
            '  a.b: ',
            '{ type: gauge }',
            '[',
            '*a',
            '&a ',
            '- ',
            '\n',
            '? ',
            'include: [x.yaml]\n',
            '"',
          ),
        ),
        async (parts) => {
          const { issues } = await load({ 'metrics.yaml': parts.join('') });
          for (const { line, column, message } of issues) {
            expect(line).toBeGreaterThan(0);
            expect(column).toBeGreaterThan(0);
            expect(message).not.toBe('');
          }
        },
      ),
    );
  });

  it('reads a folder, and no link that leads out of it', async () => {
    const root = temporaryDirectory();
    const folder = join(root, 'metrics');
    mkdirSync(folder);
    writeFileSync(join(root, 'secret.yaml'), network);
    writeFileSync(join(folder, 'good.yaml'), network);
    symlinkSync(join(root, 'secret.yaml'), join(folder, 'link.yaml'));
    mkdirSync(join(folder, 'folder.yaml'));
    writeFileSync(join(folder, 'metrics.yaml'), 'version: 1\ninclude: [good.yaml, link.yaml, folder.yaml]\n');
    const { metrics, issues } = await loadMetricRegistry('metrics.yaml', registryFolder(folder));
    expect(metrics).toHaveLength(1);
    expect(issues.map(({ message }) => message)).toEqual([
      expect.stringContaining("a link out of the registry's folder"),
      expect.stringContaining('it is no file'),
    ]);
  });
});

describe('finding metrics', () => {
  it('has every tag by itself, and finds by words', async () => {
    const { metrics } = await load({ 'metrics.yaml': network });
    const tag = {
      id: 'stand-1',
      name: 'Stand 1 speed',
      description: 'Port side',
      unit: 'm/min',
      range: { low: 0, high: 20 },
    };
    const registry = createMetricRegistry(metrics, [tag]);
    expect(registry.get('tag.stand-1')).toMatchObject({ origin: 'tag', identifier: { unit: 'm/min', type: 'gauge' } });
    const search = (text: string, namespace: string | null = null) =>
      registry.search({ text, namespace, offset: 0, limit: 10 }).metrics.map(({ key }) => key);
    expect(search('')).toEqual(['network.port.octets.in', 'tag.stand-1']);
    expect(search('port')).toEqual(['network.port.octets.in', 'tag.stand-1']);
    expect(search('SPEED stand')).toEqual(['tag.stand-1']);
    expect(search('', 'tag')).toEqual(['tag.stand-1']);
    expect(registry.search({ text: '', namespace: null, offset: 1, limit: 1 })).toMatchObject({ total: 2 });
    expect(registry.namespaces()).toEqual([
      { namespace: 'network', metrics: 1 },
      { namespace: 'tag', metrics: 1 },
    ]);
  });
  it('suggests values of labels', () => {
    const series = [{ port: 'eth0' }, { port: 'eth1', site: 'x' }, { site: 'eth' }, { port: 'peth' }, { port: 'eth0' }];
    expect(suggestLabelValues(series, 'port', 'ET', 10)).toEqual(['eth0', 'eth1', 'peth']);
    expect(suggestLabelValues(series, 'port', '', 1)).toEqual(['eth0']);
    expect(suggestLabelValues(series, 'constructor', '', 9)).toEqual([]);
  });
});

describe('graphs as text', () => {
  const text = `version: 1
title: Octets
range: { from: 2026-03-29, to: "2026-03-30", zone: Europe/Berlin }
series:
  - id: A
    metric: network.port.octets.in
    aggregate: rate
    match: { port: { like: "eth*" }, site: 'Müller "Nord"' }
    groupBy: { labels: [device], aggregate: sum }
    unit: Mbit/s
`;
  it('are the same after YAML and after JSON', () => {
    const read = readGraph('g.yaml', text);
    if (!('graph' in read)) throw new Error(JSON.stringify(read.issues));
    expect(readGraph('g.yaml', formatGraph(read.graph))).toEqual(read);
    expect(readGraph('g.json', JSON.stringify(read.graph, null, 2))).toEqual(read);
    expect(parseGraph(JSON.parse(JSON.stringify(read.graph)))).toEqual(read.graph);
  });
  it('say where they are wrong', () => {
    const read = readGraph(
      'g.yaml',
      text.replace('like:', 'likes:').replace('id: A', 'id: 1A').replace('rate', 'median'),
    );
    if (!('issues' in read)) throw new Error('it was taken');
    expect(read.issues.map((issue) => `${placeText(issue)} ${issue.path}`).toSorted()).toEqual([
      'g.yaml:5:5 series.0.id',
      'g.yaml:7:5 series.0.aggregate',
      'g.yaml:8:14 series.0.match.port',
    ]);
    const late = readGraph('g.yaml', text.replace('Europe/Berlin', 'Nowhere'));
    expect(late).toMatchObject({ issues: [{ file: 'g.yaml', line: 3, path: 'range.zone' }] });
  });
});

/** A backend that can do anything. */
const able = {
  id: 'any',
  capabilities: {
    ingest: false,
    raw: true,
    aggregates: [],
    groupBy: false,
    envelope: true,
    matches: [...matchKind.options],
    minStepMs: 1,
  },
} as const;

it('reads the examples of the documentation', async () => {
  const page = readFileSync(new URL('../../../docs/user/graphs.md', import.meta.url), 'utf8');
  const [registry = '', graph = ''] = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
  const furnace = 'version: 1\nmetrics: { furnace.zone.temperature: { type: gauge } }\n';
  const { metrics, issues } = await load({ 'metrics.yaml': registry, 'plant/furnace.yaml': furnace });
  expect(issues).toEqual([]);
  expect(metrics.map(({ key }) => key)).toEqual(['furnace.zone.temperature', 'mill.stand.speed']);
  const read = readGraph('g.yaml', graph);
  if (!('graph' in read)) throw new Error(JSON.stringify(read.issues));
  expect(graphProblems(read.graph, createMetricRegistry(metrics), () => able)).toEqual([]);
});
