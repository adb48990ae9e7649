import { measureEgd } from './protocols/egd.ts';
import { measureEthernetIp } from './protocols/ethernet-ip.ts';
import { measureModbus } from './protocols/modbus.ts';

// Each protocol at its aim, beside the bare library or a bare socket in the same run, turn about: Modbus 2,000
// registers, EtherNet/IP 5,000 tags, EGD 50 exchanges of 1,400 bytes every 10 ms while recording. Peers are simulated in
// threads of their own; times and processor times are those of the driver's thread alone, ours first.
// Flags: --seconds N (60, of EGD), --rounds N (40), --only modbus|ethernet-ip|egd.

const flag = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
const seconds = Number(flag('seconds') ?? 60);
const rounds = Number(flag('rounds') ?? 40);
const only = flag('only');

/** Work that has nothing to do with the program, as a measure of the machine and of what else runs on it. */
function calibrate(): number {
  const started = performance.now();
  let sum = 0;
  for (let index = 0; index < 50_000_000; index++) sum = (sum + index * 31) | 0;
  if (sum === 1) console.log('');
  return performance.now() - started;
}

console.log(`calibration loop ${calibrate().toFixed(0)} ms; ${rounds} rounds, loopback`);
const failures: string[] = [];
if (only === undefined || only === 'modbus') failures.push(...(await measureModbus(rounds)));
if (only === undefined || only === 'ethernet-ip') failures.push(...(await measureEthernetIp(rounds)));
if (only === undefined || only === 'egd') failures.push(...(await measureEgd(seconds)));
for (const failure of failures) console.log(`FAILED: ${failure}`);
if (failures.length > 0) process.exitCode = 1;
