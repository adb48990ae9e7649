import { it } from 'vitest';
import { tableMapping } from '#shared/model/index.ts';
import { needs } from '#test/support/needs.ts';
import { describeForeign, holdsLimit } from './foreign-suite.ts';

describeForeign('apache', needs('timescaledb'), (place) => {
  it('knows of a hypertable what a range would read of it', async () => {
    const mapping = tableMapping.parse({
      id: 'parted',
      relation: { schema: 'parted', name: 'samples' },
      time: { column: 'time', kind: 'timestamptz' },
      tag: { kind: 'column', column: 'tag' },
      values: [{ column: 'value' }],
    });
    await holdsLimit(place, mapping, 700);
  });
});
