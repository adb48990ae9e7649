import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isAppError } from '#shared/errors.ts';
import { parseAddress } from './address.ts';
import { modbusConfig, modbusDevice, parseRange } from './config.ts';
import { modbus } from './index.ts';
import { createRecipe } from './recipe.ts';

const device = modbus.sample.device;
const plain = { order: null, scaling: null, unit: null };

describe('settings', () => {
  it('fill what an older document does not have, and parse to the same again', () => {
    expect(modbusConfig.parse({ host: '192.168.0.10' })).toEqual(modbus.sample.config);
    expect(modbusDevice.parse({})).toEqual(modbus.sample.device);
    expect(modbusDevice.parse(modbusDevice.parse({ unitId: 7 }))).toEqual({ ...device, unitId: 7 });
  });

  it.each([
    [{}, 'host', 'A host is needed'],
    [{ framing: 'rtu-over-tcp', path: 'COM3' }, 'host', 'A host is needed'],
    [{ framing: 'rtu-serial', host: '192.168.0.10' }, 'path', 'A serial port is needed'],
    [{ framing: 'rtu-serial', path: 'COM3', stopBits: 3 }, 'stopBits', 'Stop bits are 1 or 2'],
  ])('%j is refused at %s', (given, path, words) => {
    const { error } = modbusConfig.safeParse(given);
    expect(error?.issues.map((issue) => issue.path)).toEqual([[path]]);
    expect(error?.issues[0]?.message).toContain(words);
  });

  it('of a serial port need no host, and the port is the endpoint', () => {
    const config = modbusConfig.parse({ framing: 'rtu-serial', path: '/dev/ttyUSB0' });
    expect(modbus.endpoint(config)).toBe('/dev/ttyUSB0');
  });

  it('draw a form: every field has a title and a help, times have a unit', () => {
    for (const schema of [modbusConfig, modbusDevice]) {
      const { properties } = z.toJSONSchema(schema, { io: 'input' });
      for (const [name, field] of Object.entries(properties ?? {})) {
        expect(field, name).toMatchObject({
          title: expect.any(String),
          help: expect.any(String),
          group: expect.any(String),
        });
        if (name.endsWith('Ms')) expect(field, name).toMatchObject({ unit: 'ms' });
      }
    }
  });

  it.each([
    [modbusConfig, { host: '' }, 'host'],
    [modbusConfig, { host: 'http://plc' }, 'host'],
    [modbusConfig, { host: 'a b' }, 'host'],
    [modbusConfig, { host: 'plc', port: 0 }, 'port'],
    [modbusConfig, { host: 'plc', port: 70_000 }, 'port'],
    [modbusDevice, { unitId: 256 }, 'unitId'],
    [modbusDevice, { maxRegisters: 126 }, 'maxRegisters'],
    [modbusDevice, { maxBits: 2001 }, 'maxBits'],
    [modbusDevice, { wordOrder: 'ACBD' }, 'wordOrder'],
    [modbusDevice, { forbidden: ['400001-400010', 'HR5-HR1'] }, 'forbidden.1'],
    [modbusDevice, { forbidden: ['400001-300010'] }, 'forbidden.0'],
    [modbusDevice, { forbidden: ['nonsense'] }, 'forbidden.0'],
  ])('refuse %# and name the field', (schema, value, path) => {
    const result = schema.safeParse(value);
    expect(result.success).toBe(false);
    expect(result.error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });

  it("read forbidden ranges in the device's own numbering", () => {
    expect(parseRange('400101-400120', device)).toEqual({ table: 'holding', first: 100, last: 119 });
    expect(parseRange('HR5 - HR9', { ...device, addressBase: 'zero' })).toEqual({
      table: 'holding',
      first: 5,
      last: 9,
    });
    expect(parseRange('c7', device)).toEqual({ table: 'coil', first: 7, last: 7 });
  });
});

describe('recipe', () => {
  const recipe = (text: string, type: Parameters<typeof createRecipe>[0]['type'], change: object = {}) =>
    createRecipe({ ...plain, type, ...change }, parseAddress(text, device).address, { ...device, wordOrder: 'CDAB' });

  it.each([
    ['C1', 'bit', { form: 'bits', order: 'ABCD', bit: null }],
    ['400010.3', 'bit', { form: 'bits', order: 'CDAB', bit: 3 }],
    ['400010', 'int16', { form: 'bits', order: 'CDAB', bit: null }],
    ['400010', 'float32', { form: 'bits', order: 'CDAB', bit: null }],
    ['400010', 'int64', { form: 'bits64', order: 'CDAB', bit: null }],
    ['400010:string8', 'string', { form: 'text', order: 'ABCD', bit: null }],
  ] as const)('%s as %s', (text, type, expected) => {
    expect(recipe(text, type)).toMatchObject({ version: 1, type, ...expected });
  });

  it('keeps scaling and unit, and lets the tag override the order', () => {
    const scaling = { kind: 'gain', gain: 0.1, offset: 3 } as const;
    expect(recipe('400010', 'int32', { order: 'DCBA', scaling, unit: 'kN' })).toEqual({
      version: 1,
      form: 'bits',
      type: 'int32',
      order: 'DCBA',
      bit: null,
      scaling,
      unit: 'kN',
    });
  });

  it.each([
    ['C1', 'int16', {}, 'Choose the type bit'],
    ['400010', 'bit', {}, 'Say which bit'],
    ['400010.3', 'int16', {}, 'single bit'],
    ['400010', 'int8', {}, 'does not exist here'],
    ['400010', 'string', {}, 'how many characters'],
    ['400010:string8', 'int16', {}, 'is a string'],
    ['400010:string8', 'string', { order: 'CDAB' }, 'A string has the order'],
    ['465536', 'int32', {}, 'ends after 1'],
  ] as const)('refuses %s as %s', (text, type, change, sentence) => {
    try {
      recipe(text, type, change);
      expect.unreachable();
    } catch (error) {
      expect(isAppError(error, 'config.invalid') && error.message).toContain(sentence);
    }
  });

  it('refuses a value wider than the device allows in one request', () => {
    expect(() =>
      createRecipe({ ...plain, type: 'float64' }, parseAddress('400001', device).address, {
        ...device,
        maxRegisters: 3,
      }),
    ).toThrow('this device allows 3');
  });
});
