import { z } from 'zod';
import { isAppError } from '#shared/errors.ts';
import { wordOrder } from '#shared/model/index.ts';
import { formatAddress, type Numbering, parseAddress, refuse } from './address.ts';
import sample from './sample.json' with { type: 'json' };
import type { Table } from './table.ts';

// Defaults come from sample.json, so that form, README and tests can't drift apart.
const link = sample.config;
const unit = sample.device;

export const modbusConfig = z.object({
  host: z
    .string()
    .trim()
    .min(1, 'A host is needed: an IP address such as 192.168.0.10, or a name.')
    .max(253, 'A host name has at most 253 characters.')
    .regex(/^[^\s/@]*$/, 'Write only the address or name, without blanks, "/" and "@".')
    .meta({ title: 'Host', help: 'IP address or name of the device or gateway.', group: 'Link' }),
  port: z
    .number()
    .int('A port is a whole number.')
    .min(1, 'Ports are 1 to 65535; Modbus TCP is 502.')
    .max(65_535, 'Ports are 1 to 65535; Modbus TCP is 502.')
    .default(link.port)
    .meta({ title: 'Port', help: 'TCP port, 502 unless the device was set otherwise.', group: 'Link' }),
  connectTimeoutMs: z
    .number()
    .int()
    .min(100, 'At least 100 ms.')
    .max(60_000, 'At most 60 s.')
    .default(link.connectTimeoutMs)
    .meta({ title: 'Connect time-out', unit: 'ms', help: 'How long to wait for the TCP connection.', group: 'Link' }),
  localAddress: z.string().trim().max(45).default(link.localAddress).meta({
    title: 'Own address',
    help: 'IP address of the network adapter to use. Empty lets the system choose.',
    group: 'Link',
    choicesFrom: 'own-addresses',
  }),
});
export type ModbusConfig = z.infer<typeof modbusConfig>;

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
