import { describe, expect, it } from 'vitest';
import { needs } from './needs.ts';
import { startPostgres } from './postgres.ts';

const editions = [
  ['none', needs('postgresql')],
  ['apache', needs('timescaledb')],
  ['community', false],
] as const;

for (const [edition, missing] of editions) {
  describe.skipIf(missing)(`PostgreSQL of the edition ${edition}`, () => {
    it('starts, answers and leaves nothing', async () => {
      const server = await startPostgres(edition);
      try {
        const [row] = await server.run(
          "SELECT current_setting('server_version') AS version, (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS extension, current_setting('timescaledb.license', true) AS licence",
        );
        const licence = { none: null, apache: 'apache', community: 'timescale' }[edition];
        expect(row).toMatchObject({ licence });
        expect(row!.extension === null).toBe(edition === 'none');
      } finally {
        await server.stop();
      }
    });
  });
}
