import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Keeps a computer without the desktop host awake while something is recorded, by a helper of the operating system that
 * ends with this process. Where there is none (containers, servers that never sleep) nothing happens.
 */
export function keepSystemAwake(platform: NodeJS.Platform = process.platform): { set(busy: boolean): void } {
  let helper: ChildProcess | null = null;
  return {
    set(busy) {
      if (!busy) {
        helper?.kill();
        helper = null;
        return;
      }
      if (helper !== null) return;
      const command = commandOf(platform);
      if (command === null) return;
      const child = spawn(command[0], command.slice(1), { stdio: 'ignore' });
      helper = child;
      const forget = (): void => {
        if (helper === child) helper = null;
      };
      child.on('error', forget);
      child.on('exit', forget);
      child.unref();
    },
  };
}

function commandOf(platform: NodeJS.Platform): readonly [string, ...string[]] | null {
  if (platform === 'linux') {
    return [
      'systemd-inhibit',
      '--what=sleep:idle',
      '--who=ParX',
      '--why=A recording is running',
      'tail',
      `--pid=${process.pid}`,
      '-f',
      '/dev/null',
    ];
  }
  if (platform === 'darwin') return ['caffeinate', '-i', '-w', String(process.pid)];
  if (platform === 'win32') {
    // SetThreadExecutionState(ES_CONTINUOUS | ES_SYSTEM_REQUIRED) holds as long as the thread that called it lives.
    const script = `Add-Type -Name P -Namespace X -MemberDefinition '[DllImport("kernel32.dll")] public static extern uint SetThreadExecutionState(uint f);'; [void][X.P]::SetThreadExecutionState(2147483649); Wait-Process -Id ${process.pid}`;
    return ['powershell.exe', '-NoProfile', '-NonInteractive', '-Command', script];
  }
  return null;
}
