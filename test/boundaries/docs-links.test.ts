import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

const pages = [
  'README.md',
  ...['docs', 'src'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  ),
];

/** What a heading is called in a link. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

const anchors = (path: string): readonly string[] =>
  [...readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

/** The one link of a page that leads nowhere, or null. */
function brokenLink(page: string): string | null {
  const text = readFileSync(join(root, page), 'utf8').replaceAll(/```.*?```/gs, '');
  for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [file = '', anchor] = target.split('#');
    const path = file === '' ? join(root, page) : join(root, dirname(page), file);
    if (!existsSync(path)) return target;
    if (anchor !== undefined && !anchors(path).includes(anchor)) return target;
  }
  return null;
}

it('leads with every link of the documentation to a page, and to a heading that is there', () => {
  expect(pages.length).toBeGreaterThan(20);
  const broken = pages.flatMap((page) => {
    const target = brokenLink(page);
    return target === null ? [] : [`${relative(root, join(root, page))}: ${target}`];
  });
  expect(broken).toEqual([]);
});

it('lists every page for users in the index', () => {
  const index = readFileSync(join(root, 'docs', 'README.md'), 'utf8');
  for (const folder of ['user', 'protocols'])
    for (const name of readdirSync(join(root, 'docs', folder))) expect(index).toContain(`${folder}/${name}`);
});
