import { createInterface } from 'node:readline';
import { type Flags, HELP, parseFlags } from './command-line.ts';
import { type DemoLine, startDemoLine } from './demo-line.ts';
import { parseMisbehaviour } from './modbus/index.ts';

/** Entry of the simulator process. */
async function run(flags: Flags): Promise<void> {
  const line = await startDemoLine(flags);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    input?.close();
    process.stdin.destroy();
    if (process.connected) process.disconnect();
    // Nothing holds the process after this; what were still to come has no reader.
    void line.close();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);

  const input = flags.control ? createInterface({ input: process.stdin }) : null;
  input?.on('line', (text) => {
    if (text.trim() === '') return;
    void control(line, () => JSON.parse(text)).then((answer) => process.stdout.write(`${JSON.stringify(answer)}\n`));
  });
  process.on('message', (message) => {
    void control(line, () => message).then((answer) => process.send?.(answer));
  });
  if (flags.withParent) {
    input?.on('close', stop);
    process.once('disconnect', stop);
    // A pipe to a parent that was killed may break on the way out as well.
    process.stdout.on('error', stop);
  } else {
    process.channel?.unref();
  }
  process.stdout.write(`${JSON.stringify(line.addresses)}\n`);
}

type Answer = { readonly ok: true } | { readonly ok: false; readonly message: string };

async function control(line: DemoLine, read: () => unknown): Promise<Answer> {
  try {
    const order = read();
    if (typeof order !== 'object' || order === null) throw new TypeError('A control line is a JSON object.');
    for (const [name, value] of Object.entries(order)) {
      if (name === 'fault') line.modbus.control.set(parseMisbehaviour(value));
      else if (name === 'clear') line.modbus.control.clear();
      else if (name === 'disconnect') line.modbus.control.disconnectAll();
      else if (name === 'breakStrip') line.mill.breakStrip();
      else if (name === 'restart' && typeof value === 'number' && value >= 0) await line.modbus.control.restart(value);
      else throw new TypeError(`Unknown order "${name}"; --help lists them.`);
    }
    return { ok: true };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

try {
  const flags = parseFlags(process.argv.slice(2));
  if (flags.help) process.stdout.write(HELP);
  else await run(flags);
} catch (error) {
  const busy = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${busy ? `The port is in use (${text}). --port 0 takes a free one.` : text}\n`);
  process.exitCode = 1;
}
