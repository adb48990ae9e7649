import type { LabelMatch } from '#shared/model/graph/index.ts';
import type { Parameters } from './expressions.ts';

/**
 * A condition on a label that lies in a column or an expression. A label that is not there is empty. Equal texts are
 * compared with the bare column where there is one, so that an index on it serves.
 */
export function matchCondition(match: LabelMatch, cell: string, parameters: Parameters): string {
  const text = `coalesce(${cell}::text, '')`;
  const equals = (value: string): string => (value === '' ? `${text} = ''` : `${cell} = ${parameters.add(value)}`);
  if (typeof match === 'string') return equals(match);
  if ('equals' in match) return equals(match.equals);
  if ('not' in match) return `${text} <> ${parameters.add(match.not, 'text')}`;
  if ('in' in match) {
    return match.in.includes('')
      ? `${text} = ANY (${parameters.add(match.in, 'text[]')})`
      : `${cell} = ANY (${parameters.add(match.in)})`;
  }
  if ('notIn' in match) return `${text} <> ALL (${parameters.add(match.notIn, 'text[]')})`;
  if ('like' in match) return `${text} LIKE ${parameters.add(likePattern(match.like), 'text')}`;
  return `${text} NOT LIKE ${parameters.add(likePattern(match.unlike), 'text')}`;
}

/** `*` and `?` in the words of SQL; what means something there stands for itself. */
const likePattern = (pattern: string): string =>
  pattern
    .replaceAll(/[\\%_]/g, '\\$&')
    .replaceAll('*', '%')
    .replaceAll('?', '_');
