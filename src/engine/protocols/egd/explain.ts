import { HEADER_BYTES, parseHeader, producerText, signatureText } from './header.ts';
import { statusName } from './status.ts';

/** A datagram of the trace in words. */
export function explain(_direction: 'sent' | 'received', bytes: Uint8Array): readonly string[] {
  const parsed = parseHeader(bytes);
  if (parsed.kind === 'other') return [`No EGD production: ${parsed.reason}.`];
  const { header } = parsed;
  // Sound ones by number alone: "no error" in thousands of lines is what is looked for in vain.
  const status = (header.status <= 1 ? undefined : statusName(header.status)) ?? `status ${header.status}`;
  const time = header.produced === null ? 'without a time' : `of ${new Date(header.produced / 1_000).toISOString()}`;
  const swapped = parsed.kind === 'swapped' ? ' Type and version of the header have changed places.' : '';
  return [
    `Production ${header.requestId} of exchange ${header.exchange} by ${producerText(header.producer)}, ${time}: ${bytes.length - HEADER_BYTES} bytes of data, ${status}, signature ${signatureText(header.signature)}.${swapped}`,
  ];
}
