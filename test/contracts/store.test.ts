import { openRecording, openStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { describeStore } from './store.ts';

const deps = { clock: systemClock(), log: createLogger(() => undefined), workers };

describeStore('local historian', {
  open: (options) => openStore(options, deps),
  openRecording: (path) => openRecording(path, deps),
});
