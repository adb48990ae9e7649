import type { Clock } from '#engine/platform/index.ts';
import type { ClockReading } from '#engine/protocols/protocol.ts';
import { request, SERVICE, STATUS, u16 } from './cip.ts';
import type { Controller } from './controller.ts';
import { objectPath } from './path.ts';

// The wall clock object of Logix controllers. Its attributes are given by list alone; number 6 is the time in UTC, number
// 11 that of the controller's zone, both as microseconds since 1970 in eight bytes.

const UTC = 6;
const ASK = request(SERVICE.getAttributeList, objectPath(0x8b, 1), Buffer.concat([u16(1), u16(UTC)]));
/** Number of attributes; number, status and value of the one. */
const ANSWER_BYTES = 2 + 2 + 2 + 8;
/** To the year 2255, where integers of microseconds end. */
const LATEST = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * Null where the controller has no such clock, or gives it in a way that can't be used. Asks beside the connection, which
 * a controller that leaves the request unanswered would seem to have lost. Throws what `askUnconnected` throws.
 */
export async function readWallClock(
  controller: Controller,
  clock: Clock,
  signal: AbortSignal,
): Promise<ClockReading | null> {
  const sentMs = clock.monotonicMs();
  const heard = await controller.askUnconnected(ASK, signal);
  const tookMs = clock.monotonicMs() - sentMs;
  const now = clock.now();
  if (heard.kind !== 'reply' || heard.reply.status !== STATUS.ok) return null;
  const { data } = heard.reply;
  if (data.length < ANSWER_BYTES || data.readUInt16LE(0) !== 1 || data.readUInt16LE(2) !== UTC) return null;
  if (data.readUInt16LE(4) !== STATUS.ok) return null;
  const time = data.readBigUInt64LE(6);
  if (time > LATEST) return null;
  // The way there and the way back take half of it each, as far as anybody can tell.
  return { device: Number(time), here: now - Math.round(tookMs * 500) };
}
