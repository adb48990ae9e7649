import { seededRandom } from '#test/support/random.ts';

/**
 * A hand's way through a recording, as parts of its whole: in with the wheel, 20 % a notch at a pointer that trembles,
 * along with the mouse there and back, farther in, along, and out again, three times at different places.
 */
export function panZoom(): readonly (readonly [number, number])[] {
  const random = seededRandom(7);
  const way: [number, number][] = [[0, 1]];
  let [from, to] = [0, 1];
  const zoom = (factor: number, pointer: number): void => {
    const at = from + (to - from) * pointer;
    from = Math.max(0, at - (at - from) * factor);
    to = Math.min(1, at + (to - at) * factor);
    way.push([from, to]);
  };
  const pan = (part: number): void => {
    const move = Math.min(Math.max(part * (to - from), -from), 1 - to);
    from += move;
    to += move;
    way.push([from, to]);
  };
  const times = (count: number, step: () => void): void => {
    for (let n = 0; n < count; n++) step();
  };
  for (let place = 0; place < 3; place++) {
    const pointer = 0.2 + 0.6 * random.next();
    times(8, () => zoom(0.8, pointer + 0.02 * (random.next() - 0.5)));
    times(14, () => pan(0.03 + 0.04 * random.next()));
    times(10, () => pan(-0.03 - 0.04 * random.next()));
    times(6, () => zoom(0.8, 0.5));
    times(12, () => pan(0.05));
    times(12, () => pan(-0.05));
    times(14, () => zoom(1.25, pointer));
    [from, to] = [0, 1];
    way.push([from, to]);
  }
  return way;
}
