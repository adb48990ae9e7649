import { z } from 'zod';
import { wordOrder } from '#shared/model/index.ts';
import { MAX_DATA_BYTES, producerNumber } from './header.ts';
import sample from './sample.json' with { type: 'json' };

// Defaults come from sample.json, so that form, README and tests can't drift apart.
const link = sample.config;
const exchange = sample.device;

const ipv4 = (text: string): boolean => producerNumber(text) !== null;
const isGroup = (text: string): boolean => {
  const number = producerNumber(text);
  return number !== null && number >= 0xe000_0000 && number <= 0xefff_ffff;
};

export const egdConfig = z.object({
  port: z
    .number()
    .int('A port is a whole number.')
    .min(1, 'Ports are 1 to 65535; EGD is 18246.')
    .max(65_535, 'Ports are 1 to 65535; EGD is 18246.')
    .default(link.port)
    .meta({ title: 'Port', help: 'UDP port on which producers send, 18246 unless set otherwise.', group: 'Link' }),
  localAddress: z
    .string()
    .trim()
    .max(15)
    .refine((text) => text === '' || ipv4(text), 'Write an IPv4 address of this computer, such as 192.168.0.5.')
    .default(link.localAddress)
    .meta({
      title: 'Own address',
      help: 'IPv4 address of the network adapter to listen on. Empty listens on all.',
      group: 'Link',
      empty: 'all adapters',
      choicesFrom: 'own-addresses',
    }),
  groups: z
    .array(z.string().trim().refine(isGroup, 'Groups are IPv4 multicast addresses, such as 224.0.7.1.'))
    .max(32, 'At most 32 groups.')
    .default(link.groups)
    .meta({
      title: 'Multicast groups',
      help: 'Groups to join, such as 224.0.7.1 (group 1) to 224.0.7.32. Leave empty where producers send to this computer.',
      group: 'Link',
    }),
  acceptSwapped: z.boolean().default(link.acceptSwapped).meta({
    title: 'Accept swapped type and version',
    help: 'Some simulators exchange the first two bytes of the header. Real controllers do not.',
    group: 'Link',
  }),
});
export type EgdConfig = z.infer<typeof egdConfig>;

const whole = 4_294_967_295;
export const egdDevice = z.object({
  producerId: z
    .string()
    .trim()
    .refine(ipv4, 'A producer id is written as an IPv4 address, such as 192.168.0.10.')
    .default(exchange.producerId)
    .meta({
      title: 'Producer id',
      help: 'As in the header of the productions: mostly the IPv4 address of the producer, but it may be set to any.',
      group: 'Exchange',
    }),
  exchangeId: z
    .number()
    .int('An exchange id is a whole number.')
    .min(0, 'Exchange ids are 0 to 4294967295.')
    .max(whole, 'Exchange ids are 0 to 4294967295.')
    .default(exchange.exchangeId)
    .meta({ title: 'Exchange id', help: 'Number of the exchange at its producer.', group: 'Exchange' }),
  byteOrder: wordOrder.default(wordOrder.parse(exchange.byteOrder)).meta({
    title: 'Byte order',
    help: 'DCBA: little endian, as GE controllers send. ABCD: big endian. A tag can differ.',
    group: 'Values',
  }),
  dataBytes: z
    .number()
    .int()
    .min(0, 'At least 0.')
    .max(MAX_DATA_BYTES, `A production carries at most ${MAX_DATA_BYTES} bytes.`)
    .default(exchange.dataBytes)
    .meta({
      title: 'Data length',
      unit: 'bytes',
      help: 'Length the layout was made for. Productions of another length are marked bad. 0 takes any.',
      group: 'Layout',
    }),
  signature: z.number().int().min(0, 'At least 0.').max(whole).default(exchange.signature).meta({
    title: 'Configuration signature',
    help: 'Signature the layout was made for, as a number (1.0 is 256). Another one marks the data bad, because their places may have moved. 0 takes any.',
    group: 'Layout',
  }),
  timeoutMs: z
    .number()
    .int()
    .min(10, 'At least 10 ms.')
    .max(3_600_000, 'At most one hour.')
    .default(exchange.timeoutMs)
    .meta({
      title: 'Time-out',
      unit: 'ms',
      help: 'Without a production for so long and the period of the tag, data are bad. Three periods of the exchange are usual.',
      group: 'Timing',
    }),
});
export type EgdDevice = z.infer<typeof egdDevice>;

export const endpointOf = (config: EgdConfig): string =>
  `UDP ${config.localAddress === '' ? 'port' : config.localAddress}${config.localAddress === '' ? ' ' : ':'}${config.port}`;
