import { describeStream } from '#test/contracts/tsdb-stream.ts';

describeStream(200_000);
