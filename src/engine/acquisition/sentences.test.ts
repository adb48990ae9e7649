import { describe, expect, it } from 'vitest';
import { AppError } from '#shared/errors.ts';
import { deviceLossText, durationText, linkLossText, namesText, paceText } from './sentences.ts';

const timeout = new AppError('protocol.timeout', 'No answer.', { details: { afterMs: 1000 }, retryable: true });
const refused = new AppError('protocol.connect-failed', '192.168.0.10:502 refused the connection', {
  details: { endpoint: '192.168.0.10:502' },
});
const at = { endpoint: '192.168.0.10:502', lostMs: 12_400, retryMs: 5_000 };

describe('sentences about lost links', () => {
  it('say what happened, since when, what goes on and what to do', () => {
    expect(linkLossText({ ...at, error: timeout })).toBe(
      "No answer from 192.168.0.10:502 for 12 s. Trying again every 5 s. Check that the device's server is on and that port 502 is open.",
    );
    expect(linkLossText({ ...at, error: refused })).toBe(
      "192.168.0.10:502 refused the connection. Not connected for 12 s. Trying again every 5 s. Check that the device's server is on and that port 502 is open.",
    );
    expect(deviceLossText('Drive 3', { ...at, error: timeout })).toBe(
      'No answer from Drive 3 at 192.168.0.10:502 for 12 s. Asking again every 5 s. Check that the device is on and that its unit or slot number is right.',
    );
  });

  it('do not give advice twice, and do not show what only the log should', () => {
    const advised = new AppError('protocol.connect-failed', 'Refused. Check the port.', { details: { endpoint: 'x' } });
    expect(linkLossText({ ...at, error: advised })).toBe(
      'Refused. Check the port. Not connected for 12 s. Trying again every 5 s.',
    );
    for (const advice of [
      'Close the other program.',
      'Choose one of its own addresses.',
      'Use the IP address of the device.',
      'Give this computer an address in the network of the device.',
    ]) {
      const own = new AppError('protocol.connect-failed', `It is so. ${advice}`, { details: { endpoint: 'x' } });
      expect(linkLossText({ ...at, error: own })).not.toContain('server is on');
    }
    expect(linkLossText({ ...at, error: new TypeError('undefined is not a function') })).not.toContain('undefined');
  });

  it('write durations, paces and names as people do', () => {
    expect([0, 59_999, 65_000, 3_780_000].map(durationText)).toEqual(['0 s', '59 s', '1 min 05 s', '1 h 03 min']);
    expect([200, 1_000, 5_000].map(paceText)).toEqual(['every 200 ms', 'every 1 s', 'every 5 s']);
    expect(namesText(['A', 'B'])).toBe('A, B');
    expect(namesText(['A', 'B', 'C', 'D', 'E'])).toBe('A, B, C and 2 more');
  });
});
