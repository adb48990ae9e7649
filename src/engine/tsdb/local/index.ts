import { z } from 'zod';
import type { TsdbBackend } from '#engine/tsdb/tsdb.ts';
import { createLocalClient } from './client.ts';
import { compileLocal, LOCAL_CAPABILITIES, type LocalQuery } from './query.ts';
import sample from './sample.json' with { type: 'json' };
import { localViewer } from './viewer.ts';

const localConfig = z.object({
  source: z.string().max(200).default('history').meta({
    title: 'Recording',
    help: '"history" for what is being recorded, or the id of an opened recording file.',
  }),
});

/** The samples that this computer has recorded. */
export const local = {
  id: 'local',
  title: 'Local history',
  version: '1.0.0',
  summary: 'What this computer has recorded, while it runs and as recording files.',
  config: localConfig,
  sample,
  compile: compileLocal,
  async connect({ source }, context) {
    const history = context.history(source);
    return {
      capabilities: LOCAL_CAPABILITIES,
      client: createLocalClient(history),
      viewer: localViewer(history),
      // Samples reach the history through acquisition, which knows where each comes from.
      ingestor: null,
      close: async () => undefined,
    };
  },
} as const satisfies TsdbBackend<z.infer<typeof localConfig>, LocalQuery>;
