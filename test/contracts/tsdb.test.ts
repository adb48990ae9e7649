import { describeBackend } from './tsdb.ts';
import { fixtures } from './tsdb-fixtures.ts';
import { keptFixture } from './tsdb-kept.ts';

for (const fixture of [...fixtures, keptFixture]) describeBackend(fixture);
