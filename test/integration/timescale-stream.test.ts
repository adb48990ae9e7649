import { describeStream } from '#test/contracts/tsdb-stream.ts';
import { LONG } from '#test/support/figures.ts';

describeStream(LONG ? 10_000_000 : 200_000);
