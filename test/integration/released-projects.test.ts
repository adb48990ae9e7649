import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { openProject } from '#engine/project/index.ts';
import { documentKind } from '#shared/model/index.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

const folder = fileURLToPath(new URL('../golden/projects/', import.meta.url));

/** A file of each form that was ever released; a change of the documents adds one and never changes an old one. */
describe('project files of earlier releases', () => {
  for (const name of readdirSync(folder)) {
    it(`${name} opens with all of its documents`, async () => {
      const path = join(temporaryDirectory(), name);
      copyFileSync(join(folder, name), path);
      const options = { clock: systemClock(), log: createLogger(() => undefined) };
      const project = openProject(path, options);
      expect(project.report.problems).toEqual([]);
      const counts = Object.fromEntries(documentKind.options.map((kind) => [kind, project.list(kind).length]));
      expect(counts).toEqual({
        settings: 1,
        connection: 1,
        device: 3,
        tag: 12,
        recorder: 1,
        trend: 1,
        source: 0,
        graph: 0,
      });
      expect(project.get('tag', 'demo-strip-speed')?.document).toMatchObject({
        address: '300001',
        type: 'float32',
        unit: 'm/min',
      });
      // Every document of an old file can be saved again as it is.
      for (const kind of documentKind.options) {
        for (const { document, revision } of project.list(kind)) project.put(kind, document, revision);
      }
      await project.close();
      const again = openProject(path, options);
      expect(again.report).toMatchObject({ documents: 19, migrated: 0 });
      await again.close();
    });
  }
});
