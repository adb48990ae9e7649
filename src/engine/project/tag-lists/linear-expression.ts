import { refuseRow } from './tag-list.ts';

/** `gain` x register + `offset`. */
export interface LinearExpression {
  /** What stands in the braces. */
  readonly reference: string;
  readonly gain: number;
  readonly offset: number;
}

/** Either a constant (gain 0) or a line through the register. */
interface Term {
  readonly gain: number;
  readonly offset: number;
}

const MOST_CHARACTERS = 500;

/**
 * Reads an expression with one register in it, `${...}`, and + - * / with numbers and brackets around it. Refuses the row
 * for all else: what is not a line through one register cannot become a scaling.
 */
export function readExpression(text: string): LinearExpression {
  if (text.length > MOST_CHARACTERS) refuseRow(`An expression has at most ${MOST_CHARACTERS} characters.`);
  const tokens = text.match(/\$\{[^{}]*\}|\d+(?:\.\d+)?(?:e[+-]?\d+)?|[-+*/()]|\S/gi) ?? [];
  const references = new Set(tokens.filter((token) => token.startsWith('$')));
  if (references.size === 0) refuseRow('The expression reads no register.');
  if (references.size > 1) {
    refuseRow('The expression puts several registers together. Import them one by one and combine them later.');
  }
  let at = 0;
  const fail = (): never => refuseRow(`"${text.slice(0, 60)}" is more than a factor and an offset of one register.`);

  const sum = (): Term => {
    let left = product();
    while (tokens[at] === '+' || tokens[at] === '-') {
      const sign = tokens[at++] === '+' ? 1 : -1;
      const right = product();
      left = { gain: left.gain + sign * right.gain, offset: left.offset + sign * right.offset };
    }
    return left;
  };
  const product = (): Term => {
    let left = single();
    while (tokens[at] === '*' || tokens[at] === '/') {
      const divide = tokens[at++] === '/';
      const right = single();
      if (divide) {
        if (right.gain !== 0 || right.offset === 0) fail();
        left = { gain: left.gain / right.offset, offset: left.offset / right.offset };
      } else {
        if (left.gain !== 0 && right.gain !== 0) fail();
        const [line, factor] = left.gain === 0 ? [right, left.offset] : [left, right.offset];
        left = { gain: line.gain * factor, offset: line.offset * factor };
      }
    }
    return left;
  };
  const single = (): Term => {
    const token = tokens[at++];
    if (token === undefined) return fail();
    if (token === '-') {
      const { gain, offset } = single();
      return { gain: -gain, offset: -offset };
    }
    if (token === '(') {
      const inner = sum();
      if (tokens[at++] !== ')') fail();
      return inner;
    }
    if (token.startsWith('$')) return { gain: 1, offset: 0 };
    return /^\d/.test(token) ? { gain: 0, offset: Number(token) } : fail();
  };
  const { gain, offset } = sum();
  if (at < tokens.length || gain === 0) fail();
  const [reference = ''] = references;
  return { reference: reference.slice(2, -1), gain, offset };
}
