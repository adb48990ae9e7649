import { deviceStatusQuality, QUALITY, type Quality } from '#shared/model/index.ts';

// Status of a production, as producers put it into the header. Only some are known by name.
const names: Readonly<Record<number, string>> = {
  0: 'no status',
  1: 'no error',
  2: 'consumed',
  3: 'the clock of the producer is not synchronised',
  4: 'specification error',
  6: 'refresh error',
  7: 'refresh time exceeded',
  10: 'IP address error',
  16: 'name resolution failed',
  30: 'the exchange was deleted',
};
/** The clock is not synchronised: the data are good, their time is not. */
const CLOCK_UNSYNCHRONISED = 3;
const GOOD: readonly number[] = [0, 1, 2, CLOCK_UNSYNCHRONISED];

export function statusName(status: number): string | undefined {
  const known = names[status];
  return known === undefined ? undefined : `status ${status}, ${known}`;
}

/** Quality of the data under a production's status. */
export function qualityOf(status: number): Quality {
  if (GOOD.includes(status)) return QUALITY.good;
  return status >= 1 && status <= 127 ? deviceStatusQuality(status) : QUALITY.badDeviceFailure;
}

export const timeIsSound = (status: number): boolean => status !== CLOCK_UNSYNCHRONISED;
