import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLogger, openDatabase, systemClock } from '#engine/platform/index.ts';
import { openProject, type ProjectStore, replaceProject } from '#engine/project/index.ts';
import type { DocumentKind } from '#shared/model/index.ts';
import { makeConnection, makeDevice, makeTag } from '#test/support/documents.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

const deps = { clock: systemClock(), log: createLogger(() => undefined) };
const names = (project: ProjectStore, kind: DocumentKind): string[] =>
  project.list(kind).map(({ document }) => document.name);

async function fill(path: string, connection: string, tags: readonly string[]): Promise<ProjectStore> {
  const project = openProject(path, deps);
  project.commit([
    { kind: 'connection', id: 'connection-1', document: makeConnection({ name: connection }), expected: null },
    { kind: 'device', id: 'device-1', document: makeDevice(), expected: null },
    ...tags.map((name, index) => ({
      kind: 'tag' as const,
      id: `tag-${index}`,
      document: makeTag({ id: `tag-${index}`, name }),
      expected: null,
    })),
  ]);
  return project;
}

describe('opening another project', () => {
  it('brings its documents in, lets the present ones go, and keeps them beside the backups', async () => {
    const folder = temporaryDirectory();
    const mailed = join(folder, 'mailed.parxproject');
    const other = await fill(join(folder, 'other.parxproject'), 'Furnace', ['a', 'Strip speed']);
    await other.saveAs(mailed);
    await other.close();
    const before = readFileSync(mailed);

    const project = await fill(join(folder, 'project.parxproject'), 'Mill', ['Strip speed', 'b', 'c']);
    let commits = 0;
    project.watch(() => void (commits += 1));
    const report = await replaceProject(project, mailed, { ...deps, directory: join(folder, 'backups') });
    expect(report).toMatchObject({ documents: 4, problems: [] });
    expect(names(project, 'connection')).toEqual(['Furnace']);
    expect(names(project, 'tag').toSorted()).toEqual(['Strip speed', 'a']);
    expect(commits).toBe(1);
    expect(readFileSync(mailed).equals(before)).toBe(true);
    expect(readdirSync(join(folder, 'backups'))).toHaveLength(1);

    const kept = openProject(report.keptAt, deps);
    expect(names(kept, 'tag').toSorted()).toEqual(['Strip speed', 'b', 'c']);
    await kept.close();
    await project.close();
  });

  it('changes nothing when the file is no project', async () => {
    const folder = temporaryDirectory();
    const rubbish = join(folder, 'rubbish.parxproject');
    writeFileSync(rubbish, 'a letter to a friend, long enough to be read as a file header of a database');
    const project = await fill(join(folder, 'project.parxproject'), 'Mill', ['a']);
    await expect(
      replaceProject(project, rubbish, { ...deps, directory: join(folder, 'backups') }),
    ).rejects.toMatchObject({
      code: 'store.damaged',
    });
    await expect(
      replaceProject(project, join(folder, 'none.parxproject'), { ...deps, directory: join(folder, 'backups') }),
    ).rejects.toMatchObject({ code: 'store.not-found' });
    expect(names(project, 'tag')).toEqual(['a']);
    await project.close();
  });

  it('names the file that was chosen, not its own copy, and leaves none of its own behind', async () => {
    const folder = temporaryDirectory();
    const backups = join(folder, 'backups');
    const rubbish = join(folder, 'rubbish.parxproject');
    writeFileSync(rubbish, 'a letter to a friend, long enough to be read as a file header of a database');
    const later = join(folder, 'later.parxproject');
    await (await fill(later, 'Furnace', [])).close();
    const database = openDatabase(later);
    database.pragma('user_version = 7');
    database.close();
    const project = await fill(join(folder, 'project.parxproject'), 'Mill', ['a']);
    for (const path of [rubbish, later]) {
      await expect(replaceProject(project, path, { ...deps, directory: backups })).rejects.toMatchObject({
        message: expect.stringContaining(`${path} `),
        details: { path },
      });
    }
    await expect(
      replaceProject(project, later, { ...deps, directory: backups, name: 'The chosen file' }),
    ).rejects.toMatchObject({ code: 'store.too-new', message: expect.stringMatching(/^The chosen file was written/) });
    expect(readdirSync(backups)).toEqual([]);
    await project.close();
  });

  it('keeps a copy of each project that was replaced, when several come at once', async () => {
    const folder = temporaryDirectory();
    const backups = join(folder, 'backups');
    const project = await fill(join(folder, 'project.parxproject'), 'Mill', ['a']);
    const others = await Promise.all(
      ['Furnace', 'Coiler', 'Shear'].map(async (name) => {
        const path = join(folder, `${name}.parxproject`);
        await (await fill(path, name, [name])).close();
        return path;
      }),
    );
    const reports = await Promise.all(
      others.map((path) => replaceProject(project, path, { ...deps, directory: backups })),
    );
    expect(new Set(reports.map(({ keptAt }) => keptAt)).size).toBe(3);
    const kept: string[] = [];
    for (const { keptAt } of reports) {
      const one = openProject(keptAt, deps);
      kept.push(...names(one, 'connection'));
      await one.close();
    }
    // One of the four is the open one now; none was lost.
    expect(new Set([...kept, ...names(project, 'connection')])).toContain('Mill');
    expect(kept).toHaveLength(3);
    expect(readdirSync(backups).filter((name) => !name.startsWith('before opening another'))).toEqual([]);
    await project.close();
  });
});
