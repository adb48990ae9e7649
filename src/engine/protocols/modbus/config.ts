import { z } from 'zod';
import { isAppError, refuse } from '#shared/errors.ts';
import { wordOrder } from '#shared/model/index.ts';
import { formatAddress, type Numbering, parseAddress } from './address.ts';
import sample from './sample.json' with { type: 'json' };
import type { Table } from './table.ts';

// Defaults come from sample.json, so that form, README and tests can't drift apart.
const link = sample.config;
const unit = sample.device;

const framing = z.enum(['tcp', 'rtu-over-tcp', 'rtu-serial']);
const parity = z.enum(['none', 'even', 'odd']);
const overTcp = { framing: ['tcp', 'rtu-over-tcp'] };
const overSerial = { framing: 'rtu-serial' };

const settings = z.object({
  framing: framing.default(framing.parse(link.framing)).meta({
    title: 'Framing',
    help: 'Modbus TCP for devices and gateways on the network. RTU over TCP: serial frames through a TCP socket, as device servers pass them on. RTU on a serial port of this computer.',
    choiceNames: { tcp: 'Modbus TCP', 'rtu-over-tcp': 'RTU over TCP', 'rtu-serial': 'RTU, serial port' },
    group: 'Link',
  }),
  host: z
    .string()
    .trim()
    .max(253, 'A host name has at most 253 characters.')
    .regex(/^[^\s/@]*$/, 'Write only the address or name, without blanks, "/" and "@".')
    .default('')
    .meta({ title: 'Host', help: 'IP address or name of the device or gateway.', group: 'Link', showIf: overTcp }),
  port: z
    .number()
    .int('A port is a whole number.')
    .min(1, 'Ports are 1 to 65535; Modbus TCP is 502.')
    .max(65_535, 'Ports are 1 to 65535; Modbus TCP is 502.')
    .default(link.port)
    .meta({
      title: 'Port',
      help: 'TCP port, 502 unless the device was set otherwise.',
      group: 'Link',
      showIf: overTcp,
    }),
  connectTimeoutMs: z
    .number()
    .int()
    .min(100, 'At least 100 ms.')
    .max(60_000, 'At most 60 s.')
    .default(link.connectTimeoutMs)
    .meta({
      title: 'Connect time-out',
      unit: 'ms',
      help: 'How long to wait for the TCP connection, or for the serial port to open.',
      group: 'Link',
    }),
  localAddress: z.string().trim().max(45).default(link.localAddress).meta({
    title: 'Own address',
    help: 'IP address of the network adapter to use. Empty lets the system choose.',
    group: 'Link',
    empty: 'chosen by the system',
    choicesFrom: 'own-addresses',
    showIf: overTcp,
  }),
  path: z.string().trim().max(255, 'A port has at most 255 characters.').default(link.path).meta({
    title: 'Serial port',
    help: 'COM3 on Windows; on Linux /dev/ttyUSB0, or better its name under /dev/serial/by-id, which stays the same.',
    group: 'Link',
    choicesFrom: 'serial-ports',
    showIf: overSerial,
  }),
  baudRate: z
    .number()
    .int('A baud rate is a whole number.')
    .min(50, 'At least 50 Bd.')
    .max(4_000_000, 'At most 4,000,000 Bd.')
    .default(link.baudRate)
    .meta({
      title: 'Baud rate',
      unit: 'Bd',
      help: 'As set at all devices of the line.',
      group: 'Link',
      showIf: overSerial,
    }),
  parity: parity.default(parity.parse(link.parity)).meta({
    title: 'Parity',
    help: 'As set at all devices of the line. The standard asks for even; many devices come with none.',
    group: 'Link',
    showIf: overSerial,
  }),
  stopBits: z
    .number()
    .int()
    .min(1, 'Stop bits are 1 or 2.')
    .max(2, 'Stop bits are 1 or 2.')
    .default(link.stopBits)
    .meta({
      title: 'Stop bits',
      help: '1, or 2 where there is no parity and the devices ask for it.',
      group: 'Link',
      showIf: overSerial,
    }),
  pauseAfterConnectMs: z
    .number()
    .int()
    .min(0, 'At least 0 ms.')
    .max(10_000, 'At most 10 s.')
    .default(link.pauseAfterConnectMs)
    .meta({
      title: 'Pause after connect',
      unit: 'ms',
      help: 'Wait before the first request, for devices that lose it when it comes at once.',
      group: 'Requests',
    }),
  requestsPerSecond: z
    .number()
    .int()
    .min(0, 'At least 0, which means no limit.')
    .max(1000, 'At most 1000.')
    .default(link.requestsPerSecond)
    .meta({
      title: 'Requests per second',
      help: 'At most so many on this connection, to protect a controller with little time for communication. 0: no limit.',
      group: 'Requests',
    }),
});

export const modbusConfig = settings.superRefine((config, context) => {
  const need = (name: 'host' | 'path', message: string): void => {
    if (config[name] === '') context.addIssue({ code: 'custom', path: [name], message });
  };
  if (isSerial(config)) need('path', 'A serial port is needed, such as COM3 or /dev/ttyUSB0.');
  else need('host', 'A host is needed: an IP address such as 192.168.0.10, or a name.');
});
export type ModbusConfig = z.infer<typeof modbusConfig>;

export const isSerial = (config: Pick<ModbusConfig, 'framing'>): boolean => config.framing === 'rtu-serial';

export const modbusDevice = z
  .object({
    unitId: z
      .number()
      .int('A unit id is a whole number.')
      .min(0, 'Unit ids are 0 to 255.')
      .max(255, 'Unit ids are 0 to 255.')
      .default(unit.unitId)
      .meta({
        title: 'Unit id',
        help: 'Number of the device behind a gateway. Devices with their own network port mostly take 1, 255 or any.',
        group: 'Device',
      }),
    wordOrder: wordOrder.default(wordOrder.parse(unit.wordOrder)).meta({
      title: 'Word order',
      help: 'ABCD: high word and high byte first (big endian). CDAB: words swapped. BADC: bytes swapped in each register. DCBA: both (little endian). A tag can differ.',
      group: 'Values',
    }),
    stringOrder: z
      .enum(['ABCD', 'BADC'])
      .default(unit.stringOrder === 'BADC' ? 'BADC' : 'ABCD')
      .meta({
        title: 'String order',
        help: 'ABCD: first character in the high byte of a register. BADC: in the low byte.',
        group: 'Values',
      }),
    addressBase: z
      .enum(['one', 'zero'])
      .default(unit.addressBase === 'zero' ? 'zero' : 'one')
      .meta({
        title: 'First register',
        help: 'one: HR1 is the first holding register. zero: HR0 is. Numbers such as 400001 always count from one.',
        group: 'Values',
      }),
    maxRegisters: z
      .number()
      .int()
      .min(1, 'At least 1.')
      .max(125, 'The protocol allows 125 registers in a request.')
      .default(unit.maxRegisters)
      .meta({ title: 'Registers per request', help: '1 to 125; lower where the device says so.', group: 'Requests' }),
    maxBits: z
      .number()
      .int()
      .min(1, 'At least 1.')
      .max(2000, 'The protocol allows 2000 bits in a request.')
      .default(unit.maxBits)
      .meta({ title: 'Bits per request', help: 'Coils and discrete inputs: 1 to 2000.', group: 'Requests' }),
    maxGapRegisters: z
      .number()
      .int()
      .min(0, 'At least 0.')
      .max(125, 'At most 125.')
      .default(unit.maxGapRegisters)
      .meta({
        title: 'Register gap',
        help: 'Unused registers that may be read along to save a request. 0 reads only what is needed.',
        group: 'Requests',
      }),
    maxGapBits: z
      .number()
      .int()
      .min(0, 'At least 0.')
      .max(2000, 'At most 2000.')
      .default(unit.maxGapBits)
      .meta({ title: 'Bit gap', help: 'The same for coils and discrete inputs.', group: 'Requests' }),
    forbidden: z.array(z.string().max(100)).max(100, 'At most 100 ranges.').default(unit.forbidden).meta({
      title: 'Never read',
      help: 'Ranges that no request may touch, such as 400101-400120 or HR500.',
      group: 'Requests',
    }),
    responseTimeoutMs: z
      .number()
      .int()
      .min(10, 'At least 10 ms.')
      .max(60_000, 'At most 60 s.')
      .default(unit.responseTimeoutMs)
      .meta({ title: 'Response time-out', unit: 'ms', help: 'How long to wait for each answer.', group: 'Timing' }),
    oneValuePerRequest: z.boolean().default(unit.oneValuePerRequest).meta({
      title: 'One value per request',
      help: 'Each value is asked for alone, for devices that cannot answer for several at once.',
      group: 'Requests',
    }),
    pauseMs: z.number().int().min(0, 'At least 0 ms.').max(10_000, 'At most 10 s.').default(unit.pauseMs).meta({
      title: 'Pause',
      unit: 'ms',
      help: 'Wait between two requests, for devices that lose requests which follow too fast.',
      group: 'Timing',
    }),
    busyRetries: z.number().int().min(0, 'At least 0.').max(20, 'At most 20.').default(unit.busyRetries).meta({
      title: 'Busy retries',
      help: 'How often a request is repeated in one poll when the device answers that it is busy.',
      group: 'Timing',
    }),
    busyDelayMs: z
      .number()
      .int()
      .min(1, 'At least 1 ms.')
      .max(10_000, 'At most 10 s.')
      .default(unit.busyDelayMs)
      .meta({ title: 'Busy wait', unit: 'ms', help: 'Wait before a busy device is asked again.', group: 'Timing' }),
  })
  .superRefine((device, context) => {
    device.forbidden.forEach((text, index) => {
      try {
        parseRange(text, device);
      } catch (error) {
        if (!isAppError(error, 'config.invalid')) throw error;
        context.addIssue({ code: 'custom', path: ['forbidden', index], message: error.message });
      }
    });
  });
export type ModbusDevice = z.infer<typeof modbusDevice>;

/** A run of places in one table; both ends belong to it. */
export interface TableRange {
  readonly table: Table;
  readonly first: number;
  readonly last: number;
}

/** Reads `400101-400120`, `HR5-HR9` or a single address. Throws `config.invalid`. */
export function parseRange(text: string, numbering: Numbering): TableRange {
  const ends = text.split('-');
  if (ends.length > 2) refuse('forbidden', `"${text.slice(0, 40)}": write a range as 400101-400120.`);
  const [first, last = first] = ends.map((end) => parseAddress(end, numbering).address);
  if (first === undefined || last === undefined) return refuse('forbidden', 'Write a range as 400101-400120.');
  if (first.bit !== null || last.bit !== null || first.length !== null || last.length !== null) {
    refuse('forbidden', `"${text.slice(0, 40)}": a range has whole registers, without bits and strings.`);
  }
  if (first.table !== last.table) {
    refuse('forbidden', `"${text.slice(0, 40)}": both ends must be in the same table.`);
  }
  if (first.offset > last.offset) {
    refuse('forbidden', `The range ends before it starts. Write ${formatAddress(last)}-${formatAddress(first)}.`);
  }
  return { table: first.table, first: first.offset, last: last.offset };
}

/** Counts addresses from zero instead of from one, or the reverse; what is never read stays where it is. */
export function recounted(device: ModbusDevice, shift: -1 | 1): ModbusDevice | null {
  const addressBase = shift === 1 ? 'zero' : 'one';
  if (device.addressBase === addressBase) return null;
  const forbidden = device.forbidden.map((text) => {
    const { table, first, last } = parseRange(text, device);
    return [first, last].map((offset) => formatAddress({ table, offset, bit: null, length: null })).join('-');
  });
  return { ...device, addressBase, forbidden };
}
