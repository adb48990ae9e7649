import type { ServiceFaults } from './services.ts';

/** Everything the simulated controller can do wrong, or can't do. Absent: it is honest and complete. */
export interface EipFaults extends ServiceFaults {
  readonly delayMs?: number;
  /** Milliseconds by which the controllers of these slots answer late. */
  readonly delaySlots?: Readonly<Record<string, number>>;
  /** Nothing is answered any more. */
  readonly silent?: boolean;
  /** Every n-th answer is missing. */
  readonly dropEvery?: number;
  /** Each byte in a packet of its own. */
  readonly splitBytes?: boolean;
  /** Answers wait until so many leave in one packet, 150 ms at most. */
  readonly mergeAnswers?: number;
  /** The sender context of the answer is another one. */
  readonly wrongContext?: boolean;
  readonly wrongSession?: boolean;
  /** The sequence count of connected answers is another one. */
  readonly wrongSequence?: boolean;
  readonly closeAfterAnswer?: boolean;
  /** Half of the answer, then the link is gone. */
  readonly cutMidAnswer?: boolean;
  readonly garbage?: boolean;
  /** Encapsulation status of every answer, for example 0x64 (invalid session). */
  readonly encapsulationStatus?: number;
  /** Forward open is refused: general status and extended status. */
  readonly refuseForwardOpen?: readonly [status: number, extended: number];
  /** Large forward open is not supported. */
  readonly noLargeForwardOpen?: boolean;
  /** Each answer is sent twice. */
  readonly twice?: boolean;
  /** Accepts and reads, but neither answers nor closes, not even when the client does. */
  readonly halfOpen?: boolean;
  /** Every connected message is answered with "connection lost" behaviour: silence, as after a controller's time-out. */
  readonly forgetConnections?: boolean;
}

/** The names of all faults and what each takes, for faults that come from outside. */
export const EIP_FAULTS: Readonly<Record<keyof EipFaults, 'number' | 'flag' | 'list' | 'object'>> = {
  delayMs: 'number',
  delaySlots: 'object',
  silent: 'flag',
  dropEvery: 'number',
  splitBytes: 'flag',
  mergeAnswers: 'number',
  wrongContext: 'flag',
  wrongSession: 'flag',
  wrongSequence: 'flag',
  closeAfterAnswer: 'flag',
  cutMidAnswer: 'flag',
  garbage: 'flag',
  encapsulationStatus: 'number',
  refuseForwardOpen: 'list',
  noLargeForwardOpen: 'flag',
  twice: 'flag',
  halfOpen: 'flag',
  forgetConnections: 'flag',
  lacks: 'list',
  refused: 'object',
  noTagList: 'flag',
  noIdentity: 'flag',
  clockAheadS: 'number',
  noClock: 'flag',
};
