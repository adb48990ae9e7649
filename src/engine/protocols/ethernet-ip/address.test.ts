import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '#shared/errors.ts';
import {
  addressHelp,
  createRecipe,
  describeAddress,
  type EipAddress,
  eipAddress,
  formatAddress,
  parseAddress,
} from './address.ts';
import { parseRoute, routePath, symbolPath } from './path.ts';

function refusal(text: string): string {
  try {
    parseAddress(text);
  } catch (error) {
    if (!isAppError(error, 'config.invalid')) throw error;
    expect(error.details.issues).toEqual([{ path: 'address', message: error.message }]);
    return error.message;
  }
  throw new Error(`${JSON.stringify(text)} was accepted.`);
}

describe('tag names', () => {
  it.each([
    ['Speed', 'Speed', null],
    [' Speed ', 'Speed', null],
    ['program:main.Count', 'Program:main.Count', null],
    ['Arr[ 03 ]', 'Arr[3]', null],
    ['Arr [1, 2]', 'Arr[1,2]', null],
    ['Arr[1,2,3].X', 'Arr[1,2,3].X', null],
    ['Line . Reels[2] . Speed', 'Line.Reels[2].Speed', null],
    ['Status.05', 'Status.5', 'bit'],
    ['Flags[37]', 'Flags[37]', null],
    ['Big.63', 'Big.63', 'bit'],
    ['Local:1:I.Data.3', 'Local:1:I.Data.3', 'bit'],
    ['_x', '_x', null],
    ['Maße.Länge[2]', 'Maße.Länge[2]', null],
    ['炉温.5', '炉温.5', 'bit'],
    ['ß'.repeat(127), 'ß'.repeat(127), null],
  ])('%j is %j', (text, canonical, type) => {
    const parsed = parseAddress(text);
    expect(formatAddress(parsed.address)).toBe(canonical);
    expect(parsed.type).toBe(type);
    expect(parseAddress(canonical)).toEqual(parsed);
    expect(eipAddress.parse(parsed.address)).toEqual(parsed.address);
  });

  it.each([
    'Speed.64',
    'Arr[]',
    'Arr[1,]',
    'Arr[1,2,3,4]',
    'Arr[-1]',
    'Arr[1.5]',
    'Arr[1',
    'Arr]1[',
    '1Speed',
    'A..B',
    'A.',
    '.A',
    'A.B:C',
    'Arr[4294967295]',
    'Program:Main',
    'Maß 1',
    'Ma\u00df\u200b',
    'x'.repeat(256),
    'ß'.repeat(128),
    '温'.repeat(86),
    '5',
    'A[1][2]',
  ])('%j is refused with a sentence', (text) => {
    expect(refusal(text)).toMatch(/[.]$/);
  });

  it('keeps any address through its text', () => {
    const name = fc.stringMatching(/^[A-Za-z_ÄßЖ炉][A-Za-z0-9_äß温]{0,39}$/);
    const index = fc.array(fc.integer({ min: 0, max: 0xffff_fffe }), { maxLength: 3 });
    const address: fc.Arbitrary<EipAddress> = fc.record({
      path: fc.array(fc.record({ name, index }), { minLength: 1, maxLength: 6 }),
      bit: fc.option(fc.integer({ min: 0, max: 63 })),
    });
    fc.assert(
      fc.property(address, (one) => {
        const text = formatAddress(one);
        if (text.length > 480) return;
        expect(parseAddress(text).address).toEqual(one);
        expect(describeAddress(one).canonical).toBe(text);
        expect(symbolPath(one.path).length % 2).toBe(0);
      }),
    );
  });

  it('throws nothing but a refusal, whatever is typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        try {
          const { address } = parseAddress(text);
          expect(parseAddress(formatAddress(address)).address).toEqual(address);
        } catch (error) {
          if (!isAppError(error, 'config.invalid')) throw error;
        }
      }),
    );
  });

  it('means what the help says', () => {
    for (const { text } of addressHelp) for (const one of text.split(', ')) parseAddress(one);
  });

  it('takes one bit as a bit only, and numbers in little endian', () => {
    const tag = { order: null, scaling: null, unit: null } as const;
    const bit = parseAddress('Status.5').address;
    expect(() => createRecipe({ ...tag, type: 'int32' }, bit)).toThrow('Status.5 is a single bit');
    expect(createRecipe({ ...tag, type: 'bit' }, bit)).toMatchObject({ form: 'bits', bit: null });
    const number = parseAddress('Status').address;
    expect(createRecipe({ ...tag, type: 'int64' }, number)).toMatchObject({ form: 'bits64', order: 'DCBA' });
    expect(createRecipe({ ...tag, type: 'float32', order: 'CDAB' }, number)).toMatchObject({ order: 'CDAB' });
    expect(createRecipe({ ...tag, type: 'string' }, number)).toMatchObject({ form: 'text' });
  });
});

describe('paths in bytes', () => {
  // The examples of Rockwell 1756-PM020 for symbols, elements of 8, 16 and 32 bits and members.
  it.each([
    ['parts', '91057061727473 00'],
    ['rate', '910472617465'],
    ['profile[0,1,257]', '910770726f66696c6500 2800 2801 29000101'],
    ['A[65536]', '910141 00 2a0000000100'],
    ['struct3.today.rate', '91077374727563743300 9105746f64617900 910472617465'],
    ['Größe', '91074772c3b6c39f6500'],
    ['炉温', '9106e78289e6b8a9'],
    ['Program:Main.dwell3', '910c50726f6772616d3a4d61696e 91066477656c6c33'],
  ])('%s', (text, hex) => {
    const bytes = symbolPath(parseAddress(text).address.path).toString('hex');
    // An odd name is filled up with a zero.
    const wanted = hex.replaceAll(' ', '');
    expect(bytes).toBe(wanted);
  });

  it.each([
    ['', ''],
    ['1,0', '0100'],
    ['1, 4, 2, 192.168.1.5', '0104120b3139322e3136382e312e3500'],
    ['1/17', '0111'],
    ['20,3', '0f14000300'.slice(0, 8)],
  ])('route %j', (text, hex) => {
    const hops = parseRoute(text);
    if (typeof hops === 'string') throw new Error(hops);
    expect(routePath(hops).toString('hex')).toBe(hex);
  });

  it.each(['1', '0,1', 'x,0', '1,256', '1,', '1,a b', '1,0,2', '70000,1', Array(9).fill('1,0').join(',')])(
    'route %j is refused with a sentence',
    (text) => {
      expect(parseRoute(text)).toMatch(/[.]$/);
    },
  );
});
