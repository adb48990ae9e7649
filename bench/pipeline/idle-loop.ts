import { type ChildProcess, spawn } from 'node:child_process';

export interface Stalls {
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * The stalls of a process that does nothing, at the same time on the same machine: what the operating system and its
 * neighbours are to blame for. Call `end` to get them.
 */
export function watchIdleLoop(): { end(): Promise<Stalls> } {
  const script = `
    const { monitorEventLoopDelay } = require('node:perf_hooks');
    const delay = monitorEventLoopDelay({ resolution: 1 });
    setTimeout(() => { delay.enable(); }, 200);
    process.stdin.on('end', () => {
      delay.disable();
      process.stdout.write(JSON.stringify({ p99Ms: delay.percentile(99) / 1e6, maxMs: delay.max / 1e6 }));
    });
    process.stdin.resume();
  `;
  const child: ChildProcess = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  return {
    end() {
      return new Promise((resolve, reject) => {
        let text = '';
        child.stdout?.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        child.on('error', reject);
        child.on('close', () => resolve(JSON.parse(text) as Stalls));
        child.stdin?.end();
      });
    },
  };
}
