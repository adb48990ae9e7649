import { z } from 'zod';
import type { DialTarget } from '#engine/platform/index.ts';
import { parseRoute } from './path.ts';
import sample from './sample.json' with { type: 'json' };

// Defaults come from sample.json, so that form, README and tests can't drift apart.
const link = sample.config;
const unit = sample.device;

export const eipConfig = z.object({
  host: z
    .string()
    .trim()
    .min(1, 'A host is needed: an IP address such as 192.168.0.10, or a name.')
    .max(253, 'A host name has at most 253 characters.')
    .regex(/^[^\s/@]*$/, 'Write only the address or name, without blanks, "/" and "@".')
    .meta({
      title: 'Host',
      help: 'IP address or name of the controller, or of the network module in its rack.',
      group: 'Link',
    }),
  port: z
    .number()
    .int('A port is a whole number.')
    .min(1, 'Ports are 1 to 65535; EtherNet/IP is 44818.')
    .max(65_535, 'Ports are 1 to 65535; EtherNet/IP is 44818.')
    .default(link.port)
    .meta({ title: 'Port', help: 'TCP port, 44818 unless a router in between changes it.', group: 'Link' }),
  connectTimeoutMs: z
    .number()
    .int()
    .min(100, 'At least 100 ms.')
    .max(60_000, 'At most 60 s.')
    .default(link.connectTimeoutMs)
    .meta({
      title: 'Connect time-out',
      unit: 'ms',
      help: 'How long to wait for the TCP connection, and for the session on it.',
      group: 'Link',
    }),
  localAddress: z.string().trim().max(45).default(link.localAddress).meta({
    title: 'Own address',
    help: 'IP address of the network adapter to use. Empty lets the system choose.',
    group: 'Link',
    empty: 'chosen by the system',
    choicesFrom: 'own-addresses',
  }),
});
export type EipConfig = z.infer<typeof eipConfig>;

export const connectionKind = z.enum(['auto', 'large', 'small', 'none']);

export const eipDevice = z.object({
  route: z
    .string()
    .trim()
    .max(200, 'A path has at most 200 characters.')
    .superRefine((text, context) => {
      const hops = parseRoute(text);
      if (typeof hops === 'string') context.addIssue({ code: 'custom', message: hops });
    })
    .default(unit.route)
    .meta({
      title: 'Path',
      help: 'Way from the host to the controller: 1,0 is slot 0 of the rack, 1,4,2,192.168.1.5 goes on through the module in slot 4. Leave it empty for Micro800, Omron and others without a rack.',
      group: 'Controller',
    }),
  connection: connectionKind.default(connectionKind.parse(unit.connection)).meta({
    title: 'Connection',
    help: 'auto: packets of 4002 bytes, or else of 500, or else without a connection in the controller. The others take that kind alone; none leaves the connections of the controller to other programs.',
    group: 'Requests',
  }),
  multiple: z.boolean().default(unit.multiple).meta({
    title: 'Many tags per packet',
    help: 'Off reads each tag by itself. A controller that does not know packets of many is noticed anyway.',
    group: 'Requests',
  }),
  responseTimeoutMs: z
    .number()
    .int()
    .min(10, 'At least 10 ms.')
    .max(60_000, 'At most 60 s.')
    .default(unit.responseTimeoutMs)
    .meta({
      title: 'Response time-out',
      unit: 'ms',
      help: 'How long to wait for each answer. Micro800 and paths over VPN need more.',
      group: 'Timing',
    }),
});
export type EipDevice = z.infer<typeof eipDevice>;

export const endpointOf = (config: Pick<EipConfig, 'host' | 'port'>): string =>
  `${config.host.includes(':') ? `[${config.host}]` : config.host}:${config.port}`;

export const dialTarget = (config: EipConfig): DialTarget => ({
  ...config,
  endpoint: endpointOf(config),
  refusedAdvice: 'Check that EtherNet/IP is enabled in the controller and that the port is right.',
});
