import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { LONG } from '#test/support/figures.ts';
import { needs } from '#test/support/needs.ts';
import type { HalfOpenKind, HalfOpenResult } from './half-open-child.ts';

const child = fileURLToPath(new URL('half-open-child.ts', import.meta.url));
const KINDS: readonly HalfOpenKind[] = ['modbus', 'ethernet-ip', 'egd', 'egd-group'];

describe.skipIf(needs('namespaces', 'cables'))('a device, or the own address, that is gone without a word', () => {
  it.concurrent.each(KINDS)(
    'is told as gone, and good again within 2 s of its return: %s',
    { timeout: 150_000 },
    async (kind) => {
      const { stdout } = await promisify(execFile)(
        'unshare',
        ['--net', '--map-root-user', process.execPath, child, 'acquisition', kind],
        { timeout: 120_000 },
      );
      const results = JSON.parse(stdout) as HalfOpenResult[];
      // The last one, of those that hold a link, is an own address that has changed; groups lose their adapter twice.
      expect(results).toHaveLength(kind === 'egd-group' ? 2 : (LONG ? 4 : 2) + (kind === 'egd' ? 0 : 1));
      for (const result of results) {
        // A period, the time-out, and what a driver asks a second time before it says so.
        expect(result.badAfterMs).toBeLessThan(3_000);
        expect(result.goodAfterMs).toBeLessThan(2_000);
        expect(result.message).toMatch(/[.]$/);
        expect(result.sockets).toBeLessThanOrEqual(2);
      }
    },
  );
});
