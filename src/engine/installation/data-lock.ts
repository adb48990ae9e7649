import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { acquireLock, type Clock, storeError } from '#engine/platform/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';

/** Who holds the lock, for the message of a second program; the lock itself is the operating system's. */
interface Holder {
  readonly pid: number;
  /** ISO 8601, UTC */
  readonly since: string;
}

/**
 * Keeps a second program off a data folder until disposed. The lock dies with its process, so that what a crash leaves
 * behind is taken over by the next start. Throws `store.locked` with process number and start of the holder, or
 * `store.read-only`.
 */
export function lockDataDirectory(directory: string, clock: Clock): Disposable {
  const lockFile = join(directory, 'parx.lock');
  const holderFile = join(directory, 'parx.lock.json');
  let lock: Disposable;
  try {
    lock = acquireLock(lockFile);
  } catch (error) {
    if (!isAppError(error, 'store.locked')) throw error;
    const holder = readHolder(holderFile);
    const who =
      holder === null
        ? 'another ParX program'
        : `another ParX program (process ${holder.pid}, running since ${holder.since})`;
    throw new AppError(
      'store.locked',
      `The data folder ${directory} is in use by ${who}. Close that program, or start this one with another data folder.`,
      { details: { path: directory }, cause: error, retryable: true },
    );
  }
  const holder: Holder = { pid: process.pid, since: new Date(clock.now() / 1000).toISOString() };
  try {
    writeFileSync(`${holderFile}.part`, JSON.stringify(holder));
    renameSync(`${holderFile}.part`, holderFile);
  } catch (error) {
    const refusal = storeError(directory, error);
    // SQLite opens a lock file that it may not write without a complaint, and then holds no lock at all.
    if (isAppError(refusal, 'store.read-only')) {
      lock[Symbol.dispose]();
      throw refusal;
    }
    // Only the message of a second program would lack the name; on a full disk the recording must start all the same.
  }
  let held = true;
  return {
    [Symbol.dispose]() {
      if (!held) return;
      held = false;
      rmSync(holderFile, { force: true });
      lock[Symbol.dispose]();
    },
  };
}

/** Null when nobody has written it yet, or when it is what a crashed program left behind. */
function readHolder(path: string): Holder | null {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder>;
    if (typeof holder.pid !== 'number' || typeof holder.since !== 'string') return null;
    return isRunning(holder.pid) ? { pid: holder.pid, since: holder.since } : null;
  } catch {
    return null;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user may not be signalled, but it runs.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
