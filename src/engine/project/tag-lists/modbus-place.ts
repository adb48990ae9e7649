import type { NamedDevice } from './tag-list.ts';

/** What lists of Modbus programs say of a device; all of them mean one of these. */
export interface ModbusPlace {
  readonly key: string;
  readonly name: string;
  readonly connection: string;
  /** Of the link: over TCP by host and port, else a serial port. */
  readonly link:
    | { readonly kind: 'tcp'; readonly rtu: boolean; readonly host: string; readonly port: number }
    | {
        readonly kind: 'serial';
        readonly path: string;
        readonly baudRate: number | null;
        readonly parity: 'none' | 'even' | 'odd' | null;
        readonly stopBits: number | null;
      }
    | { readonly kind: 'unknown'; readonly problem: string };
  readonly unitId: number | null;
  readonly more?: { readonly connection?: Record<string, unknown>; readonly device?: Record<string, unknown> };
}

const present = (record: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null && value !== undefined));

export function modbusDevice({ key, name, connection, link, unitId, more }: ModbusPlace): NamedDevice {
  const common = { key, name, connection, protocol: 'modbus' };
  const device = present({ unitId });
  const further = { connection: present(more?.connection ?? {}), device: present(more?.device ?? {}) };
  switch (link.kind) {
    case 'tcp':
      return {
        ...common,
        same: { connection: { framing: link.rtu ? 'rtu-over-tcp' : 'tcp', host: link.host, port: link.port }, device },
        more: further,
        problem: null,
      };
    case 'serial':
      return {
        ...common,
        same: { connection: { framing: 'rtu-serial', path: link.path }, device },
        more: {
          connection: {
            ...present({ baudRate: link.baudRate, parity: link.parity, stopBits: link.stopBits }),
            ...further.connection,
          },
          device: further.device,
        },
        problem: null,
      };
    case 'unknown':
      return { ...common, same: { connection: {}, device }, more: further, problem: link.problem };
  }
}

/** "192.168.0.10:502", "[fe80::1]:502" or a host alone. Null where the port is none. */
export function hostAndPort(text: string, port: number): { readonly host: string; readonly port: number } | null {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text.trim());
  if (parts === null) return null;
  return { host: parts[1] ?? parts[2] ?? '', port: parts[3] === undefined ? port : Number(parts[3]) };
}

/** Places count from 0 as on the wire; the type names of the tables are those of most programs. */
export const offsetLetters: Readonly<Record<string, string>> = {
  coil: 'c',
  discrete: 'd',
  input: 'i',
  holding: 'h',
};
