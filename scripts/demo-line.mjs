// `npm run demo-line`: the simulated rolling mill alone, by Modbus TCP, EtherNet/IP and EGD.
// `npm run demo-line -- --help` lists its flags.
import { join } from 'node:path';
import { build, buildIsCurrent } from './build.mjs';
import { exitCode, foreground } from './foreground.mjs';
import { main, setUp } from './setup.mjs';

await main(async () => {
  const tools = setUp();
  if (!buildIsCurrent()) {
    console.log('Building ...');
    await build(tools, { show: false });
  }
  const entry = join('out', 'simulators', 'index.js');
  return exitCode(await foreground(tools.node, [entry, ...process.argv.slice(2)], { env: tools.env }).ended);
});
