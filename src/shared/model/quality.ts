/**
 * Quality of a sample: the high word of an OPC UA status code (OPC 10000-4, 7.39), so that the top two bits give the
 * family (00 good, 01 uncertain, 10 bad) and the rest the cause. Causes that OPC UA has no code for live in the range
 * 0x8F00 to 0x8FFF, which the standard leaves unused.
 */
export type Quality = number;

export const QUALITY = {
  good: 0x0000,
  uncertain: 0x4000,
  uncertainLastUsable: 0x4090,
  bad: 0x8000,
  badCommunication: 0x8005,
  badTimeout: 0x800a,
  badShutdown: 0x800c,
  badNoCommunication: 0x8031,
  badWaitingForFirst: 0x8032,
  badAddressUnknown: 0x8034,
  badEncoding: 0x8038,
  badOutOfRange: 0x803c,
  badConfiguration: 0x8089,
  badNotConnected: 0x808a,
  badDeviceFailure: 0x808b,
  badNoData: 0x809b,
  badDataLost: 0x809d,
  /** Own range. The low byte of 0x8F00 to 0x8F7F keeps the status number that the device itself answered with. */
  badDeviceStatus: 0x8f00,
  badStale: 0x8f80,
  badDisabled: 0x8f81,
  badOverflow: 0x8f82,
  badAsleep: 0x8f83,
} as const;

export type QualityFamily = 'good' | 'uncertain' | 'bad';

export function qualityFamily(quality: Quality): QualityFamily {
  return quality < 0x4000 ? 'good' : quality < 0x8000 ? 'uncertain' : 'bad';
}

export const isBad = (quality: Quality): boolean => quality >= 0x8000;
export const isGood = (quality: Quality): boolean => quality < 0x4000;

/** Quality that carries a device's own status number, 1 to 127 (a Modbus exception code, a CIP general status). */
export function deviceStatusQuality(status: number): Quality {
  return QUALITY.badDeviceStatus | (status & 0x7f);
}

/** The device's own status number, or null where the quality does not carry one. */
export function deviceStatusOf(quality: Quality): number | null {
  return quality >= 0x8f00 && quality < 0x8f80 ? quality & 0x7f : null;
}

const causes: Readonly<Record<number, string>> = {
  [QUALITY.good]: 'Good',
  [QUALITY.uncertain]: 'Uncertain',
  [QUALITY.uncertainLastUsable]: 'Uncertain: last usable value',
  [QUALITY.bad]: 'Bad',
  [QUALITY.badCommunication]: 'Bad: communication error',
  [QUALITY.badTimeout]: 'Bad: no answer in time',
  [QUALITY.badShutdown]: 'Bad: stopped',
  [QUALITY.badNoCommunication]: 'Bad: no communication',
  [QUALITY.badWaitingForFirst]: 'Bad: no value yet',
  [QUALITY.badAddressUnknown]: 'Bad: address unknown to the device',
  [QUALITY.badEncoding]: 'Bad: value could not be decoded',
  [QUALITY.badOutOfRange]: 'Bad: out of range',
  [QUALITY.badConfiguration]: 'Bad: configuration error',
  [QUALITY.badNotConnected]: 'Bad: not connected',
  [QUALITY.badDeviceFailure]: 'Bad: device failure',
  [QUALITY.badNoData]: 'Bad: no data',
  [QUALITY.badDataLost]: 'Bad: data lost',
  [QUALITY.badStale]: 'Bad: stale',
  [QUALITY.badDisabled]: 'Bad: tag disabled',
  [QUALITY.badOverflow]: 'Bad: dropped, the queue was full',
  [QUALITY.badAsleep]: 'Bad: this computer was asleep',
};

/** The cause in words. `statusName` names a device's own status numbers, where the protocol has names for them. */
export function qualityText(quality: Quality, statusName?: (status: number) => string | undefined): string {
  const status = deviceStatusOf(quality);
  if (status !== null && status !== 0) {
    return `Bad: device answered ${statusName?.(status) ?? `status ${status}`}`;
  }
  const known = causes[quality];
  if (known !== undefined) return known;
  const family = qualityFamily(quality);
  return `${family[0]!.toUpperCase()}${family.slice(1)}: status 0x${quality.toString(16).toUpperCase().padStart(4, '0')}`;
}
