export { type Alerts, createAlerts } from './alerts.ts';
export { alarmAt, type Clock, systemClock } from './clock.ts';
export { type Container, checkContainer, containerTooNew, damagedContainer, openContainer } from './container.ts';
export {
  acquireLock,
  type Database,
  type OpenDatabaseOptions,
  openDatabase,
  openDatabaseImage,
  type Statement,
  storeError,
  withStoreErrors,
} from './database.ts';
export type { DialTarget, LinkTrouble } from './dial.ts';
export { copyWhole, readDurable, writeDurable } from './durable-file.ts';
export { createLogger, type Logger, type LogLevel, type LogLine } from './log.ts';
export { createLogBook, type LogBook } from './log-book.ts';
export { inSameNetwork, type Network, type OwnAddress, ownAddresses, systemNetwork } from './network-check.ts';
export { watchNetwork } from './network-watch.ts';
export { type SerialPortName, serialPorts } from './serial-ports.ts';
export { createTurns } from './turns.ts';
export { type Changing, changedKeys, conflate, createChanging } from './watch.ts';
export type { WorkerName, WorkerUrls } from './workers.ts';
