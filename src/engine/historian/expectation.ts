/**
 * What is expected of the next number: 0 nothing, 1 the number before it, 2 the line through the two before it, from 3
 * to 9 a line that follows the numbers and remembers some 2^(n-1) of them.
 */
export const EXPECT = { nothing: 0, previous: 1, line: 2, most: 9 } as const;
/** Those that are tried against noise; the gain of those between is small. */
export const MEMORIES = [5, 7] as const;

/** Numbers that a line is remembered over. */
export const memoryOf = (expectation: number): number => (expectation === EXPECT.line ? 1 : 2 ** (expectation - 1));

/**
 * The line moves on by its slope and by these parts of the last error, after so many numbers: the gains of a line that
 * is fitted to all of them. With e expected, x found and r = x - e: the next e is (e + slope) + near * r, and then the
 * slope grows by far * r. All in doubles and in this order, so that every reader expects the same.
 */
export const nearGain = new Float64Array(memoryOf(EXPECT.most) + 1);
export const farGain = new Float64Array(memoryOf(EXPECT.most) + 1);
for (let i = 1; i < nearGain.length; i++) {
  nearGain[i] = 4 / (i + 1);
  farGain[i] = 6 / ((i + 1) * (i + 2));
}

/** Added and taken away again, it rounds a double below 2^51 to the nearest whole number, halves to the even one. */
export const ROUND = 1.5 * 2 ** 52;
