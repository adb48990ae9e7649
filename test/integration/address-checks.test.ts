import { expect, it } from 'vitest';
import { makeConnection, makeDevice } from '#test/support/documents.ts';
import { startEngine } from '#test/support/engine.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

it('says of addresses as they are typed what they mean, how many bytes they take, and what is wrong', async () => {
  const { engine, client } = await startEngine(temporaryDirectory());
  const screen = client();
  const connection = makeConnection({ enabled: false });
  const device = makeDevice();
  await screen.project.commit({
    changes: [
      { kind: 'connection', id: connection.id, document: connection, expected: null },
      { kind: 'device', id: device.id, document: device, expected: null },
    ],
  });
  const check = async (...texts: string[]) =>
    (await screen.tags.checkAddresses({ deviceId: device.id, texts })).results;
  const [text, float, bit, plain, nonsense] = await check('HR1:string16', 'HR5:f32', '400001.3', '400007', 'banana');
  expect(text).toMatchObject({ ok: true, type: 'string', bytes: 16, message: null });
  expect(float).toMatchObject({ ok: true, type: 'float32', bytes: 4 });
  expect(bit).toMatchObject({ ok: true, type: 'bit' });
  expect(plain).toMatchObject({ ok: true, type: null, bytes: null, wire: expect.stringMatching(/6/) });
  expect(nonsense).toMatchObject({
    ok: false,
    canonical: 'banana',
    bytes: null,
    message: expect.stringMatching(/banana/),
  });
  await expect(screen.tags.checkAddresses({ deviceId: 'none', texts: [] })).rejects.toMatchObject({
    code: 'store.not-found',
  });
  await engine.stop();
});
