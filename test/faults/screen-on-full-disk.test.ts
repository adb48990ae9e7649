import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { firstItem, startEngine } from '#test/support/engine.ts';
import { needs } from '#test/support/needs.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

describe.skipIf(needs('root'))('a screen whose engine has a full disk', () => {
  it('can remove an old recording, which makes room', async () => {
    const directory = join(temporaryDirectory(), 'disk');
    mkdirSync(directory);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'parx-test', directory]);
    try {
      const { engine, client } = await startEngine(directory);
      const screen = client();
      await screen.recording.start({ name: 'old', tagIds: [], preTriggerS: 0 });
      await screen.recording.stop();
      const { files } = await firstItem(screen.recording.files(), (item) => item.files.length === 1);
      fill(directory);
      await screen.recording.remove({ id: files[0]?.id ?? '' });
      expect(readdirSync(join(directory, 'recordings'))).toEqual([]);
      await engine.stop();
    } finally {
      execFileSync('umount', ['-l', directory]);
    }
  });
});

/** Takes the last block, so that not even a row of the audit finds room. */
function fill(directory: string): void {
  for (const size of [1 << 20, 4_096]) {
    for (let n = 0; ; n++) {
      try {
        writeFileSync(join(directory, `fill-${size}-${n}`), new Uint8Array(size));
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
        break;
      }
    }
  }
}
