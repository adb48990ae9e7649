import type { Clock } from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';
import type { ModbusDevice } from './config.ts';
import { EXCEPTION } from './exceptions.ts';
import type { Link, PlainAnswer } from './link.ts';
import type { Unit } from './plan.ts';
import { type Table, tables } from './table.ts';

/** How often a request is repeated whose answer was disturbed on the line. */
const DISTURBED_RETRIES = 2;

export interface Places {
  readonly table: Table;
  readonly offset: number;
  readonly count: number;
}

/**
 * Asks a unit as its settings want it: with pauses, and again where it is busy or the line was disturbed. `heard` is told
 * of every answer that was sound enough to be one.
 */
export async function askUnit(
  unit: Unit,
  link: Link,
  clock: Clock,
  { table, offset, count }: Places,
  signal: AbortSignal,
  heard?: (answer: PlainAnswer) => void,
): Promise<PlainAnswer> {
  const { settings } = unit;
  let disturbed = 0;
  for (let attempt = 0; ; attempt++) {
    const rest = unit.idleSince + settings.pauseMs - clock.monotonicMs();
    if (rest > 0) await clock.sleep(rest, signal);
    const answer = await link.read(
      settings.unitId,
      tables[table].readFunction,
      offset,
      count,
      settings.responseTimeoutMs,
      signal,
    );
    unit.idleSince = clock.monotonicMs();
    if (answer.kind === 'disturbed') {
      if (disturbed++ >= DISTURBED_RETRIES) return { kind: 'malformed', reason: answer.reason };
      attempt--;
      continue;
    }
    heard?.(answer);
    const busy = answer.kind === 'exception' && isBusy(answer.code);
    if (!busy || attempt >= settings.busyRetries) return answer;
    await clock.sleep(settings.busyDelayMs, signal);
  }
}

export const isGateway = (code: number): boolean => code === EXCEPTION.gatewayPath || code === EXCEPTION.gatewayTarget;
export const isBusy = (code: number): boolean => code === EXCEPTION.busy || code === EXCEPTION.acknowledge;

export function silentUnit(link: Link, settings: ModbusDevice, reason: string): AppError<'protocol.timeout'> {
  return new AppError(
    'protocol.timeout',
    `${link.endpoint}: ${reason} Check that the device is on and that its unit id is ${settings.unitId}.`,
    { details: { afterMs: settings.responseTimeoutMs }, retryable: true },
  );
}

export function badAnswer(link: Link, unit: number, reason: string): AppError<'protocol.bad-answer'> {
  return new AppError(
    'protocol.bad-answer',
    `${link.endpoint}: unit ${unit} answers in a way that can't be used: ${reason}.`,
    {
      details: { reason },
      retryable: true,
    },
  );
}
