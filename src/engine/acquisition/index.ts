export { type Acquisition, type AcquisitionOptions, createAcquisition } from './acquisition.ts';
export type { BackOffLimits } from './back-off.ts';
export type { AcquiredDocuments } from './bindings.ts';
export { type ClockWatchOptions, watchClock } from './clock-watch.ts';
export { STATE_NUMBERS } from './diagnostics.ts';
export { type LookedAt, type Resolution, type ResolveTarget, resolveTag } from './resolve.ts';
export type { GapNotice } from './tag-group.ts';
export { type TracePacket, type Traces, tracePacket } from './traces.ts';
export type { Visit } from './visits.ts';
