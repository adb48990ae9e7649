import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeFrame } from '#shared/rpc/frame.ts';
import { readClientMessage } from '#shared/rpc/message.ts';
import { startPostgres } from '#test/support/postgres.ts';
import { seededRandom } from '#test/support/random.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { startHost } from './fixtures/host.ts';
import { openScreen } from './fixtures/screen.ts';
import { shellOf } from './pages/shell.ts';
import { trendOf } from './pages/trend.ts';

// What the trend shows, and what it asks its source for, while a hand pans and zooms through a week of a plant's
// database: recorded from the screen in a browser, for `bench/backends/cache.ts`. After a build, once in a long while:
// `node e2e/record-pan-zoom.ts bench/backends/pan-zoom.json`.

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error('Usage: node e2e/record-pan-zoom.ts FILE');
  process.exit(2);
}

/** Seconds since 1970. */
const FROM = Date.parse('2026-01-05T00:00:00Z') / 1_000;
const DAYS = 7;
const EVERY_S = 2;
const TAGS = ['Strip speed', 'Rolling force', 'Coolant temperature'];
const PLANT = `
  CREATE TABLE history (ts timestamptz NOT NULL, tag text NOT NULL, value double precision);
  INSERT INTO history SELECT to_timestamp(${FROM} + ${EVERY_S} * n), tag, 50 + 40 * sin(n / 900.0) + n % 7 FROM generate_series(0, ${(DAYS * 86_400) / EVERY_S - 1}) n, unnest(ARRAY['${TAGS.join("', '")}']) tag;
  CREATE INDEX ON history (tag, ts);
  ANALYZE;
`;
const SOURCES = (port: number, database: string, user: string): string => `version: 1
sources:
  plant:
    name: Plant history
    backend: timescale
    settings: { host: 127.0.0.1, port: ${port}, database: ${database}, user: ${user}, tls: 'off' }
    secrets: { password: { env: PARX_TEST_PLANT } }
    mappings:
      - id: history
        relation: { schema: public, name: history }
        time: { column: ts, kind: timestamptz }
        tag: { kind: column, column: tag }
        values: [{ column: value }]
`;

const data = mkdtempSync(join(tmpdir(), 'parx-pan-zoom-'));
const server = await startPostgres('none');
const browser = await launchBrowser({ width: 1_920, height: 1_080 });
for (const statement of PLANT.split(';')) await server.run(statement);
writeFileSync(join(data, 'sources.yaml'), SOURCES(server.port, server.database, server.user));
process.env.PARX_TEST_PLANT = server.password;
const host = await startHost(data, ['--no-demo']);
try {
  const asked: (readonly [from: number, to: number, pixels: number])[] = [];
  browser.context.on('page', (page) =>
    page.on('websocket', (socket) =>
      socket.on('framesent', ({ payload }) => {
        if (typeof payload === 'string') return;
        const message = readClientMessage(decodeFrame(new Uint8Array(payload)));
        if (message.kind !== 'call' || message.procedure !== 'history.view') return;
        const { range, pixels } = message.input as { range: { from: number; to: number }; pixels: number };
        asked.push([range.from, range.to, pixels]);
      }),
    ),
  );
  const { page } = await openScreen(browser.context, host.url);
  const trend = trendOf(page);
  const picker = page.getByRole('region', { name: 'Tags' });
  await shellOf(page).go('Trend');
  await picker.getByRole('option', { name: /^Plant history/ }).click();
  for (const tag of TAGS) await picker.getByRole('option').filter({ hasText: tag }).dblclick();
  const iso = (time: number): string => new Date(time * 1_000).toISOString();
  // What the trend asked for before belongs to the range that it came with.
  asked.splice(0, asked.length);
  await trend.showRange(iso(FROM), iso(FROM + DAYS * 86_400));
  while (!Number.isFinite(await trend.number(TAGS[0]!, 'Max'))) await page.waitForTimeout(100);
  // Every window that is drawn, as the page writes it: to the second, above a day to the minute.
  await page.evaluate(() => {
    const label = document.querySelector('.range-label')!;
    const seen: string[] = [label.textContent ?? ''];
    Object.assign(window, { seenRanges: seen });
    new MutationObserver(() => seen.push(label.textContent ?? '')).observe(label, {
      childList: true,
      characterData: true,
      subtree: true,
    });
  });
  const box = (await trend.plots.boundingBox())!;
  const { next: random } = seededRandom(7);
  const between = (low: number, high: number): number => low + (high - low) * random();
  const look = (): Promise<void> => page.waitForTimeout(between(300, 1_200));
  let at = { x: box.x + box.width / 2, y: box.y + box.height * 0.2 };
  const point = async (share: number): Promise<void> => {
    at = { x: box.x + box.width * share, y: at.y };
    await page.mouse.move(at.x, at.y, { steps: 5 });
  };
  const wheel = async (notches: number): Promise<void> => {
    for (let n = 0; n < Math.abs(notches); n++) {
      await page.mouse.wheel(0, 100 * Math.sign(notches));
      await page.waitForTimeout(between(40, 140));
    }
    await look();
  };
  const drag = async (share: number): Promise<void> => {
    await point(share > 0 ? between(0.15, 0.4) : between(0.6, 0.85));
    await page.mouse.down();
    const steps = Math.round(between(10, 25));
    for (let n = 1; n <= steps; n++) {
      await page.mouse.move(at.x + (box.width * share * n) / steps, at.y + between(-2, 2));
      await page.waitForTimeout(between(15, 35));
    }
    await page.mouse.up();
    await look();
  };
  // In, along, nearer, there and back, out again; at three places.
  for (const place of [0.3, 0.7, 0.5]) {
    await point(place);
    await wheel(-8);
    for (const share of [-0.3, -0.4, -0.3, 0.35, 0.3, 0.4]) await drag(share);
    await point(between(0.3, 0.7));
    await wheel(-6);
    for (const share of [-0.4, 0.5, -0.2]) await drag(share);
    await wheel(4);
    await drag(-0.3);
    await drag(0.3);
    await wheel(12);
  }
  const shown = await page.evaluate(() => (window as unknown as { seenRanges: string[] }).seenRanges);
  const seconds = (text: string): number => Date.parse(`${text.replace(' ', 'T')}Z`) / 1_000 - FROM;
  const windows = shown.map((text) => {
    const [from = '', to = ''] = text.split(' to ');
    return [seconds(from), seconds(to.includes(' ') ? to : `${from.slice(0, 10)} ${to}`)];
  });
  const line = (all: readonly (readonly number[])[]): string =>
    all.map((one) => `\n    ${JSON.stringify(one)}`).join(',');
  writeFileSync(
    file,
    `{\n  "from": ${FROM * 1e6},\n  "days": ${DAYS},\n  "everySeconds": ${EVERY_S},\n  "tags": ${TAGS.length},\n  "shown": [${line(windows)}\n  ],\n  "asked": [${line(asked)}\n  ]\n}\n`,
  );
  console.log(`${windows.length} windows shown, ${asked.length} questions`);
} finally {
  await browser.close();
  await host.kill();
  await server.stop();
  rmSync(data, { recursive: true, force: true });
}
