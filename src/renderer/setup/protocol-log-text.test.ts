import { describe, expect, it } from 'vitest';
import {
  appendEntries,
  askedSentence,
  byteCount,
  hexLines,
  isTrouble,
  type LogEntry,
  logFileName,
  protocolLogText,
  type TraceLine,
} from './protocol-log-text.ts';

const at = Date.UTC(2026, 10, 21, 13, 3, 7, 250) * 1000;
let key = 0;
const packet = (line: Partial<TraceLine>): LogEntry => {
  const whole: TraceLine = { time: at, direction: 'sent', hex: '', words: [], ...line };
  return { kind: 'packet', key: ++key, trouble: isTrouble(whole), asked: null, ...whole };
};
const note = (text: string): LogEntry => ({ kind: 'note', key: ++key, time: at, text });

describe('trouble in a trace', () => {
  it.each([
    [true, 'Answer 7 from unit 1: exception 2, illegal data address (function 3).'],
    [true, 'Answer 7 from unit 1: 1 bytes of holding registers, 250 were announced (function 3).'],
    [true, '8 bytes that are not Modbus TCP.'],
    [false, 'Request 7 to unit 1: read 10 holding registers from 400100 (function 3, offset 99).'],
    [false, 'Answer 7 from unit 1: 2 bytes of holding registers (function 3).'],
    [
      false,
      'Production 7 of exchange 1 by 10.0.0.1, of 2026-11-21T10:51:22.282Z: 12 bytes of data, status 1, signature 1.0.',
    ],
    [
      true,
      'Production 7 of exchange 1 by 10.0.0.1, without a time: 12 bytes of data, status 4, specification error, signature 1.0.',
    ],
    [false, '8 bytes of a frame that goes on in the next packet.'],
  ])('%s: %s', (expected, sentence) => {
    expect(isTrouble({ words: ['Request 1 to unit 1: function 43.', sentence] })).toBe(expected);
  });
  it('is not seen where nothing is said', () => {
    expect(isTrouble({ words: [] })).toBe(false);
  });
});

describe('what was asked', () => {
  const sent = (...words: string[]): TraceLine => ({ time: at, direction: 'sent', hex: '', words });
  const requests = [
    sent('Request 7 to unit 1: old.'),
    sent('Request 7 to unit 1: new.', 'Request 70 to unit 1.'),
    sent('Request 8 to unit 1.'),
  ];
  it.each([
    ['Answer 7 from unit 1: exception 2, illegal data address (function 3).', 'Request 7 to unit 1: new.'],
    ['Answer 70 from unit 1: exception 2, illegal data address (function 3).', 'Request 70 to unit 1.'],
    ['Answer 9 from unit 1: exception 2, illegal data address (function 3).', null],
    ['8 bytes that are not Modbus TCP.', null],
  ])('%s', (answer, expected) => {
    expect(askedSentence({ words: ['Answer 8 from unit 1: 2 bytes of coils.', answer] }, requests)).toBe(expected);
  });
});

describe('what is kept', () => {
  it('is the newest, with the number of what went', () => {
    const three = [note('a'), note('b'), note('c')];
    expect(appendEntries(three, [], 3)).toEqual({ entries: three, removed: 0 });
    const { entries, removed } = appendEntries(three, [note('d'), note('e')], 3);
    expect(entries.map((entry) => entry.kind === 'note' && entry.text)).toEqual(['c', 'd', 'e']);
    expect(removed).toBe(2);
  });
});

describe('bytes', () => {
  it('stand in lines of sixteen with their offset', () => {
    const hex = Array.from({ length: 18 }, (_, index) => index.toString(16).padStart(2, '0')).join(' ');
    expect(hexLines(hex)).toEqual(['0000  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f', '0010  10 11']);
    expect(hexLines('')).toEqual([]);
    expect([byteCount(''), byteCount('00'), byteCount(hex)]).toEqual([0, 1, 18]);
  });
});

describe('the saved text', () => {
  const heading = {
    connection: 'Mill PLC',
    endpoint: '10.0.0.5:502',
    zone: 'Europe/Berlin',
    zoneText: 'Europe/Berlin (CET)',
    savedAt: at + 1_000_000,
    dropped: 0,
    onlyTrouble: false,
  };
  it('has the words first and the bytes below, in the zone of the project', () => {
    const entries = [
      packet({ hex: '00 07 00 00', words: ['Request 7 to unit 1.', 'Request 8 to unit 1.'] }),
      note('12 packets were not fetched in time.'),
      packet({ time: at + 2000, direction: 'received', hex: 'ff' }),
    ];
    expect(protocolLogText(entries, heading).split('\r\n')).toEqual([
      'Protocol log of "Mill PLC", 10.0.0.5:502',
      'Saved 2026-11-21 14:03:08.250, times in Europe/Berlin (CET)',
      '',
      '2026-11-21 14:03:07.250  sent      Request 7 to unit 1.',
      '                                   Request 8 to unit 1.',
      '                                   0000  00 07 00 00',
      '2026-11-21 14:03:07.250  --        12 packets were not fetched in time.',
      '2026-11-21 14:03:07.252  received  1 byte',
      '                                   0000  ff',
      '',
    ]);
  });
  it('says of errors what was asked', () => {
    const answer = packet({ direction: 'received', hex: '00', words: ['Answer 7 from unit 1: exception 2.'] });
    const entries = [{ ...answer, asked: 'Request 7 to unit 1: read coil 000001.' } as LogEntry];
    expect(protocolLogText(entries, { ...heading, onlyTrouble: true })).toContain(
      '\r\n                                   To: Request 7 to unit 1: read coil 000001.\r\n',
    );
    expect(protocolLogText(entries, heading)).not.toContain('To: ');
  });
  it('says what is missing in it', () => {
    const text = protocolLogText([], { ...heading, endpoint: null, dropped: 3, onlyTrouble: true });
    expect(text).toContain('Protocol log of "Mill PLC"\r\n');
    expect(text).toContain('Only errors and exceptions are listed.\r\n');
    expect(text).toContain('missing: 3\r\n');
  });
  it('gets a name that every file system takes', () => {
    expect(logFileName('a/b:c', at, 'UTC')).toBe('protocol log a-b-c 2026-11-21 13-03-07.txt');
  });
});
