export { type ConnectOptions, connect } from './connect.ts';
export { decodeFrame, encodeFrame, FRAME_LIMITS, FRAME_VERSION, frameVersion } from './frame.ts';
export { BUILD_ID, STREAM_WINDOW } from './message.ts';
export {
  type MessagePortLike,
  messagePort,
  type Port,
  pairedPorts,
  type WebSocketLike,
  type WebSocketPortOptions,
  webSocketPort,
} from './ports.ts';
export {
  type Call,
  type CallContext,
  type CallOptions,
  type ClientOf,
  type Column,
  type ColumnSource,
  type Contract,
  call,
  column,
  type ElementType,
  type HandlersOf,
  nothing,
  ROLES,
  type Role,
  roleAllows,
  type Session,
  type Stream,
  stream,
} from './procedure.ts';
export { type AuditEntry, type ServeOptions, serve } from './serve.ts';
