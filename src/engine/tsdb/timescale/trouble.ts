import pg from 'pg';
import { AppError, isAppError } from '#shared/errors.ts';
import { endpointOf, type TimescaleConfig } from './config.ts';
import { UNREADABLE } from './dial.ts';

/** What the server or the way to it says, as one of our refusals in words that say what to do. */
export interface TroubleContext {
  readonly backend: string;
  readonly config: TimescaleConfig;
  readonly statementTimeoutMs: number;
}

const codeOf = (error: unknown): string => {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code: unknown = inner instanceof Error ? (inner as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
};

/** Anything that is no trouble of the database or the network is given back as it is. */
export function troubleOf(error: unknown, context: TroubleContext): unknown {
  if (isAppError(error) || !(error instanceof Error)) return error;
  const { backend, config, statementTimeoutMs } = context;
  const lost = lostText(error, config);
  const unavailable = (message: string, retryable: boolean): AppError =>
    new AppError('tsdb.unavailable', message, { details: { backend }, retryable, cause: error });
  if (lost !== null) return unavailable(lost.text, lost.retryable);
  if (!(error instanceof pg.DatabaseError)) return error;
  const code = codeOf(error);
  const said = sentence(error.message);
  if (code === '57014') {
    const seconds = statementTimeoutMs / 1_000;
    return new AppError(
      'tsdb.timeout',
      `The database ended the query, which had not answered within ${seconds} s. Ask for a shorter range or fewer series, or allow a longer time in the source's limits.`,
      { details: { backend, afterMs: statementTimeoutMs }, cause: error },
    );
  }
  const refused = (advice: string, retryable = false): AppError =>
    new AppError('tsdb.refused', `The database refused: ${said} ${advice}`, {
      details: { backend, reason: error.message },
      retryable,
      cause: error,
    });
  switch (code) {
    case '28P01':
    case '28000':
      return unavailable(
        `${endpointOf(config)} does not let ${config.user} in: ${said} Check user and password, and that the server's pg_hba.conf lets this computer in${config.tls === 'off' ? ' without encryption' : ''}.`,
        false,
      );
    case '3D000':
      return unavailable(
        `There is no database "${config.database}" on ${config.host}. Check its name; capitals count.`,
        false,
      );
    case '53300':
      return unavailable(
        `${endpointOf(config)} has no connection left. Close others, or ask its administrator to allow more.`,
        true,
      );
    case '53100':
      return unavailable(`The disk of ${endpointOf(config)} is full. Have space made on it.`, true);
    // Neither is an outage: the server is there, and other questions are answered.
    case '40001':
    case '40P01':
      return refused(
        'It gave the query up for work of its own and is asked again. If that is often so, read from the main server, or have max_standby_streaming_delay raised.',
        true,
      );
    case '55P03':
      return refused('Somebody who changes a table has locked it. Ask again when that has ended.');
    case '25P03':
    case '57P05':
      return unavailable(`${endpointOf(config)} ended a connection that had nothing to do. It is made again.`, true);
    case '57P04':
      return unavailable(`The database "${config.database}" has been removed. Check its name in the settings.`, false);
    case '57P01':
    case '57P02':
    case '57P03':
      return unavailable(`${endpointOf(config)} is being started or shut down. It is tried again by itself.`, true);
    case '42501':
      return refused(`Ask the administrator for the right to read it: GRANT SELECT ON ... TO ${config.user}.`);
    case '42P01':
    case '42703':
    case '3F000':
      return refused(
        'The table has been changed or removed since it was mapped: look at the mapping, and choose again.',
      );
    case '22003':
      return refused(
        'Some values are the largest numbers there are, which often stand for "none": no sum and no mean can hold them. Ask for the last, the smallest or the largest value, or map a view that leaves them out.',
      );
    case '22021':
    case '22P05':
      return refused(
        'Its texts are in another encoding than it says. Ask its administrator which one that is, and map a view that converts them (convert_from), or columns without such letters.',
      );
    case '25006':
      return refused('This source is only read. Ask for data only.');
    default:
      return refused('Check what was asked for; the text of the query is in the list of slow queries.');
  }
}

/** Of a connection that could not be made or has gone; null for what is neither. */
function lostText(error: Error, config: TimescaleConfig): { text: string; retryable: boolean } | null {
  const endpoint = endpointOf(config);
  const code = codeOf(error);
  if (code.startsWith('08')) return { text: `${endpoint} ended the connection. It is made again.`, retryable: true };
  if (error instanceof pg.DatabaseError) return null;
  const certificate = certificateText(code, error.message);
  if (certificate !== null) return { text: `${endpoint}: ${certificate}`, retryable: false };
  if (error.message.includes('does not support SSL')) {
    const text = `${endpoint} has no encryption. Have it switched on there (ssl = on), or choose "None" for the encryption where nobody can listen.`;
    return { text, retryable: false };
  }
  if (/SCRAM|SASL|password must be a string/.test(error.message)) {
    const text = `${endpoint} asks for a password, and the one that is kept does not serve. Enter it again.`;
    return { text, retryable: false };
  }
  switch (code) {
    case UNREADABLE:
      return { text: unreadable(endpoint, config.user, error.message), retryable: false };
    case 'ECONNREFUSED':
      return {
        text: `${endpoint} refused the connection: the computer is there, and no database listens on this port. Check the port, that the database runs, and its listen_addresses.`,
        retryable: true,
      };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        text: `The name ${config.host} is not known here. Check the spelling, or write the IP address.`,
        retryable: true,
      };
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
      return { text: `${endpoint} cannot be reached. Check cable, address and route.`, retryable: true };
    case 'ECONNRESET':
    case 'EPIPE':
      return { text: `The connection to ${endpoint} was lost. It is made again.`, retryable: true };
    case 'ETIMEDOUT':
      return { text: silent(endpoint), retryable: true };
  }
  if (/timeout expired|timed out/i.test(error.message)) return { text: silent(endpoint), retryable: true };
  if (/terminated|not queryable|Client was closed|ended/i.test(error.message)) {
    return { text: `The connection to ${endpoint} was lost. It is made again.`, retryable: true };
  }
  return null;
}

/** The kind of login is the only thing that a sound server may ask for and that is not had here. */
const unreadable = (endpoint: string, user: string, said: string): string =>
  said.includes('authentication')
    ? `${endpoint} wants ${user} to log in by the domain (Kerberos, GSSAPI or SSPI), which ParX does not. Ask its administrator for a line in pg_hba.conf that lets ${user} in from this computer with a password (scram-sha-256).`
    : `${endpoint} sent what no PostgreSQL server sends (${sentence(said)}) Check that this port is the database's own.`;

const silent = (endpoint: string): string =>
  `${endpoint} did not answer in time. Check address and port, and that no firewall in between drops them.`;

function certificateText(code: string, message: string): string | null {
  switch (code) {
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'the server\'s certificate was issued by somebody that this computer does not trust. Get the certificate of the plant\'s authority (PEM) from the administrator and put it into "Certificate authority".';
    case 'CERT_HAS_EXPIRED':
      return "the server's certificate has expired. Have it renewed, and check the clocks of both computers.";
    case 'CERT_NOT_YET_VALID':
      return "the server's certificate is not valid yet. Check the clocks of both computers.";
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the server's certificate is for another name (${sentence(message)}) Write the server as the certificate names it, or have one issued for this name.`;
  }
  if (code === 'ERR_OSSL_PEM_NO_START_LINE' || /PEM|bad base64|asn1/i.test(message)) {
    return 'the text under "Certificate authority" is no certificate. Paste the whole PEM text, from BEGIN CERTIFICATE to END CERTIFICATE.';
  }
  return code.startsWith('ERR_SSL_') || code === 'EPROTO'
    ? `no encryption could be agreed on (${sentence(message)}) Check that this port is the database's own.`
    : null;
}

/** What somebody else said, as a sentence. */
const sentence = (text: string): string => {
  const line = text.trim().split('\n')[0]!.slice(0, 300);
  return `${line.slice(0, 1).toUpperCase()}${line.slice(1)}${/[.!?]$/.test(line) ? '' : '.'}`;
};
