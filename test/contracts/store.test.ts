import { openRecording, openStore } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { workers } from '#test/faults/historian-workers.ts';
import { describeStore } from './store.ts';
import { describeStoreFiles } from './store-files.ts';
import { describeStoreQueries } from './store-queries.ts';
import type { StoreFactory } from './store-samples.ts';

const deps = { clock: systemClock(), log: createLogger(() => undefined), workers };

const local: StoreFactory = {
  open: (options) => openStore(options, deps),
  openRecording: (path) => openRecording(path, deps),
};

describeStore('local historian', local);
describeStoreFiles('local historian', local);
describeStoreQueries('local historian', local);
