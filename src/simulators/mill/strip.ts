/**
 * Strip between two points of the line, as plug flow: what goes in comes out after `length` metres, whatever the speed.
 * Cells are fixed lengths of strip, so that a stop keeps the pattern where it is.
 */
export interface StripDelay {
  /** Moves the strip on by `metres` with `value` at the entry; returns the value at the exit. */
  move(metres: number, value: number): number;
  readonly exit: number;
  fill(value: number): void;
}

export function createStripDelay(length: number, initial: number): StripDelay {
  const cells = new Float64Array(Math.max(2, Math.round(length / 0.05)));
  const cellLength = length / cells.length;
  cells.fill(initial);
  let head = 0;
  let part = 0;
  return {
    move(metres, value) {
      part += metres;
      while (part >= cellLength) {
        part -= cellLength;
        cells[head] = value;
        head = (head + 1) % cells.length;
      }
      return cells[head]!;
    },
    get exit() {
      return cells[head]!;
    },
    fill(value) {
      cells.fill(value);
    },
  };
}

/** Outer diameter of a coil in metres, from its strip length (m), thickness (mm) and mandrel diameter (m). */
export function coilDiameter(lengthM: number, thicknessMm: number, mandrelM: number): number {
  return Math.sqrt(mandrelM * mandrelM + (4 * lengthM * thicknessMm * 1e-3) / Math.PI);
}
