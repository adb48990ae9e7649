import { z } from 'zod';
import { refuse } from '#shared/errors.ts';

/** Settings of one database; its password is kept apart from them. */
export const timescaleConfig = z.object({
  host: z
    .string()
    .min(1, 'Write the name or the IP address of the server.')
    .max(255)
    .default('127.0.0.1')
    .meta({ title: 'Server', help: 'Name or IP address.', group: 'Address' }),
  port: z.number().int().min(1).max(65_535).default(5_432).meta({ title: 'Port', group: 'Address' }),
  database: z
    .string()
    .min(1, 'Write the name of the database.')
    .max(63)
    .default('postgres')
    .meta({ title: 'Database', group: 'Address' }),
  user: z
    .string()
    .min(1, 'Write the name that the database knows the login by.')
    .max(63)
    .default('parx')
    .meta({ title: 'User', help: 'A login that may only read is enough, and safest.', group: 'Login' }),
  password: z.string().max(1_000).default('').meta({ title: 'Password', secret: true, group: 'Login' }),
  tls: z
    .enum(['verify', 'unverified', 'off'])
    .default('verify')
    .meta({
      title: 'Encryption',
      group: 'Encryption',
      help: 'verify: encrypted, and the server proves who it is. unverified: encrypted, but anybody may pose as the server. off: everything can be read on the way.',
      choiceNames: { verify: 'TLS, certificate checked', unverified: 'TLS, certificate not checked', off: 'None' },
    }),
  authority: z
    .string()
    .max(100_000)
    .default('')
    .meta({
      title: 'Certificate authority',
      group: 'Encryption',
      help: 'PEM text of the certificate that the server’s certificate was issued by. Empty: those that this computer trusts.',
      showIf: { tls: 'verify' },
      multiline: true,
    }),
  schema: z.string().max(63).default('parx').meta({
    title: 'Schema of ParX',
    group: 'Own tables',
    help: 'Where ParX keeps tables of its own, if it was told to make them. Nothing is made by itself.',
  }),
  write: z.boolean().default(false).meta({
    title: 'Write',
    group: 'Own tables',
    help: 'Off: every session is read-only. On: ParX may make and fill its own tables; those of others are still only read.',
  }),
  conflict: z
    .enum(['newer', 'first'])
    .default('newer')
    .meta({
      title: 'A sample that is there already',
      group: 'Own tables',
      help: 'Of a series and a time: what is written later replaces it, or is left out.',
      choiceNames: { newer: 'is replaced', first: 'stays' },
      showIf: { write: true },
    }),
  connectTimeoutMs: z
    .number()
    .int()
    .min(100)
    .max(60_000)
    .default(5_000)
    .meta({ title: 'Time to connect', unit: 'ms', group: 'Address' }),
});
export type TimescaleConfig = z.infer<typeof timescaleConfig>;

/** "192.168.0.10:5432/plant". */
export const endpointOf = ({ host, port, database }: TimescaleConfig): string =>
  `${hostText(host)}:${port}/${database}`;
const hostText = (host: string): string => (host.includes(':') ? `[${host}]` : host);

const WRITE_A_URL = 'Write postgres://user:password@server:5432/database?sslmode=verify-full.';
const tlsModes: Readonly<Record<string, TimescaleConfig['tls']>> = {
  disable: 'off',
  allow: 'unverified',
  prefer: 'unverified',
  require: 'unverified',
  'verify-ca': 'verify',
  'verify-full': 'verify',
};

/** From an address as PostgreSQL's own programs take it. Throws `config.invalid`. */
export function fromUrl(text: string): { settings: Record<string, unknown>; secrets: Record<string, string> } {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    return refuse('url', `This is no address. ${WRITE_A_URL}`);
  }
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') {
    return refuse('url', `An address of this kind begins with postgres://. ${WRITE_A_URL}`);
  }
  const plain = (part: string): string => {
    try {
      return decodeURIComponent(part);
    } catch {
      return refuse('url', 'A "%" stands for itself as "%25". Write it so in names and passwords.');
    }
  };
  const mode = url.searchParams.get('sslmode');
  const tls = mode === null ? undefined : tlsModes[mode];
  if (mode !== null && tls === undefined) {
    return refuse(
      'url',
      `There is no sslmode "${mode.slice(0, 40)}". Write one of ${Object.keys(tlsModes).join(', ')}.`,
    );
  }
  const user = plain(url.username);
  const password = plain(url.password);
  const database = plain(url.pathname.slice(1));
  if (url.hostname === '') return refuse('url', `The address names no server. ${WRITE_A_URL}`);
  const settings = {
    host: plain(url.hostname).replace(/^\[(.*)\]$/, '$1'),
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    ...(database === '' ? {} : { database }),
    ...(user === '' ? {} : { user }),
    ...(tls === undefined ? {} : { tls }),
  };
  return { settings, secrets: password === '' ? {} : { password } };
}

/** The other way round, without the password. */
export function toUrl({ host, port, database, user, tls }: TimescaleConfig): string {
  const mode = { verify: 'verify-full', unverified: 'require', off: 'disable' }[tls];
  return `postgres://${encodeURIComponent(user)}@${hostText(host)}:${port}/${encodeURIComponent(database)}?sslmode=${mode}`;
}
