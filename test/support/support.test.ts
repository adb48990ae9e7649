import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connectionDocument, deviceDocument, tagDocument } from '#shared/model/index.ts';
import { makeConnection, makeDevice, makeTag, makeTags } from './documents.ts';
import { createFakeClock, FAKE_START } from './fake-clock.ts';
import { freePort } from './free-port.ts';
import { expectNoNewHandles, openHandles } from './leak-guard.ts';
import { unless } from './needs.ts';
import { lookFor, requirementNames } from './requirements.mjs';
import { suiteDirectory, temporaryDirectory } from './temporary-directory.ts';

describe('the fake clock', () => {
  it('fires what falls due in order, each at its own time', async () => {
    const clock = createFakeClock();
    const seen: [string, number][] = [];
    clock.after(20, () => seen.push(['late', clock.monotonicMs()]));
    clock.after(10, () => seen.push(['early', clock.monotonicMs()]));
    clock.at(clock.monotonicMs() + 15, () => seen.push(['at', clock.monotonicMs()]));
    clock.after(30, () => seen.push(['never', 0]))[Symbol.dispose]();
    await clock.advance(40);
    expect(seen).toEqual([
      ['early', 1010],
      ['at', 1015],
      ['late', 1020],
    ]);
    expect(clock.pending).toBe(0);
    expect(clock.now()).toBe(FAKE_START + 40_000);
  });

  it('keeps the pace of code that sleeps, works and sleeps again', async () => {
    const clock = createFakeClock();
    const times: number[] = [];
    const loop = (async () => {
      for (let round = 0; round < 5; round++) {
        await clock.sleep(100);
        times.push(clock.now() - FAKE_START);
      }
    })();
    await clock.advance(500);
    await loop;
    expect(times).toEqual([100_000, 200_000, 300_000, 400_000, 500_000]);
  });

  it('lets the wall clock be set without touching timers', async () => {
    const clock = createFakeClock();
    let fired = false;
    clock.after(50, () => {
      fired = true;
    });
    clock.setWall(FAKE_START - 3_600_000_000);
    expect(clock.now()).toBe(FAKE_START - 3_600_000_000);
    expect(fired).toBe(false);
    await clock.advance(50);
    expect(fired).toBe(true);
  });

  it('rejects a sleep with the reason of its signal and forgets the timer', async () => {
    const clock = createFakeClock();
    const controller = new AbortController();
    const sleeping = clock.sleep(1000, controller.signal);
    controller.abort(new Error('stopped'));
    await expect(sleeping).rejects.toThrow('stopped');
    expect(clock.pending).toBe(0);
  });
});

describe('the leak guard', () => {
  it('sees a server that is left open, and passes once it is closed', async () => {
    const before = openHandles();
    const server = await new Promise<Server>((resolve) => {
      const made = createServer().listen(0, '127.0.0.1', () => resolve(made));
    });
    await expect(expectNoNewHandles(before)).rejects.toThrow('handles that are still open');
    server.close();
    await expectNoNewHandles(before);
  });
});

describe('temporary directories', () => {
  const kept: string[] = [];
  const suite = suiteDirectory();

  it('are there during the test', () => {
    const path = temporaryDirectory();
    kept.push(path);
    writeFileSync(join(path, 'a'), 'x');
    expect(existsSync(suite.path)).toBe(true);
  });

  it('are gone after it', () => {
    expect(kept).toHaveLength(1);
    expect(existsSync(kept[0] ?? '')).toBe(false);
  });
});

describe('builders and ports', () => {
  it('make documents that the schemas take', () => {
    expect(connectionDocument.parse(makeConnection())).toEqual(makeConnection());
    expect(deviceDocument.parse(makeDevice())).toEqual(makeDevice());
    for (const tag of [makeTag(), ...makeTags(3)]) expect(tagDocument.parse(tag)).toEqual(tag);
    expect(makeTags(3, (index) => ({ unit: `u${index}` })).map((tag) => tag.unit)).toEqual(['u0', 'u1', 'u2']);
  });

  it('give a port that can be listened on', async () => {
    const port = await freePort();
    await new Promise<void>((resolve, reject) => {
      const server = createServer().once('error', reject);
      server.listen(port, '127.0.0.1', () => server.close(() => resolve()));
    });
  });
});

describe('requirements', () => {
  const folder = suiteDirectory();
  afterEach(() => vi.unstubAllEnvs());

  it('say on every platform what is there, or why not and how to get it', () => {
    for (const name of requirementNames) {
      for (const platform of ['linux', 'darwin', 'win32'] as const) {
        const look = lookFor(name, platform);
        if (!look.found) expect(look.reason, `${name} on ${platform}`).toMatch(/\w{4}/);
      }
    }
    expect(() => lookFor('nonsense')).toThrow('requirements.json has no "nonsense"');
  });

  it('take a program from its environment variable, and refuse one that does not exist', () => {
    vi.stubEnv('PARX_CHROMIUM', process.execPath);
    expect(lookFor('chromium')).toEqual({ found: true, path: process.execPath });
    vi.stubEnv('PARX_CHROMIUM', join(folder.path, 'absent'));
    expect(lookFor('chromium')).toMatchObject({ found: false });
  });

  it('keep the reason of a skip with the test file', () => {
    const reasonsFile = join(folder.path, 'reasons.jsonl');
    vi.stubEnv('PARX_SKIP_REASONS', reasonsFile);
    expect(unless(true, 'not written')).toBe(false);
    expect(unless(false, 'no such thing here')).toBe(true);
    const lines = readFileSync(reasonsFile, 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { file: expect.stringMatching(/support\.test\.ts$/), reason: 'no such thing here' },
    ]);
  });
});
