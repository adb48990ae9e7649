import type { BackendId } from '#engine/tsdb/index.ts';
import type { BackendFixture } from './tsdb.ts';
import { localFixture } from './tsdb-local.ts';

/** A backend without a fixture does not compile. */
const byId: Record<BackendId, BackendFixture> = { local: localFixture };

export const fixtures: readonly BackendFixture[] = Object.values(byId);
