import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { withoutSecrets } from '#engine/api/support.ts';
import { makeConnection, makeDevice, makeTag } from '#test/support/documents.ts';
import { startEngine } from '#test/support/engine.ts';
import { freePort } from '#test/support/free-port.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

it('holds states, settings and the log of this run and of earlier ones, and no secret', async () => {
  const folder = temporaryDirectory();
  const earlier = await startEngine(folder);
  await earlier.engine.stop();
  writeFileSync(join(folder, 'log', 'parx.log.1'), '{"text":"a line of long ago"}\n');
  const { engine, client } = await startEngine(folder);
  const screen = client();
  const connection = makeConnection({
    // As an older or newer version may have left it: what no schema knows may be anything.
    settings: { ...makeConnection().settings, port: await freePort(), password: 'hunter2' },
  });
  const foreign = makeConnection({ id: 'foreign', name: 'Foreign', protocol: 'none', settings: { token: 'hunter2' } });
  const documents = [
    { kind: 'connection', document: connection },
    { kind: 'connection', document: foreign },
    { kind: 'device', document: makeDevice() },
    { kind: 'tag', document: makeTag({ address: 'banana' }) },
  ] as const;
  await screen.project.commit({
    changes: documents.map(({ kind, document }) => ({ kind, id: document.id, document, expected: null })),
  });
  const { name, bytes } = await screen.engine.supportFile();
  expect(name).toMatch(/^parx-support-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d\.json\.gz$/);
  const text = gunzipSync(bytes).toString('utf8');
  expect(text).not.toContain('hunter2');
  const content = JSON.parse(text) as Record<string, never> & {
    readonly connections: readonly { readonly id: string; readonly settings: Record<string, unknown> }[];
    readonly log: readonly string[];
  };
  expect(content).toMatchObject({
    version: '0.0.0-test',
    health: { dataDirectory: folder },
    tags: { count: 1, withProblems: [{ address: 'banana' }] },
  });
  const own = content.connections.find(({ id }) => id === connection.id);
  expect(own?.settings).toMatchObject({ port: connection.settings.port, password: '(removed)' });
  expect(content.connections.find(({ id }) => id === 'foreign')?.settings).toBe('(removed)');
  const log = content.log.join('\n');
  expect(log).toContain('a line of long ago');
  expect(log.match(/Engine started\./g)).toHaveLength(2);
  await expect(client('viewer').engine.supportFile()).rejects.toMatchObject({ code: 'access.denied' });
  await engine.stop();
});

it('removes what a schema marks, at any depth, and what it does not know', () => {
  const schema = z.toJSONSchema(
    z.object({
      host: z.string(),
      password: z.string().default('').meta({ secret: true }),
      security: z.object({ key: z.string().meta({ secret: true }), mode: z.string() }).optional(),
      users: z.array(z.object({ name: z.string(), pin: z.string().nullable().meta({ secret: true }) })).default([]),
      login: z.object({ token: z.string().meta({ secret: true }) }).nullable(),
    }),
    { io: 'input' },
  );
  expect(
    withoutSecrets(schema, {
      host: 'plc',
      password: 'a',
      security: { key: 'b', mode: 'sign' },
      users: [{ name: 'x', pin: 'c' }],
      login: { token: 'd' },
      later: { other: 'e' },
    }),
  ).toEqual({
    host: 'plc',
    password: '(removed)',
    security: { key: '(removed)', mode: 'sign' },
    users: [{ name: 'x', pin: '(removed)' }],
    login: { token: '(removed)' },
    later: '(removed)',
  });
  expect(withoutSecrets(schema, { password: '', login: null })).toEqual({ password: '', login: null });
});
