import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { ask, dataDirectory, exchange, signIn, start, tokenOf } from './http.ts';

describe('address', () => {
  it('is loopback and carries the token where no server and no log sees it', async () => {
    const { server, port } = await start();
    expect(server.url).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${port}/#token=[\\w-]{43}$`));
    expect(server.issueUrl()).not.toBe(server.url);
  });

  it.each(['0.0.0.0', '192.168.1.4', '::', 'example.org', '127.example.org'])('is refused: %s', async (host) => {
    await expect(start({ host })).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringContaining(`does not listen on ${host}`),
    });
  });

  it.each([
    ['localhost', /^http:\/\/localhost:/],
    ['127.0.0.1', /^http:\/\/127\.0\.0\.1:/],
  ])('may be %s', async (host, url) => {
    const started = await start({ host });
    expect(started.server.url).toMatch(url);
    expect((await ask(started, '/healthz')).status).toBe(200);
  });

  it('in use is a sentence', async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toMatchObject({
      code: 'config.invalid',
      message: `ParX cannot listen on 127.0.0.1, port ${port}. Another program uses it. Choose another with --port, or --port 0 for any free one.`,
    });
  });
});

describe('token and cookie', () => {
  it('exchanges the token for a cookie that scripts and other sites cannot use', async () => {
    const started = await start();
    const answer = await exchange(started, tokenOf(started.server.url));
    expect(answer.status).toBe(204);
    expect(answer.headers['set-cookie']).toEqual([
      expect.stringMatching(new RegExp(`^parx-session-${started.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`)),
    ]);
  });

  it('takes a token once', async () => {
    const started = await start();
    const token = tokenOf(started.server.url);
    expect((await exchange(started, token)).status).toBe(204);
    const again = await exchange(started, token);
    expect(again.status).toBe(401);
    expect(again.headers['set-cookie']).toBeUndefined();
    expect(JSON.parse(again.body).message).toContain('Open the address that ParX printed last.');
    expect(started.warnings).toEqual(['A token was refused: it is unknown or has been used.']);
  });

  it.each([
    ['a wrong token', '{"token":"x"}'],
    ['a token of another type', '{"token":{"length":1}}'],
    ['no token', '{}'],
    ['null', 'null'],
  ])('refuses %s', async (_name, body) => {
    const started = await start();
    const headers = { origin: started.origin, 'content-type': 'application/json' };
    expect((await ask(started, '/session', { method: 'POST', headers, body })).status).toBe(401);
  });

  it.each([
    ['broken JSON', '{"token"', 400],
    ['a body over 1 KiB', JSON.stringify({ token: 'x'.repeat(2000) }), 413],
  ])('refuses %s', async (_name, body, status) => {
    const started = await start();
    const headers = { origin: started.origin, 'content-type': 'application/json' };
    const answer = await ask(started, '/session', { method: 'POST', headers, body });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toEqual({ message: 'The request is not valid.' });
  });

  it('knows the session again, for as long as the process runs when it has nowhere to keep it', async () => {
    const started = await start();
    const cookie = await signIn(started);
    expect((await ask(started, '/session', { headers: { cookie: `other=1; ${cookie}; more=2` } })).status).toBe(204);
    expect((await ask(started, '/session')).status).toBe(401);
    const restarted = await start();
    expect((await ask(restarted, '/session', { headers: { cookie } })).status).toBe(401);
  });

  it('keeps the session over a restart where it may write, as a hash that only the owner can read', async () => {
    const kept = { dataDirectory: temporaryDirectory() };
    const started = await start(kept);
    const cookie = await signIn(started);
    await started.server.close();
    const restarted = await start({ ...kept, port: started.port });
    expect((await ask(restarted, '/session', { headers: { cookie } })).status).toBe(204);
    expect((await exchange(restarted, tokenOf(started.server.issueUrl()))).status).toBe(401);
    const path = join(kept.dataDirectory, 'web-sessions.json');
    expect(readFileSync(path, 'utf8')).not.toContain(cookie.split('=')[1]);
    if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['damaged', '[["a",'],
    ['of another shape', '{"a":1}'],
    ['too old', JSON.stringify([['a', Date.now() - 31 * 86_400_000]])],
  ])('starts without sessions when their file is %s', async (name, text) => {
    const dataDirectory = temporaryDirectory();
    writeFileSync(join(dataDirectory, 'web-sessions.json'), text);
    const started = await start({ dataDirectory });
    expect(started.warnings).toHaveLength(name === 'too old' ? 0 : 1);
    const cookie = await signIn(started);
    expect((await ask(started, '/session', { headers: { cookie } })).status).toBe(204);
  });

  it('serves without keeping sessions when it may not write', async () => {
    const started = await start({ dataDirectory: join(dataDirectory(), 'not', 'there') });
    const cookie = await signIn(started);
    expect((await ask(started, '/session', { headers: { cookie } })).status).toBe(204);
    expect(started.warnings).toEqual([expect.stringContaining('cannot be written')]);
  });

  it('does not take the cookie of another instance on the same computer', async () => {
    const first = await start();
    const second = await start();
    const cookie = await signIn(first);
    const value = cookie.split('=')[1];
    expect((await ask(second, '/session', { headers: { cookie } })).status).toBe(401);
    const renamed = `parx-session-${second.port}=${value}`;
    expect((await ask(second, '/session', { headers: { cookie: renamed } })).status).toBe(401);
  });

  it('is found beside a cookie of the same name that another program has set', async () => {
    const started = await start();
    const own = await signIn(started);
    const foreign = `parx-session-${started.port}=whatever`;
    for (const cookie of [`${foreign}; ${own}`, `${own}; ${foreign}`]) {
      expect((await ask(started, '/session', { headers: { cookie } })).status).toBe(204);
    }
    expect((await ask(started, '/session', { headers: { cookie: foreign } })).status).toBe(401);
  });

  it('forgets the oldest of too many unused tokens', async () => {
    const started = await start();
    const urls = Array.from({ length: 64 }, () => started.server.issueUrl());
    expect((await exchange(started, tokenOf(started.server.url))).status).toBe(401);
    expect((await exchange(started, tokenOf(urls[0]!))).status).toBe(204);
  });
});

describe('foreign pages', () => {
  const routes = ['/', '/assets/index-abc123.js', '/healthz', '/session', '/artifacts/job-1', '/nothing'];

  it.each(routes)('reach %s under no other name (DNS rebinding)', async (path) => {
    const started = await start();
    const cookie = await signIn(started);
    for (const host of ['evil.example', `evil.example:${started.port}`, '127.0.0.1', '127.0.0.1:1', 'localhost']) {
      const answer = await ask(started, path, { headers: { host, cookie } });
      expect([host, answer.status]).toEqual([host, 403]);
    }
  });

  it.each(routes)('of another origin have no access to %s', async (path) => {
    const started = await start();
    const cookie = await signIn(started);
    for (const origin of [
      'http://evil.example',
      'null',
      'http://127.0.0.1',
      'http://127.0.0.1:1',
      `https://127.0.0.1:${started.port}`,
    ]) {
      const answer = await ask(started, path, { headers: { origin, cookie } });
      expect([origin, answer.status]).toEqual([origin, 403]);
    }
    for (const site of ['cross-site', 'same-site']) {
      const answer = await ask(started, path, { headers: { 'sec-fetch-site': site, cookie } });
      expect([site, answer.status]).toEqual([site, 403]);
    }
  });

  it('may link to the screen', async () => {
    const started = await start();
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    expect((await ask(started, '/', { headers })).status).toBe(200);
    const framed = { ...headers, 'sec-fetch-dest': 'iframe' };
    expect((await ask(started, '/', { headers: framed })).status).toBe(403);
  });

  it('cannot exchange a token, nor can a request without an origin', async () => {
    const started = await start();
    const token = tokenOf(started.server.url);
    expect((await exchange(started, token, { origin: 'http://evil.example' })).status).toBe(403);
    expect((await exchange(started, token, { origin: 'http://127.0.0.1:1' })).status).toBe(403);
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ token });
    expect((await ask(started, '/session', { method: 'POST', headers, body })).status).toBe(403);
    expect((await exchange(started, token)).status).toBe(204);
  });

  it('are refused without a Host header', async () => {
    const { port } = await start();
    const socket = connectTcp(port, '127.0.0.1');
    socket.end('GET / HTTP/1.0\r\n\r\n');
    let text = '';
    for await (const chunk of socket.setEncoding('utf8')) text += chunk;
    expect(text).toMatch(/^HTTP\/1\.[01] 40[03] /);
  });
});

describe('files', () => {
  it.each([
    ['/', 200, 'text/html; charset=utf-8'],
    ['/?from=bookmark', 200, 'text/html; charset=utf-8'],
    ['/assets/index-abc123.js', 200, 'text/javascript; charset=utf-8'],
    ['/icon.svg', 200, 'image/svg+xml'],
    ['/notes.unknown', 404, undefined],
    ['/assets', 404, undefined],
    ['/assets/', 404, undefined],
  ])('%s gives %i', async (path, status, type) => {
    const answer = await ask(await start(), path);
    expect(answer.status).toBe(status);
    if (type !== undefined) expect(answer.headers['content-type']).toBe(type);
  });

  it.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/%2e%2e%2fsecret.txt',
    '/assets/../../secret.txt',
    '/assets/..\\..\\secret.txt',
    '/assets/%5c..%5c..%5csecret.txt',
    '/....//secret.txt',
    '//secret.txt',
    '/link.txt',
    '/%00/secret.txt',
    '/index.html%00.js',
    '/%',
    '/%c0%ae%c0%ae/secret.txt',
    '/etc/passwd',
    '//etc/passwd',
    'http://127.0.0.1/../secret.txt',
  ])('lead nowhere else: %s', async (path) => {
    const answer = await ask(await start(), path);
    expect([400, 404]).toContain(answer.status);
    expect(answer.body).not.toContain('the secret');
    expect(answer.body).not.toContain('root:');
  });

  it('say what to do when the screen has not been built', async () => {
    const answer = await ask(await start({ rendererDirectory: join(dataDirectory(), 'nowhere') }), '/');
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body).message).toContain('npm run build');
  });

  it('other methods find nothing', async () => {
    const started = await start();
    const headers = { origin: started.origin };
    for (const method of ['PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      expect((await ask(started, '/', { method, headers })).status).toBe(404);
    }
  });
});

describe('headers', () => {
  const common = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  };
  const data = {
    ...common,
    'cache-control': 'no-store',
    'content-security-policy': expect.stringContaining('sandbox'),
  };

  it('of the page allow no inline script, no eval, no frame and one socket', async () => {
    const started = await start();
    const { headers } = await ask(started, '/');
    expect(headers).toMatchObject({ ...common, 'cache-control': 'no-store' });
    const policy = Object.fromEntries(
      String(headers['content-security-policy'])
        .split('; ')
        .map((part) => [part.split(' ')[0]!, part.split(' ').slice(1).join(' ')]),
    );
    expect(policy).toMatchObject({
      'default-src': "'none'",
      'script-src': "'self'",
      'connect-src': `'self' ws://127.0.0.1:${started.port}`,
      'frame-ancestors': "'none'",
      'base-uri': "'none'",
      'form-action': "'none'",
    });
    expect(headers['content-security-policy']).not.toContain('unsafe-eval');
  });

  it.each([
    ['/assets/index-abc123.js', 200, { ...common, 'cache-control': 'public, max-age=31536000, immutable' }],
    ['/icon.svg', 200, { ...common, 'cache-control': 'no-cache' }],
    ['/healthz', 200, data],
    ['/session', 401, data],
    ['/artifacts/job-1', 401, data],
    ['/nothing', 404, data],
    ['/%', 400, data],
  ])('of %s', async (path, status, expected) => {
    const answer = await ask(await start(), path);
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject(expected);
    expect(answer.headers.server).toBeUndefined();
    expect(answer.headers['x-powered-by']).toBeUndefined();
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('of a refusal are the same', async () => {
    const answer = await ask(await start(), '/', { headers: { host: 'evil.example' } });
    expect(answer.headers).toMatchObject(data);
  });
});

describe('artifacts', () => {
  it('are downloads, for who is signed in', async () => {
    const started = await start();
    expect((await ask(started, '/artifacts/job-1')).status).toBe(401);
    const answer = await ask(started, '/artifacts/job-1', { headers: { cookie: await signIn(started) } });
    expect(answer).toMatchObject({ status: 200, body: 'time,value\n' });
    expect(answer.headers).toMatchObject({
      'content-type': 'text/csv',
      'content-length': '11',
      'content-disposition': `attachment; filename="Dicke _Walze 1_.csv"; filename*=UTF-8''Dicke%20%22Walze%201%22.csv`,
      'cache-control': 'no-store',
    });
  });

  it.each(['unknown', 'gone', '..%2fexport.csv', 'x'.repeat(300)])('are not there: %s', async (id) => {
    const started = await start();
    const answer = await ask(started, `/artifacts/${id}`, { headers: { cookie: await signIn(started) } });
    expect(answer.status).toBe(404);
    expect(answer.body).not.toContain(dataDirectory());
  });
});
