import { AppError } from '#shared/errors.ts';

/** "12 s", "3 min 05 s", "1 h 03 min". */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** "every 5 s", "every 500 ms": how often a lost partner is asked again. */
export function paceText(ms: number): string {
  return ms < 950 ? `every ${Math.round(ms / 50) * 50} ms` : `every ${Math.round(ms / 1000)} s`;
}

export function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** What a caught value says of itself, as a sentence. */
export function errorSentence(error: unknown): string {
  if (error instanceof AppError) return sentence(error.message);
  return sentence(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

interface LossText {
  readonly endpoint: string;
  readonly error: unknown;
  /** How long nothing good has come. */
  readonly lostMs: number;
  readonly retryMs: number;
}

/** Why a whole link is down: what happened, since when, what goes on, what to do. */
export function linkLossText({ endpoint, error, lostMs, retryMs }: LossText): string {
  const again = `Trying again ${paceText(retryMs)}.`;
  const since = durationText(lostMs);
  const port = /:(\d+)$/.exec(endpoint)?.[1];
  const open = port === undefined ? '' : ` and that port ${port} is open`;
  if (!(error instanceof AppError)) {
    return `The connection to ${endpoint} failed unexpectedly; the log has the details. Not connected for ${since}. ${again}`;
  }
  switch (error.code) {
    case 'protocol.timeout':
      return `No answer from ${endpoint} for ${since}. ${again} Check that the device's server is on${open}.`;
    case 'protocol.link-lost': {
      const advice = /\b(Check|close other)\b/.test(error.message)
        ? ''
        : ' Check that the device is on and the cable is in.';
      return `${sentence(error.message)} No data for ${since}. ${again}${advice}`;
    }
    default: {
      const advice = /\b(check|close|choose|plug|add|use|give)\b/i.test(error.message)
        ? ''
        : ` Check that the device's server is on${open}.`;
      return `${sentence(error.message)} Not connected for ${since}. ${again}${advice}`;
    }
  }
}

/** Why one device behind a working link is silent. */
export function deviceLossText(name: string, { endpoint, error, lostMs, retryMs }: LossText): string {
  const again = `Asking again ${paceText(retryMs)}.`;
  const since = durationText(lostMs);
  if (error instanceof AppError && error.code !== 'protocol.timeout') {
    return `${name} at ${endpoint}: ${sentence(error.message)} No good data for ${since}. ${again}`;
  }
  if (error instanceof AppError) {
    return `No answer from ${name} at ${endpoint} for ${since}. ${again} Check that the device is on and that its unit or slot number is right.`;
  }
  return `Reading ${name} at ${endpoint} failed unexpectedly; the log has the details. No good data for ${since}. ${again}`;
}

/** A link is open, nothing failed, and yet no data come. */
export function silenceText(who: string, lostMs: number): string {
  return `No new data from ${who} for ${durationText(lostMs)}. Check that the device is sending.`;
}

/** Names for a sentence: the first few, then how many more. */
export function namesText(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
