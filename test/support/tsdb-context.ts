import { createLogger, systemClock, systemNetwork } from '#engine/platform/index.ts';
import type { TsdbContext } from '#engine/tsdb/index.ts';
import { DEFAULT_LIMITS } from '#shared/model/index.ts';

/** What a backend is given, with the usual limits, no mappings and no secrets but those that are named. */
export function tsdbContext(
  change: Partial<TsdbContext> & { readonly secrets?: Readonly<Record<string, string>> } = {},
): TsdbContext {
  const { secrets = {}, ...rest } = change;
  return {
    clock: systemClock(),
    log: createLogger(() => undefined),
    network: systemNetwork,
    history() {
      throw new Error('This test has no history.');
    },
    secret: async (name) => secrets[name],
    limits: DEFAULT_LIMITS,
    mappings: [],
    ...rest,
  };
}
