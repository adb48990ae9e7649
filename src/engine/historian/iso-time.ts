/** UTC in ISO form for sentences; times that the calendar of JavaScript does not reach are given in microseconds. */
export function isoTime(micros: number): string {
  const date = new Date(micros / 1_000);
  return Number.isNaN(date.getTime()) ? `${micros} µs` : date.toISOString();
}
