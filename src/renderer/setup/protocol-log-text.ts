import { formatTime, plural } from '#renderer/ui/format.ts';
import { fileNamePart } from '#renderer/ui/offer-file.ts';
import type { UnixMicros } from '#shared/model/index.ts';

/** One packet as the engine reports it. */
export interface TraceLine {
  readonly time: UnixMicros;
  readonly direction: 'sent' | 'received';
  readonly hex: string;
  readonly words: readonly string[];
}

/** A packet, or a note of this page about what is missing between two packets. */
export type LogEntry =
  | ({
      readonly kind: 'packet';
      readonly key: number;
      readonly trouble: boolean;
      /** The sentence of the request that a packet with trouble answers, where it is known. */
      readonly asked: string | null;
    } & TraceLine)
  | { readonly kind: 'note'; readonly key: number; readonly time: UnixMicros; readonly text: string };

/** Entries kept on the page; the oldest go first. */
export const MAX_ENTRIES = 5000;
/** Errors and exceptions are kept apart: on a fast link 5,000 packets pass in seconds, and a rare exception with them. */
export const MAX_TROUBLES = 1000;

/**
 * Words by which the protocols of this trade tell that something was refused or was not what was asked for. The engine
 * sends sentences, not flags, so that every protocol can say it in its own terms.
 */
const TROUBLE = /\b(exceptions?|errors?|not|no|refused?|rejected|invalid|unexpected|were announced|too long)\b/i;

export function isTrouble(line: Pick<TraceLine, 'words'>): boolean {
  return line.words.some((sentence) => TROUBLE.test(sentence));
}

/**
 * What was asked for, of an answer with trouble: protocols that number their requests say "Request 7" and "Answer 7".
 * `sent` is in order of time. Null where the words hold no number or the request is not there.
 */
export function askedSentence(line: Pick<TraceLine, 'words'>, sent: readonly TraceLine[]): string | null {
  const answer = line.words.find((sentence) => TROUBLE.test(sentence));
  const number = answer === undefined ? null : /^Answer (\d+) /.exec(answer);
  if (number === null) return null;
  const start = `Request ${number[1]} `;
  for (const request of sent.toReversed()) {
    const found = request.words.find((sentence) => sentence.startsWith(start));
    if (found !== undefined) return found;
  }
  return null;
}

/** What is kept after `fresh` came: the newest entries, and how many of the oldest went. */
export function appendEntries(
  known: readonly LogEntry[],
  fresh: readonly LogEntry[],
  max = MAX_ENTRIES,
): { readonly entries: readonly LogEntry[]; readonly removed: number } {
  const all = [...known, ...fresh];
  const removed = Math.max(0, all.length - max);
  return { entries: removed === 0 ? all : all.slice(removed), removed };
}

const BYTES_A_LINE = 16;

/** Bytes in lines of 16 with their offset in front, as manuals print them: `0010  00 0a ...`. */
export function hexLines(hex: string): readonly string[] {
  const bytes = hex === '' ? [] : hex.split(' ');
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += BYTES_A_LINE) {
    const part = bytes.slice(at, at + BYTES_A_LINE);
    // A wider gap in the middle, so that a byte can be found by counting to eight.
    const halves = [part.slice(0, 8), part.slice(8)].filter((half) => half.length > 0).map((half) => half.join(' '));
    lines.push(`${at.toString(16).padStart(4, '0')}  ${halves.join('  ')}`);
  }
  return lines;
}

/** Number of bytes in a hex text with blanks between. */
export const byteCount = (hex: string): number => (hex === '' ? 0 : (hex.length + 1) / 3);

export interface LogHeading {
  readonly connection: string;
  readonly endpoint: string | null;
  /** The IANA zone that the times are written in; null is the computer's own, named by `zoneText`. */
  readonly zone: string | null;
  readonly zoneText: string;
  readonly savedAt: UnixMicros;
  /** From when on packets were kept, where that is not what the first line says. */
  readonly since?: UnixMicros;
  /** Packets that were not fetched in time. */
  readonly dropped: number;
  readonly onlyTrouble: boolean;
}

/** The log as a text file: words first, the bytes below. Lines end in CR LF, which every editor takes. */
export function protocolLogText(entries: readonly LogEntry[], heading: LogHeading): string {
  const lines = [
    `Protocol log of "${heading.connection}"${heading.endpoint === null ? '' : `, ${heading.endpoint}`}`,
    `Saved ${formatTime(heading.savedAt, heading.zone, 'millisecond')}, times in ${heading.zoneText}`,
    ...(heading.since === undefined ? [] : [`Kept since ${formatTime(heading.since, heading.zone, 'millisecond')}`]),
    ...(heading.onlyTrouble ? ['Only errors and exceptions are listed.'] : []),
    ...(heading.dropped > 0
      ? [
          heading.since === undefined
            ? `Packets that were not fetched in time and are missing: ${heading.dropped}`
            : `Older packets that had to go to make room: ${heading.dropped}`,
        ]
      : []),
    '',
  ];
  for (const entry of entries) {
    const time = formatTime(entry.time, heading.zone, 'millisecond');
    if (entry.kind === 'note') {
      lines.push(`${time}  --        ${entry.text}`);
      continue;
    }
    const direction = entry.direction.padEnd(8);
    const words = entry.words.length === 0 ? [plural(byteCount(entry.hex), 'byte')] : entry.words;
    words.forEach((sentence, index) => {
      lines.push(index === 0 ? `${time}  ${direction}  ${sentence}` : `${' '.repeat(time.length + 12)}${sentence}`);
    });
    if (heading.onlyTrouble && entry.asked !== null) lines.push(`${' '.repeat(time.length + 12)}To: ${entry.asked}`);
    for (const line of hexLines(entry.hex)) lines.push(`${' '.repeat(time.length + 12)}${line}`);
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** A name that every file system takes. */
export function logFileName(connection: string, savedAt: UnixMicros, zone: string | null): string {
  const name = `protocol log ${connection} ${formatTime(savedAt, zone).replaceAll(':', '-')}`;
  return `${fileNamePart(name, 'protocol log')}.txt`;
}
