import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/**
 * Megabytes that somebody on this thread still holds: garbage, of which there may be any amount, is collected before. What
 * is bounded shows as two equal numbers, a long way apart.
 */
export function heldMegabytes(): number {
  // What a buffer lies in is given back with the collection after the one that found it.
  for (let round = 0; round < 3; round++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}
