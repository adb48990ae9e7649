import type { BackendId } from '#engine/tsdb/index.ts';
import type { BackendFixture } from './tsdb.ts';
import { localFixture } from './tsdb-local.ts';
import { timescaleFixtures } from './tsdb-timescale.ts';

/** A backend without a fixture does not compile. */
const byId: Record<BackendId, readonly BackendFixture[]> = { local: [localFixture], timescale: timescaleFixtures };

export const fixtures: readonly BackendFixture[] = Object.values(byId).flat();
