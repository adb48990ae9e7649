-- samples_1h from 2026-01-05T00:00 to 2026-01-07T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-01-05T00:00:00.000000Z', TIMESTAMPTZ '2026-01-07T00:00:00.000000Z');

-- samples_1h from 2026-01-07T00:00 to 2026-01-10T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-01-07T00:00:00.000000Z', TIMESTAMPTZ '2026-01-10T00:00:00.000000Z');

-- samples_1h from 2026-01-10T00:00 to 2026-01-13T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-01-10T00:00:00.000000Z', TIMESTAMPTZ '2026-01-13T00:00:00.000000Z');

-- samples_1h from 2026-01-13T00:00 to 2026-01-16T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-01-13T00:00:00.000000Z', TIMESTAMPTZ '2026-01-16T00:00:00.000000Z');

-- samples_1h from 2026-01-16T00:00 to 2026-01-19T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-01-16T00:00:00.000000Z', TIMESTAMPTZ '2026-01-19T00:00:00.000000Z');

-- samples_1h from 2026-01-19T00:00 to 2026-01-22T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-01-19T00:00:00.000000Z', TIMESTAMPTZ '2026-01-22T00:00:00.000000Z');

-- samples_1h from 2026-01-22T00:00 to 2026-01-25T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-01-22T00:00:00.000000Z', TIMESTAMPTZ '2026-01-25T00:00:00.000000Z');

-- samples_1h from 2026-01-25T00:00 to 2026-01-28T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-01-25T00:00:00.000000Z', TIMESTAMPTZ '2026-01-28T00:00:00.000000Z');

-- samples_1h from 2026-01-28T00:00 to 2026-01-31T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-01-28T00:00:00.000000Z', TIMESTAMPTZ '2026-01-31T00:00:00.000000Z');

-- samples_1h from 2026-01-31T00:00 to 2026-02-03T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-01-31T00:00:00.000000Z', TIMESTAMPTZ '2026-02-03T00:00:00.000000Z');

-- samples_1h from 2026-02-03T00:00 to 2026-02-06T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-02-03T00:00:00.000000Z', TIMESTAMPTZ '2026-02-06T00:00:00.000000Z');

-- samples_1h from 2026-02-06T00:00 to 2026-02-09T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-02-06T00:00:00.000000Z', TIMESTAMPTZ '2026-02-09T00:00:00.000000Z');

-- samples_1h from 2026-02-09T00:00 to 2026-02-12T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-02-09T00:00:00.000000Z', TIMESTAMPTZ '2026-02-12T00:00:00.000000Z');

-- samples_1h from 2026-02-12T00:00 to 2026-02-15T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-02-12T00:00:00.000000Z', TIMESTAMPTZ '2026-02-15T00:00:00.000000Z');

-- samples_1h from 2026-02-15T00:00 to 2026-02-18T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-02-15T00:00:00.000000Z', TIMESTAMPTZ '2026-02-18T00:00:00.000000Z');

-- samples_1h from 2026-02-18T00:00 to 2026-02-21T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-02-18T00:00:00.000000Z', TIMESTAMPTZ '2026-02-21T00:00:00.000000Z');

-- samples_1h from 2026-02-21T00:00 to 2026-02-24T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-02-21T00:00:00.000000Z', TIMESTAMPTZ '2026-02-24T00:00:00.000000Z');

-- samples_1h from 2026-02-24T00:00 to 2026-02-27T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-02-24T00:00:00.000000Z', TIMESTAMPTZ '2026-02-27T00:00:00.000000Z');

-- samples_1h from 2026-02-27T00:00 to 2026-03-02T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-02-27T00:00:00.000000Z', TIMESTAMPTZ '2026-03-02T00:00:00.000000Z');

-- samples_1h from 2026-03-02T00:00 to 2026-03-05T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-03-02T00:00:00.000000Z', TIMESTAMPTZ '2026-03-05T00:00:00.000000Z');

-- samples_1h from 2026-03-05T00:00 to 2026-03-08T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-03-05T00:00:00.000000Z', TIMESTAMPTZ '2026-03-08T00:00:00.000000Z');

-- samples_1h from 2026-03-08T00:00 to 2026-03-11T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-03-08T00:00:00.000000Z', TIMESTAMPTZ '2026-03-11T00:00:00.000000Z');

-- samples_1h from 2026-03-11T00:00 to 2026-03-14T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-03-11T00:00:00.000000Z', TIMESTAMPTZ '2026-03-14T00:00:00.000000Z');

-- samples_1h from 2026-03-14T00:00 to 2026-03-17T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-03-14T00:00:00.000000Z', TIMESTAMPTZ '2026-03-17T00:00:00.000000Z');

-- samples_1h from 2026-03-17T00:00 to 2026-03-20T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-03-17T00:00:00.000000Z', TIMESTAMPTZ '2026-03-20T00:00:00.000000Z');

-- samples_1h from 2026-03-20T00:00 to 2026-03-23T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-03-20T00:00:00.000000Z', TIMESTAMPTZ '2026-03-23T00:00:00.000000Z');

-- samples_1h from 2026-03-23T00:00 to 2026-03-26T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-03-23T00:00:00.000000Z', TIMESTAMPTZ '2026-03-26T00:00:00.000000Z');

-- samples_1h from 2026-03-26T00:00 to 2026-03-29T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-03-26T00:00:00.000000Z', TIMESTAMPTZ '2026-03-29T00:00:00.000000Z');

-- samples_1h from 2026-03-29T00:00 to 2026-04-01T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-03-29T00:00:00.000000Z', TIMESTAMPTZ '2026-04-01T00:00:00.000000Z');

-- samples_1h from 2026-04-01T00:00 to 2026-04-04T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-04-01T00:00:00.000000Z', TIMESTAMPTZ '2026-04-04T00:00:00.000000Z');

-- samples_1h from 2026-04-04T00:00 to 2026-04-07T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-04-04T00:00:00.000000Z', TIMESTAMPTZ '2026-04-07T00:00:00.000000Z');

-- samples_1h from 2026-04-07T00:00 to 2026-04-10T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-04-07T00:00:00.000000Z', TIMESTAMPTZ '2026-04-10T00:00:00.000000Z');

-- samples_1h from 2026-04-10T00:00 to 2026-04-13T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-04-10T00:00:00.000000Z', TIMESTAMPTZ '2026-04-13T00:00:00.000000Z');

-- samples_1h from 2026-04-13T00:00 to 2026-04-16T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-04-13T00:00:00.000000Z', TIMESTAMPTZ '2026-04-16T00:00:00.000000Z');

-- samples_1h from 2026-04-16T00:00 to 2026-04-19T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-04-16T00:00:00.000000Z', TIMESTAMPTZ '2026-04-19T00:00:00.000000Z');

-- samples_1h from 2026-04-19T00:00 to 2026-04-22T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-04-19T00:00:00.000000Z', TIMESTAMPTZ '2026-04-22T00:00:00.000000Z');

-- samples_1h from 2026-04-22T00:00 to 2026-04-25T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-04-22T00:00:00.000000Z', TIMESTAMPTZ '2026-04-25T00:00:00.000000Z');

-- samples_1h from 2026-04-25T00:00 to 2026-04-28T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-04-25T00:00:00.000000Z', TIMESTAMPTZ '2026-04-28T00:00:00.000000Z');

-- samples_1h from 2026-04-28T00:00 to 2026-05-01T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-04-28T00:00:00.000000Z', TIMESTAMPTZ '2026-05-01T00:00:00.000000Z');

-- samples_1h from 2026-05-01T00:00 to 2026-05-04T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-05-01T00:00:00.000000Z', TIMESTAMPTZ '2026-05-04T00:00:00.000000Z');

-- samples_1h from 2026-05-04T00:00 to 2026-05-07T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-05-04T00:00:00.000000Z', TIMESTAMPTZ '2026-05-07T00:00:00.000000Z');

-- samples_1h from 2026-05-07T00:00 to 2026-05-10T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-05-07T00:00:00.000000Z', TIMESTAMPTZ '2026-05-10T00:00:00.000000Z');

-- samples_1h from 2026-05-10T00:00 to 2026-05-13T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-05-10T00:00:00.000000Z', TIMESTAMPTZ '2026-05-13T00:00:00.000000Z');

-- samples_1h from 2026-05-13T00:00 to 2026-05-16T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-05-13T00:00:00.000000Z', TIMESTAMPTZ '2026-05-16T00:00:00.000000Z');

-- samples_1h from 2026-05-16T00:00 to 2026-05-19T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-05-16T00:00:00.000000Z', TIMESTAMPTZ '2026-05-19T00:00:00.000000Z');

-- samples_1h from 2026-05-19T00:00 to 2026-05-22T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-05-19T00:00:00.000000Z', TIMESTAMPTZ '2026-05-22T00:00:00.000000Z');

-- samples_1h from 2026-05-22T00:00 to 2026-05-25T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-05-22T00:00:00.000000Z', TIMESTAMPTZ '2026-05-25T00:00:00.000000Z');

-- samples_1h from 2026-05-25T00:00 to 2026-05-28T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-05-25T00:00:00.000000Z', TIMESTAMPTZ '2026-05-28T00:00:00.000000Z');

-- samples_1h from 2026-05-28T00:00 to 2026-05-31T00:00.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-05-28T00:00:00.000000Z', TIMESTAMPTZ '2026-05-31T00:00:00.000000Z');

-- samples_1h from 2026-05-31T00:00 to the newest.
CALL refresh_continuous_aggregate('"parx"."samples_1h"', TIMESTAMPTZ '2026-05-31T00:00:00.000000Z', NULL);
