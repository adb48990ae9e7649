import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { linuxPorts, portsOfRegistry, serialPorts } from '#engine/platform/serial-ports.ts';
import { unless } from '#test/support/needs.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

it.skipIf(unless(process.platform !== 'win32', 'needs symbolic links'))(
  'names ports by their adapter, else by their device, and leaves consoles out',
  async () => {
    const root = temporaryDirectory();
    const tty = (name: string, driver: string | null): void => {
      mkdirSync(join(root, 'sys/class/tty', name, 'device'), { recursive: true });
      if (driver !== null) symlinkSync(`../../bus/${driver}`, join(root, 'sys/class/tty', name, 'device/driver'));
      writeFileSync(join(root, 'dev', name), '');
    };
    mkdirSync(join(root, 'dev/serial/by-id'), { recursive: true });
    tty('ttyUSB0', 'ftdi_sio');
    tty('ttyUSB1', 'ch341-uart');
    tty('ttyS0', 'serial8250');
    tty('tty1', null);
    symlinkSync('../../ttyUSB0', join(root, 'dev/serial/by-id/usb-FTDI_A1B2'));
    expect(await linuxPorts(root)).toEqual([
      { path: '/dev/serial/by-id/usb-FTDI_A1B2', label: 'ttyUSB0' },
      { path: '/dev/ttyUSB1', label: 'ch341-uart' },
    ]);
    expect(await linuxPorts(join(root, 'nothing'))).toEqual([]);
  },
);

it('reads the list of Windows', () => {
  const text =
    '\r\nHKEY_LOCAL_MACHINE\\HARDWARE\\DEVICEMAP\\SERIALCOMM\r\n    \\Device\\Serial0    REG_SZ    COM1\r\n    \\Device\\VCP0    REG_SZ    COM12\r\n\r\n';
  expect(portsOfRegistry(text)).toEqual([
    { path: 'COM1', label: 'Serial0' },
    { path: 'COM12', label: 'VCP0' },
  ]);
});

it.each(['linux', 'darwin', 'win32'] as const)('gives a list where nothing of %s is there', async (platform) => {
  expect(Array.isArray(await serialPorts(platform))).toBe(true);
});
