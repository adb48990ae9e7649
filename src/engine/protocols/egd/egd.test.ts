import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '#shared/errors.ts';
import { QUALITY } from '#shared/model/index.ts';
import { createCollector } from '#test/support/sample-collector.ts';
import { createRecipe, describeAddress, formatAddress, parseAddress, type valueTypes } from './address.ts';
import { explain } from './explain.ts';
import { parseHeader, producerNumber, producerText } from './header.ts';
import { createHeard, periodOf } from './heard.ts';
import { egd } from './index.ts';
import { createLayout } from './layout.ts';
import { qualityOf, timeIsSound } from './status.ts';

const device = egd.sample.device;
/** As Wireshark shows one: producer 192.168.0.10, exchange 3, request 258, 2024-01-01T00:00:00.5Z, signature 1.2. */
const production = Buffer.from(
  `0d01 0201 c0a8000a 03000000 80009265 0065cd1d 01000000 02010000 00000000 aabbccdd`.replaceAll(' ', ''),
  'hex',
);

describe('the header', () => {
  it('is read as it lies on the wire', () => {
    const parsed = parseHeader(production);
    expect(parsed).toEqual({
      kind: 'data',
      header: {
        requestId: 0x0102,
        producer: 0xc0a8_000a,
        exchange: 3,
        produced: Date.UTC(2024, 0, 1) * 1_000 + 500_000,
        status: 1,
        signature: 0x0102,
      },
    });
    // The log marks lines that speak of errors.
    expect(explain('received', production)[0]).not.toMatch(/\b(no|not|errors?)\b/);
    expect(producerText(0xc0a8_000a)).toBe('192.168.0.10');
    expect(producerNumber('192.168.0.10')).toBe(0xc0a8_000a);
    expect(producerNumber('192.168.0.256')).toBeNull();
  });

  it('with type and version exchanged is told from other datagrams', () => {
    const swapped = Uint8Array.from(production);
    swapped.set([1, 13]);
    expect(parseHeader(swapped).kind).toBe('swapped');
    expect(explain('received', swapped)[0]).toMatch(/changed places/);
    swapped.set([13, 2]);
    expect(parseHeader(swapped)).toEqual({ kind: 'other', reason: 'version 2 is not known (1 is)' });
    expect(parseHeader(production.subarray(0, 31)).kind).toBe('other');
  });

  it('of any bytes is no crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        parseHeader(bytes);
        for (const sentence of explain('received', bytes)) expect(sentence).toMatch(/[.]$/);
      }),
    );
  });

  it('gives no time where seconds are zero or nanoseconds are none', () => {
    const without = Buffer.from(production);
    without.writeUInt32LE(0, 12);
    expect(parseHeader(without)).toMatchObject({ header: { produced: null } });
    without.writeUInt32LE(5, 12);
    without.writeUInt32LE(1_000_000_000, 16);
    expect(parseHeader(without)).toMatchObject({ header: { produced: null } });
  });
});

describe('addresses', () => {
  it('of every notation mean one place', () => {
    for (const [text, canonical, type] of [
      ['12', '12', null],
      ['0x0C', '12', null],
      ['12.3', '12.3', 'bit'],
      ['12:REAL', '12', 'float32'],
      ['20:string16', '20:string16', 'string'],
      ['20:string[16]', '20:string16', 'string'],
      ['status', 'status', 'uint32'],
    ] as const) {
      const parsed = parseAddress(text);
      expect(formatAddress(parsed.address)).toBe(canonical);
      expect(parsed.type).toBe(type);
      expect(describeAddress(parsed.address).wire).not.toBe('');
    }
  });

  it('refuse what can not be, with a sentence', () => {
    const recipe = (text: string, type: (typeof valueTypes)[number], dataBytes = 0) =>
      createRecipe({ type, order: null, scaling: null, unit: null }, parseAddress(text).address, {
        ...device,
        dataBytes,
      });
    for (const wrong of [
      () => recipe('12', 'bit'),
      () => recipe('12', 'string'),
      () => recipe('12.3', 'int16'),
      () => recipe('20:string4', 'int16'),
      () => recipe('1399', 'int16'),
      () => recipe('status', 'int16'),
      () => recipe('9', 'int16', 10),
    ]) {
      try {
        wrong();
        expect.unreachable('was accepted');
      } catch (error) {
        if (!isAppError(error, 'config.invalid')) throw error;
        expect(error.message).toMatch(/[.]$/);
      }
    }
    expect(recipe('8', 'int16', 10).order).toBe('DCBA');
  });
});

describe('what is heard', () => {
  it('counts lost productions by their numbers, over the end of the count, and no others', () => {
    const heard = createHeard();
    const note = (requestId: number, ms: number) => {
      const header = { requestId, producer: 1, exchange: 2, produced: null, status: 1, signature: 0 };
      heard.note(header, new Uint8Array(8), 0, 'a', false, ms);
      return heard.find(1, 2)!;
    };
    note(65_533, 0);
    note(65_534, 10);
    expect(note(2, 50).lost).toBe(3);
    expect(note(1, 60).lost).toBe(3);
    expect(note(2, 70).lost).toBe(3);
    expect(periodOf(heard.all()[0]!)).toBe(17.5);
  });

  it('takes one that was overtaken off the losses, by the time of its producer', () => {
    const heard = createHeard();
    const note = (requestId: number, time: number) => {
      const header = { requestId, producer: 1, exchange: 2, produced: time, status: 1, signature: 0 };
      heard.note(header, new Uint8Array(8), time, 'a', false, time);
      return heard.find(1, 2)!.lost;
    };
    expect([2, 1, 4, 3, 8, 6].map((number) => note(number, 10 * number))).toEqual([0, 0, 1, 0, 3, 2]);
    // Begun anew: the numbers go back and the time does not.
    expect([note(1, 200), note(2, 210)]).toEqual([2, 2]);
  });

  it('is bounded, whatever is sent', () => {
    const heard = createHeard();
    for (let exchange = 0; exchange < 5_000; exchange++) {
      const header = { requestId: 1, producer: 1, exchange, produced: null, status: 1, signature: 0 };
      heard.note(header, new Uint8Array(8), 0, 'a', false, 0);
    }
    expect(heard.all().length).toBe(2_000);
  });
});

describe('a production', () => {
  const header = { requestId: 1, producer: 1, exchange: 1, produced: null, status: 6, signature: 0 };
  const tag = (text: string, type: (typeof valueTypes)[number], index: number) => {
    const { address } = parseAddress(text);
    return { index, address, recipe: createRecipe({ type, order: null, scaling: null, unit: null }, address, device) };
  };

  it('with a bad status has bad values and a readable status', () => {
    const sink = createCollector();
    createLayout([tag('0', 'int16', 0), tag('status', 'uint32', 1), tag('0:string2', 'string', 2)]).push(
      header,
      Uint8Array.of(65, 66),
      5,
      qualityOf(6),
      sink,
    );
    expect(sink.one(0).quality).toBe(0x8f06);
    expect(sink.one(1)).toEqual({ tag: 1, time: 5, value: 6, quality: QUALITY.good });
    expect(sink.one(2).quality).toBe(0x8f06);
    expect(timeIsSound(3)).toBe(false);
  });

  it('that is too short for a tag makes that tag bad alone', () => {
    const sink = createCollector();
    createLayout([tag('0', 'int16', 0), tag('1', 'int16', 1)]).push(header, Uint8Array.of(1, 2), 5, QUALITY.good, sink);
    expect(sink.one(0)).toMatchObject({ value: 0x0102, quality: QUALITY.good });
    expect(sink.one(1).quality).toBe(QUALITY.badAddressUnknown);
  });
});
