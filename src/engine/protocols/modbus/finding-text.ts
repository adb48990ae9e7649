import { QUALITY } from '#shared/model/index.ts';
import { formatAddress } from './address.ts';
import { exceptionText } from './exceptions.ts';
import type { Finding } from './refusals.ts';
import { tables } from './table.ts';

/** What a unit refuses, as the end of a sentence that begins with the unit. */
export function findingText(found: Finding): string {
  const at = (offset: number): string => formatAddress({ table: found.table, offset, bit: null, length: null });
  const { words } = tables[found.table];
  const status = found.quality & 0x7f;
  const why =
    found.quality === QUALITY.badTimeout
      ? 'no answer'
      : found.quality === QUALITY.badCommunication
        ? 'an unusable answer'
        : exceptionText(status);
  switch (found.kind) {
    case 'table':
      return `has no ${words}s (${why})`;
    case 'gap':
      return `does not give ${words}s ${at(found.first)} and ${at(found.last)} in one request (${why})`;
    case 'length':
      return `gives at most ${found.last - found.first} ${words}s in one request (${why})`;
    case 'run':
      return found.first === found.last
        ? `refuses ${words} ${at(found.first)} (${why})`
        : `refuses ${words}s ${at(found.first)} to ${at(found.last)} (${why})`;
  }
}

/** What can be read again, as the end of such a sentence. */
export function recoveryText(found: Finding): string {
  const at = (offset: number): string => formatAddress({ table: found.table, offset, bit: null, length: null });
  const { words } = tables[found.table];
  return found.first === found.last
    ? `gives ${words} ${at(found.first)} again`
    : `gives ${words}s ${at(found.first)} to ${at(found.last)} in one request again`;
}
