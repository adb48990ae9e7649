import { execFile } from 'node:child_process';
import { readdir, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';

export interface SerialPortName {
  /** What is opened: /dev/ttyUSB0, /dev/cu.usbserial-1, COM3. */
  readonly path: string;
  /** What is known about it, for people; may be empty. */
  readonly label: string;
}

/** The serial ports of this computer. Never fails: what can't be looked up is not in the list. */
export async function serialPorts(platform: NodeJS.Platform = process.platform): Promise<readonly SerialPortName[]> {
  if (platform === 'win32') return windowsPorts();
  if (platform === 'darwin') {
    const names = (await entries('/dev')).filter((name) => name.startsWith('cu.'));
    return names.map((name) => ({ path: `/dev/${name}`, label: '' }));
  }
  return linuxPorts('/');
}

/** `root` stands for `/`. A port that is named by its adapter keeps its name when it is plugged in elsewhere. */
export async function linuxPorts(root: string): Promise<readonly SerialPortName[]> {
  const named = join(root, 'dev/serial/by-id');
  const ports: SerialPortName[] = [];
  for (const name of await entries(named)) {
    const target = await readlink(join(named, name)).catch(() => '');
    ports.push({ path: `/dev/serial/by-id/${name}`, label: basename(target) });
  }
  const known = new Set(ports.map(({ label }) => label));
  const devices = new Set(await entries(join(root, 'dev')));
  for (const name of await entries(join(root, 'sys/class/tty'))) {
    if (known.has(name) || !devices.has(name)) continue;
    // Consoles and pseudo-terminals have no driver; four ports that may not exist always have this one.
    const driver = basename(await readlink(join(root, 'sys/class/tty', name, 'device/driver')).catch(() => ''));
    if (driver !== '' && driver !== 'serial8250') ports.push({ path: `/dev/${name}`, label: driver });
  }
  return ports;
}

const REGISTRY = String.raw`HKLM\HARDWARE\DEVICEMAP\SERIALCOMM`;

function windowsPorts(): Promise<readonly SerialPortName[]> {
  return new Promise((resolve) => {
    execFile('reg', ['query', REGISTRY], { timeout: 3000, windowsHide: true }, (error, text) =>
      resolve(error === null ? portsOfRegistry(text) : []),
    );
  });
}

/** Lines such as `    \Device\VCP0    REG_SZ    COM3`. */
export function portsOfRegistry(text: string): readonly SerialPortName[] {
  return [...text.matchAll(/^\s*(\S.*?)\s+REG_SZ\s+(\S+)\s*$/gm)].map((match) => ({
    path: match[2]!,
    label: basename(match[1]!.replaceAll('\\', '/')),
  }));
}

async function entries(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}
