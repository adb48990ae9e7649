import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createAcquisition } from '#engine/acquisition/index.ts';
import { createTagTable } from '#engine/live/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { modbus } from '#engine/protocols/modbus/index.ts';
import { countingDriver, createCountingPlant } from '#test/support/counting-driver.ts';
import { watchIdleLoop } from './pipeline/idle-loop.ts';

// How well a timebase is kept: one group of one tag at each period, alone, then all together on links of their own,
// then 100 registers of a Modbus device on a socket. "Missed" are ticks that acquisition itself counted as overruns.
// "Idle" is the longest stall of a process that does nothing meanwhile: what the machine itself takes away, so that
// ticks missed in a run where it exceeds the period say nothing. Flags: --seconds N (5).

const at = process.argv.indexOf('--seconds');
const SECONDS = at < 0 ? 5 : Number(process.argv[at + 1]);
const PERIODS = [1, 2, 5, 10, 20, 50, 100, 1_000];
const MODBUS_PERIODS = [5, 10, 20];
const MODBUS_TAGS = 100;
const clock = systemClock();

/** Work that has nothing to do with the program, as a measure of the machine and of what else runs on it. */
function calibrate(): number {
  const started = performance.now();
  let sum = 0;
  for (let index = 0; index < 50_000_000; index++) sum = (sum + index * 31) | 0;
  if (sum === 1) console.log('');
  return performance.now() - started;
}

/** `port`: of a Modbus device; else there is no wire. */
async function measure(title: string, periods: readonly number[], port: number | null = null): Promise<void> {
  const plant = createCountingPlant();
  let delivered = 0;
  const acquisition = createAcquisition({
    clock,
    log: createLogger(() => {}),
    protocols: [countingDriver(plant), modbus],
    table: createTagTable(),
    intern: () => 0,
    deliver(block) {
      // Diagnostics come once a second beside the tags.
      delivered += block.length;
    },
  });
  acquisition.apply({
    connections: periods.map((period) => ({
      id: `c${period}`,
      name: `c${period}`,
      protocol: port === null ? 'counting' : 'modbus',
      enabled: true,
      demo: false,
      settings: port === null ? {} : { host: '127.0.0.1', port },
    })),
    devices: periods.map((period) => ({
      id: `d${period}`,
      connectionId: `c${period}`,
      name: `d${period}`,
      enabled: true,
      settings: {},
    })),
    tags: periods.flatMap((period) =>
      Array.from({ length: port === null ? 1 : MODBUS_TAGS }, (_, index) => ({
        id: `t${period}-${index}`,
        deviceId: `d${period}`,
        name: `t${period} ${index}`,
        description: '',
        address: port === null ? 'count' : `h${index}`,
        type: port === null ? ('float64' as const) : ('uint16' as const),
        order: null,
        scaling: null,
        unit: null,
        decimals: null,
        range: null,
        periodMs: period,
        timeKind: 'receive' as const,
        enabled: true,
      })),
    ),
  });
  await wait(500);
  /** Reads of a period so far: counted at the driver, or from the requests on the wire, one a read. */
  const reads = (period: number, link: number): number =>
    port === null
      ? (plant.counts.get(`d${period}`) ?? 0)
      : (acquisition.status()[link]?.devices[0]?.requests ?? Number.NaN);
  const overruns = (): number[] => acquisition.status().map((link) => link.groups[0]?.overruns ?? 0);
  const idle = watchIdleLoop();
  await wait(300);
  const before = { reads: periods.map(reads), overruns: overruns(), cpu: process.cpuUsage(), at: performance.now() };
  await wait(SECONDS * 1_000);
  const seconds = (performance.now() - before.at) / 1_000;
  const cpu = process.cpuUsage(before.cpu);
  const after = overruns();
  const beside = await idle.end();
  const load = `${((cpu.user + cpu.system) / 1e4 / seconds).toFixed(0)} %`;
  acquisition.status().forEach((link, i) => {
    const period = periods[i] ?? 0;
    const polls = reads(period, i) - (before.reads[i] ?? 0);
    const jitter = link.groups[0]?.jitterP99Ms ?? Number.NaN;
    const share = (100 * polls * period) / 1_000 / seconds;
    console.log(
      `${title.padEnd(10)}${`${period} ms`.padStart(9)}${(polls / seconds).toFixed(1).padStart(11)}${`${share.toFixed(1)} %`.padStart(10)}${String((after[i] ?? 0) - (before.overruns[i] ?? 0)).padStart(8)}${jitter.toFixed(2).padStart(12)}${(i === 0 ? load : '').padStart(10)}${(i === 0 ? beside.maxMs.toFixed(1) : '').padStart(10)}`,
    );
  });
  await acquisition.stop();
  if (delivered === 0) throw new Error('Nothing was read.');
}

console.log(`calibration loop ${calibrate().toFixed(0)} ms; ${SECONDS} s each`);
console.log('             period   per second   of due  missed  p99 late ms  processor   idle ms');
for (const period of PERIODS) await measure('alone', [period]);
await measure('together', PERIODS);
const device = new Worker(new URL('./modbus/device.ts', import.meta.url));
const [{ port }] = (await once(device, 'message')) as [{ readonly port: number }];
for (const period of MODBUS_PERIODS) await measure('Modbus', [period], port);
await device.terminate();
