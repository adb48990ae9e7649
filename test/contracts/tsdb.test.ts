import { describeBackend } from './tsdb.ts';
import { fixtures } from './tsdb-fixtures.ts';

for (const fixture of fixtures) describeBackend(fixture);
