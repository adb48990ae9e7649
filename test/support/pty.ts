import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pathOf } from './needs.ts';

export interface SerialLine {
  /** What a serial port is opened by. */
  readonly path: string;
  /** The terminal is gone afterwards, as when an adapter is unplugged. May be called twice. */
  unplug(): Promise<void>;
}

/** A serial line of the kernel's own (a pseudo-terminal) to whatever listens on `port`. Needs python3 and no Windows. */
export async function serialLine(port: number): Promise<SerialLine> {
  const script = fileURLToPath(new URL('./pty-bridge.py', import.meta.url));
  const child = spawn(pathOf('python3'), [script, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended.then(() => [null])])) as [Buffer | null];
  if (line === null) throw new Error('The pseudo-terminal did not come up.');
  return {
    path: String(line).trim(),
    async unplug() {
      child.stdin.end();
      await ended;
    },
  };
}
