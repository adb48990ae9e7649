/** A document as plain data. */
export type Plain = Readonly<Record<string, unknown>>;

/** A place where two versions of a document differ. */
export interface Difference {
  readonly path: readonly string[];
  /** Undefined: it is not there. */
  readonly mine: unknown;
  readonly theirs: unknown;
  /** Which of the two was not changed since both began from the same; null where both were, or that is not known. */
  readonly untouched: 'mine' | 'theirs' | null;
}

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const sameData = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Where two versions differ, setting by setting; lists are compared as a whole. `from`: what both began with. */
export function differencesOf(mine: Plain, theirs: Plain, from: Plain | null = null): Difference[] {
  const found: Difference[] = [];
  const compare = (path: readonly string[], one: Plain, other: Plain, before: Plain | null): void => {
    for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
      const [a, b, was] = [one[key], other[key], before?.[key]];
      if (sameData(a, b)) continue;
      const place = [...path, key];
      if (isPlain(a) && isPlain(b)) compare(place, a, b, isPlain(was) ? was : null);
      else {
        const untouched = before === null ? null : sameData(a, was) ? 'mine' : sameData(b, was) ? 'theirs' : null;
        found.push({ path: place, mine: a, theirs: b, untouched });
      }
    }
  };
  compare([], mine, theirs, from);
  return found;
}

/** `mine` with these places as they are in the other version. */
export function withTheirs(mine: Plain, places: readonly Pick<Difference, 'path' | 'theirs'>[]): Plain {
  return places.reduce((whole, { path, theirs }) => withPlace(whole, path, theirs), mine);
}

function withPlace(whole: Plain, [key, ...rest]: readonly string[], value: unknown): Plain {
  if (key === undefined) return whole;
  const inner = whole[key];
  const next = rest.length === 0 ? value : withPlace(isPlain(inner) ? inner : {}, rest, value);
  const { [key]: _, ...others } = whole;
  // A setting that is taken away is not there any more; one that stays keeps its place.
  if (next === undefined) return others;
  return { ...whole, [key]: next };
}
