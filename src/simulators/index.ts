import { createInterface } from 'node:readline';
import { type Flags, HELP, parseFlags, whereItListens } from './command-line.ts';
import { type Control, createControl } from './control.ts';
import { startDemoLine } from './demo-line.ts';

/** Entry of the simulator process. */
async function run(flags: Flags): Promise<void> {
  const line = await startDemoLine(flags);
  const control = createControl(line);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    input.close();
    process.stdin.destroy();
    if (process.connected) process.disconnect();
    // Nothing holds the process after this; what were still to come has no reader. Without a parent nobody would end it
    // where Node then hangs in its own clean-up of pipes, which takes a whole core for ever.
    void line.close().finally(() => {
      if (flags.withParent) process.exit();
    });
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);

  const input = createInterface({ input: process.stdin });
  takeOrders(control, input);
  if (flags.withParent) {
    input.on('close', stop);
    process.once('disconnect', stop);
    // A pipe to a parent that was killed may break on the way out as well.
    process.stdout.on('error', stop);
  } else {
    process.channel?.unref();
  }
  process.stdout.write(`${JSON.stringify(line.addresses)}\n`);
  if (!flags.withParent) process.stdout.write(whereItListens(flags, line.addresses));
}

function takeOrders(control: Control, input: ReturnType<typeof createInterface>): void {
  input.on('line', (text) => {
    if (text.trim() !== '') void control.order(text).then((answer) => process.stdout.write(`${answer}\n`));
  });
  process.on('message', (message) => {
    void control.order(String(message)).then((answer) => process.send?.(answer));
  });
}

try {
  const flags = parseFlags(process.argv.slice(2));
  if (flags.help) process.stdout.write(HELP);
  else await run(flags);
} catch (error) {
  const busy = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${busy ? `A port is in use (${text}). --port 0 takes free ones.` : text}\n`);
  process.exitCode = 1;
}
