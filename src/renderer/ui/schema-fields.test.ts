import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  checkField,
  checkFields,
  effective,
  isShown,
  parseField,
  placeholder,
  readFields,
  settingsOf,
  wordsOf,
} from './schema-fields.ts';

const schema = z.toJSONSchema(
  z.object({
    host: z.string().min(1).max(253).meta({ title: 'Host', help: 'IP address or name.', group: 'Link' }),
    port: z.number().int().min(1).max(65_535).default(502).meta({ title: 'Port', group: 'Link' }),
    timeoutMs: z.number().min(10).default(1000).meta({ unit: 'ms' }),
    order: z.enum(['ABCD', 'CDAB']).default('ABCD'),
    login: z.boolean().default(false),
    password: z
      .string()
      .optional()
      .meta({ secret: true, showIf: { login: true } }),
    forbidden: z.array(z.string()).max(2).default([]),
    limit: z.number().nullable().default(null),
  }),
  { io: 'input' },
);
const fields = readFields(schema as Record<string, unknown>);
const field = (name: string) => {
  const found = fields.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};

describe('fields of a schema', () => {
  it('reads kinds, bounds, groups and metadata', () => {
    expect(fields.map(({ name, kind }) => [name, kind])).toEqual([
      ['host', 'text'],
      ['port', 'number'],
      ['timeoutMs', 'number'],
      ['order', 'choice'],
      ['login', 'boolean'],
      ['password', 'text'],
      ['forbidden', 'list'],
      ['limit', 'number'],
    ]);
    expect(field('host')).toMatchObject({ required: true, group: 'Link', help: 'IP address or name.' });
    expect(field('port')).toMatchObject({ required: false, whole: true, minimum: 1, maximum: 65_535, fallback: 502 });
    expect(field('limit')).toMatchObject({ minimum: undefined, required: false });
    expect(field('timeoutMs').title).toBe('Timeout ms');
    expect(field('password').secret).toBe(true);
    expect(field('order').choices).toEqual(['ABCD', 'CDAB']);
  });

  it('shows a field only while the condition holds, defaults included', () => {
    expect(isShown(field('password'), fields, {})).toBe(false);
    expect(isShown(field('password'), fields, { login: true })).toBe(true);
    expect(effective(field('port'), {})).toBe(502);
  });

  it.each([
    ['host', undefined, 'Host is needed.'],
    ['host', 'x'.repeat(254), 'Host has at most 253 characters.'],
    ['host', '10.0.0.1', undefined],
    ['port', 0, 'Port is from 1 to 65535.'],
    ['port', 70_000, 'Port is from 1 to 65535.'],
    ['port', 1.5, 'Port is a whole number.'],
    ['port', 'abc', 'Port is a number.'],
    ['port', undefined, undefined],
    ['timeoutMs', 5, 'Timeout ms is at least 10 ms.'],
    ['order', 'XYZ', 'Order is one of ABCD, CDAB.'],
    ['forbidden', ['a', 'b', 'c'], 'Forbidden has at most 2 entries.'],
  ])('%s = %j: %s', (name, value, expected) => {
    expect(checkField(field(name), value)).toBe(expected);
  });

  it('takes what is typed', () => {
    expect(parseField(field('port'), ' 502 ')).toBe(502);
    expect(parseField(field('timeoutMs'), '1,5')).toBe(1.5);
    expect(parseField(field('port'), '')).toBeUndefined();
    expect(parseField(field('port'), '5o2')).toBe('5o2');
    expect(parseField(field('forbidden'), 'HR1\n HR5, HR9')).toEqual(['HR1', 'HR5', 'HR9']);
    expect(parseField(field('host'), '')).toBe('');
  });

  it('takes an emptied field as nothing where nothing is a value other than the default', () => {
    const kept = z.toJSONSchema(
      z.object({
        after: z.number().nullable().default(7).meta({ title: 'Compress after' }),
        plain: z.number().default(7),
        never: z.number().nullable().default(null),
      }),
      { io: 'input' },
    );
    const [after, plain, never] = readFields(kept as Record<string, unknown>);
    expect([after, plain, never].map((one) => one!.nullable)).toEqual([true, false, false]);
    expect([after, plain, never].map((one) => parseField(one!, ''))).toEqual([null, undefined, undefined]);
    expect(settingsOf([after!, plain!, never!], { after: null })).toEqual({ after: null });
    expect(checkField(after!, null)).toBeUndefined();
  });

  it('gives the engine only what was set and is shown, and keeps what it does not know', () => {
    expect(settingsOf(fields, { host: 'plc', port: undefined, login: false, password: 'x', later: 7 })).toEqual({
      host: 'plc',
      login: false,
      later: 7,
    });
  });

  it('shows defaults and examples as placeholders', () => {
    expect(placeholder(field('port'), 1)).toBe('502');
    expect(placeholder(field('host'), '192.168.0.10')).toBe('such as 192.168.0.10');
    expect(placeholder({ ...field('host'), required: false, fallback: null }, 1)).toBe('');
    expect(placeholder({ ...field('host'), required: false, fallback: '', empty: 'all adapters' }, 'plc')).toBe(
      'all adapters',
    );
    expect(wordsOf('maxGapRegisters')).toBe('Max gap registers');
  });
});

describe('nested objects', () => {
  const nested = z.toJSONSchema(
    z.object({
      endpoint: z.string().min(1),
      mode: z.enum(['open', 'signed']).default('open'),
      security: z
        .object({
          policy: z.string().min(1).meta({ choicesFrom: 'time-zones' }),
          strength: z.number().int().min(1).max(3).default(1),
        })
        .optional()
        .meta({ title: 'Protection', showIf: { mode: 'signed' } }),
      timing: z.object({
        pauseMs: z.number().default(5),
        retry: z.object({ count: z.number().default(3), on: z.boolean().default(true) }),
        after: z
          .number()
          .optional()
          .meta({ showIf: { pauseMs: 10 } }),
      }),
      window: z.object({ low: z.number(), high: z.number() }).default({ low: 1, high: 9 }),
    }),
    { io: 'input' },
  );
  const inner = readFields(nested as Record<string, unknown>);
  const named = (name: string) => inner.find((candidate) => candidate.name === name)!;

  it('are fields by path, in a group under the title of the object', () => {
    expect(inner.map(({ name, group }) => [name, group])).toEqual([
      ['endpoint', ''],
      ['mode', ''],
      ['security.policy', 'Protection'],
      ['security.strength', 'Protection'],
      ['timing.pauseMs', 'Timing'],
      ['timing.retry.count', 'Timing, Retry'],
      ['timing.retry.on', 'Timing, Retry'],
      ['timing.after', 'Timing'],
      ['window.low', 'Window'],
      ['window.high', 'Window'],
    ]);
    expect(named('security.policy')).toMatchObject({ choicesFrom: 'time-zones', required: true });
    expect(named('timing.pauseMs').fallback).toBe(5);
  });

  it('are shown by a setting of the outermost object, or by a neighbour', () => {
    expect(isShown(named('security.strength'), inner, {})).toBe(false);
    expect(isShown(named('security.strength'), inner, { mode: 'signed' })).toBe(true);
    expect(isShown(named('timing.after'), inner, { timing: { pauseMs: 10 } })).toBe(true);
    expect(isShown(named('timing.after'), inner, {})).toBe(false);
  });

  it('have needed settings only once something in them is set', () => {
    const issues = (values: Record<string, unknown>) => Object.fromEntries(checkFields(inner, values, true));
    expect(issues({ endpoint: 'x', mode: 'signed' })).toEqual({});
    expect(issues({ endpoint: 'x', mode: 'signed', security: { strength: 2 } })).toEqual({
      'security.policy': 'Policy is needed.',
    });
    expect(issues({ endpoint: 'x', security: { strength: 9 } })).toEqual({});
    expect(issues({})).toEqual({ endpoint: 'Endpoint is needed.' });
    expect(checkFields(inner, {}, false).size).toBe(0);
  });

  it('are given to the engine as objects: needed ones even if empty, hidden ones not, unknown settings as they are', () => {
    expect(settingsOf(inner, { endpoint: 'x' })).toEqual({ endpoint: 'x', timing: { retry: {} } });
    expect(
      settingsOf(inner, {
        endpoint: 'x',
        security: { policy: 'old' },
        timing: { pauseMs: 10, after: 3, list: [{ a: 1 }] },
      }),
    ).toEqual({ endpoint: 'x', timing: { pauseMs: 10, after: 3, list: [{ a: 1 }], retry: {} } });
    // A default of the whole object no longer holds once a part of it is set.
    expect(settingsOf(inner, { endpoint: 'x', window: { high: 5 } })).toMatchObject({ window: { low: 1, high: 5 } });
    expect(settingsOf(inner, { endpoint: 'x' })).not.toHaveProperty('window');
  });
});
