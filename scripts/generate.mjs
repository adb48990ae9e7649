// `npm run generate`: writes the parts of files that are made from others. `npm test` fails when they differ.
// The settings example in a plugin's README, its first block of JSON, is its sample.json.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMain, main, root } from './setup.mjs';

const families = ['src/engine/protocols', 'src/engine/tsdb', 'src/engine/exporters'];

/** Every file with a made part: its path and its text as it should be; null where there is nowhere to put it. */
function generatedFiles() {
  const plugins = families.flatMap((family) =>
    existsSync(join(root, family))
      ? readdirSync(join(root, family), { withFileTypes: true })
          .filter((entry) => entry.isDirectory())
          .map((entry) => `${family}/${entry.name}`)
      : [],
  );
  return plugins
    .filter((folder) => existsSync(join(root, folder, 'sample.json')))
    .map((folder) => {
      const path = `${folder}/README.md`;
      const sample = readFileSync(join(root, folder, 'sample.json'), 'utf8').trim();
      const is = existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined;
      return { path, is, should: is === undefined ? null : withSample(is, sample) };
    });
}

function withSample(readme, sample) {
  const block = `\`\`\`json\n${sample}\n\`\`\``;
  const first = /^```json\n[\s\S]*?^```$/m;
  // A function, because the sample may hold signs that mean something in a replacement text.
  if (first.test(readme)) return readme.replace(first, () => block);
  return `${readme.trimEnd()}\n\n## Example settings\n\n${block}\n`;
}

/** Sentences about files that are not as they would be made; none when all are. */
export function generatedDifferences() {
  return generatedFiles()
    .filter(({ is, should }) => is !== should)
    .map(({ path, is }) =>
      is === undefined
        ? `${path} is missing: every plugin with a sample.json has a README.`
        : `${path} differs from its sample.json: run "npm run generate" and commit the result.`,
    );
}

if (isMain(import.meta.url)) {
  await main(() => {
    for (const { path, is, should } of generatedFiles()) {
      if (should === null) {
        console.error(`${path} is missing: every plugin with a sample.json has a README.`);
        process.exitCode = 1;
      } else if (should !== is) {
        writeFileSync(join(root, path), should);
        console.log(`Wrote ${path}.`);
      }
    }
    return process.exitCode;
  });
}
