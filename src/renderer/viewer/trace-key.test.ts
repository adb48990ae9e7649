import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trendDocument } from '#shared/model/index.ts';
import { isPlain, readShift, traceKey, traceParts, withKeys, withoutKeys, writeShift } from './trace-key.ts';

describe('the key of a trace', () => {
  it('is the plain id of a tag of the trend itself, and whatever else it is of comes back from it', () => {
    expect(traceKey({ source: null, shiftMs: 0, tagId: 'speed.1' })).toBe('speed.1');
    fc.assert(
      fc.property(
        fc.option(fc.string({ minLength: 1, unit: 'binary' }), { nil: null }),
        fc.integer({ min: -3e12, max: 3e12 }),
        fc.string({ minLength: 1, unit: 'binary' }),
        (source, shiftMs, tagId) => {
          // A tag of the trend itself has an id of this project.
          fc.pre(source !== null || shiftMs !== 0);
          const key = traceKey({ source, shiftMs, tagId });
          expect(isPlain(key)).toBe(false);
          expect(traceParts(key)).toEqual({ source, shiftMs, tagId });
        },
      ),
    );
  });

  it('is not written into the project: a trend is kept with source and shift, and an older one stays as it was', () => {
    const axes = [{ id: 'axis1', label: '', low: null, high: null }];
    const old = [{ tagId: 'speed', axisId: 'axis1', visible: true }];
    const trend = trendDocument.parse({
      id: 'default',
      name: 'Trend',
      spanS: 120,
      plots: [
        {
          id: 'plot1',
          height: 1,
          axes,
          traces: [
            ...old,
            { tagId: 'Walzgerüst/Kraft @ 1', axisId: 'axis1', visible: false, source: 'plant', shiftMs: -5 },
          ],
        },
      ],
    });
    const shown = withKeys(trend);
    expect(shown.plots[0]!.traces.map(({ tagId }) => tagId)).toEqual(['speed', '@-5@plant@Walzgerüst/Kraft @ 1']);
    expect(withoutKeys(shown)).toEqual(trend);
  });
});

describe('a shift', () => {
  it.each([
    ['1 d', 86_400_000],
    ['-2 h 30 min', -9_000_000],
    ['\u22121,5 h', -5_400_000],
    ['250ms', 250],
    ['90', 90_000],
    ['0', 0],
  ])('%s is %d ms', (text, ms) => expect(readShift(text)).toBe(ms));

  it.each(['', 'tomorrow', '1 y', '1 d x', '--1 h', '9999999 d'])('"%s" is none', (text) => {
    expect(readShift(text)).toBeNull();
  });

  it('is read again as it is written', () => {
    fc.assert(
      fc.property(fc.integer({ min: -3e12, max: 3e12 }), (ms) => {
        expect(readShift(writeShift(ms))).toBe(ms);
      }),
    );
  });
});
