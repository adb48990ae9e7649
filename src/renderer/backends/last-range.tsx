import type { ReactNode } from 'react';
import { SelectField } from '#renderer/ui/index.ts';
import type { TimeRange, UnixMicros } from '#shared/model/index.ts';

const HOUR = 3_600_000_000;
const choices = [
  { value: '1', label: 'Last hour' },
  { value: '24', label: 'Last 24 hours' },
  { value: '168', label: 'Last 7 days' },
  { value: '720', label: 'Last 30 days' },
  { value: '8760', label: 'Last year' },
] as const;

/** Hours up to now. */
export type LastHours = (typeof choices)[number]['value'];

export function lastRange(hours: LastHours, now: UnixMicros): TimeRange {
  const to = Math.round(now);
  return { from: to - Number(hours) * HOUR, to };
}

export function LastRangeField({
  value,
  onChange,
}: {
  readonly value: LastHours;
  readonly onChange: (value: LastHours) => void;
}): ReactNode {
  return <SelectField label="Range" value={value} choices={choices} onChange={onChange} />;
}
