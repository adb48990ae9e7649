import { describe, expect, it } from 'vitest';
import { isAppError } from '#shared/errors.ts';
import { endpointOf, fromUrl, timescaleConfig, toUrl } from './config.ts';
import { timescale } from './index.ts';

const read = (url: string) => {
  const { settings, secrets } = fromUrl(url);
  return { config: timescaleConfig.parse(settings), secrets };
};

describe('address of a database', () => {
  it('becomes settings and a secret, and settings become an address without one', () => {
    const { config, secrets } = read('postgres://j%C3%BCrgen:p%40ss%2Fword@db.plant:6000/roll%20mill?sslmode=require');
    expect(config).toMatchObject({
      host: 'db.plant',
      port: 6_000,
      database: 'roll mill',
      user: 'jürgen',
      password: '',
      tls: 'unverified',
    });
    expect(secrets).toEqual({ password: 'p@ss/word' });
    expect(toUrl(config)).toBe('postgres://j%C3%BCrgen@db.plant:6000/roll%20mill?sslmode=require');
    expect(read(toUrl(config)).config).toEqual(config);
  });

  it('leaves out what is usual, and takes addresses of version 6', () => {
    expect(read('postgresql://server').config).toEqual(timescaleConfig.parse({ host: 'server' }));
    const { config } = read('postgres://[fe80::1]:5433/x?sslmode=disable');
    expect(config).toMatchObject({ host: 'fe80::1', port: 5_433, tls: 'off' });
    expect(endpointOf(config)).toBe('[fe80::1]:5433/x');
    expect(read(toUrl(config)).config).toEqual(config);
  });

  it.each([
    '',
    'db.plant',
    'http://db.plant/x',
    'postgres:///x',
    'postgres://u:%zz@h/x',
    'postgres://h/x?sslmode=maybe',
  ])('is refused in words: %s', (url) => {
    try {
      fromUrl(url);
      expect.unreachable();
    } catch (error) {
      expect(isAppError(error, 'config.invalid') && error.message).toMatch(/\.$/);
    }
  });

  it('has presets that its own schema takes', () => {
    for (const { settings } of timescale.presets) expect(timescaleConfig.safeParse(settings).success).toBe(true);
  });
});
