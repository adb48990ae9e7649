// `npm run bench [name [-- flags]]`: runs bench/<name>.ts, or all of them, on the pinned Node.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build, buildIsCurrent } from './build.mjs';
import { exitCode, foreground } from './foreground.mjs';
import { main, root, Stop, setUp } from './setup.mjs';

const folder = join(root, 'bench');

await main(async () => {
  // Only files directly in bench/ are measurements; what they share lies in folders.
  const names = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.ts'))
        .map((name) => name.slice(0, -3))
    : [];
  const args = process.argv.slice(2);
  const named = args[0] !== undefined && !args[0].startsWith('--') ? args[0] : undefined;
  const list = names.length === 0 ? 'none yet' : names.join(', ');
  if (args.includes('--help') && named === undefined) return void console.log(`npm run bench [name]: ${list}.`);
  if (named !== undefined && !names.includes(named))
    throw new Stop(`There is no measurement "${named}"; there are: ${list}.`);
  if (named === undefined && args.length > 0)
    throw new Stop(`Flags belong to one measurement: npm run bench <name> -- ${args.join(' ')}. There are: ${list}.`);
  const tools = setUp();
  if (!buildIsCurrent()) {
    console.log('Building ...');
    await build(tools, { show: false });
  }
  let worst = 0;
  const ran = [];
  for (const name of named === undefined ? names : [named]) {
    console.log(`== ${name}`);
    const flags = args.slice(1);
    const nodeFlags = ['--expose-gc', '--disable-warning=ExperimentalWarning'];
    const { ended } = foreground(tools.node, [...nodeFlags, join('bench', `${name}.ts`), ...flags], { env: tools.env });
    const started = performance.now();
    const code = exitCode(await ended);
    worst = Math.max(worst, code);
    ran.push(
      `  ${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s  ${code === 0 ? '' : 'FAILED  '}${name}`,
    );
    console.log('');
  }
  if (ran.length > 1) console.log(`${ran.length} measurements:\n${ran.join('\n')}`);
  return worst;
});
