import { setTimeout as wait } from 'node:timers/promises';
import { createAcquisition } from '#engine/acquisition/index.ts';
import { createTagTable } from '#engine/live/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { type Counts, inProcessDriver } from './pipeline/in-process.ts';

// How well a timebase is kept: one group of one tag at each period, alone, then all together on links of their own.
// "Missed" are ticks that acquisition itself counted as overruns. Flags: --seconds N (5).

const at = process.argv.indexOf('--seconds');
const SECONDS = at < 0 ? 5 : Number(process.argv[at + 1]);
const PERIODS = [1, 2, 5, 10, 20, 50, 100, 1_000];
const clock = systemClock();

/** Work that has nothing to do with the program, as a measure of the machine and of what else runs on it. */
function calibrate(): number {
  const started = performance.now();
  let sum = 0;
  for (let index = 0; index < 50_000_000; index++) sum = (sum + index * 31) | 0;
  if (sum === 1) console.log('');
  return performance.now() - started;
}

async function measure(title: string, periods: readonly number[]): Promise<void> {
  const counts: Counts = new Map();
  const acquisition = createAcquisition({
    clock,
    log: createLogger(() => {}),
    protocols: [inProcessDriver(counts)],
    table: createTagTable(),
    intern: () => 0,
    deliver: () => {},
  });
  acquisition.apply({
    connections: periods.map((period) => ({
      id: `c${period}`,
      name: `c${period}`,
      protocol: 'in-process',
      enabled: true,
      demo: false,
      settings: {},
    })),
    devices: periods.map((period) => ({
      id: `d${period}`,
      connectionId: `c${period}`,
      name: `d${period}`,
      enabled: true,
      settings: {},
    })),
    tags: periods.map((period) => ({
      id: `t${period}`,
      deviceId: `d${period}`,
      name: `t${period}`,
      description: '',
      address: 'count',
      type: 'float64' as const,
      order: null,
      scaling: null,
      unit: null,
      decimals: null,
      range: null,
      periodMs: period,
      timeKind: 'receive' as const,
      enabled: true,
    })),
  });
  await wait(500);
  const overruns = (): number[] => acquisition.status().map((link) => link.groups[0]?.overruns ?? 0);
  const before = { polls: new Map(counts), overruns: overruns(), cpu: process.cpuUsage(), at: performance.now() };
  await wait(SECONDS * 1_000);
  const seconds = (performance.now() - before.at) / 1_000;
  const cpu = process.cpuUsage(before.cpu);
  const after = overruns();
  const load = `${((cpu.user + cpu.system) / 1e4 / seconds).toFixed(0)} %`;
  acquisition.status().forEach((link, i) => {
    const period = periods[i] ?? 0;
    const polls = (counts.get(`d${period}`) ?? 0) - (before.polls.get(`d${period}`) ?? 0);
    const jitter = link.groups[0]?.jitterP99Ms ?? Number.NaN;
    const share = (100 * polls * period) / 1_000 / seconds;
    console.log(
      `${title.padEnd(10)}${`${period} ms`.padStart(9)}${(polls / seconds).toFixed(1).padStart(11)}${`${share.toFixed(1)} %`.padStart(10)}${String((after[i] ?? 0) - (before.overruns[i] ?? 0)).padStart(8)}${jitter.toFixed(2).padStart(12)}${(i === 0 ? load : '').padStart(10)}`,
    );
  });
  await acquisition.stop();
}

console.log(`calibration loop ${calibrate().toFixed(0)} ms; ${SECONDS} s each`);
console.log('             period   per second   of due  missed  p99 late ms  processor');
for (const period of PERIODS) await measure('alone', [period]);
await measure('together', PERIODS);
