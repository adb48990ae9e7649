import { describeStream } from '#test/contracts/tsdb-stream.ts';

describeStream(10_000_000);
