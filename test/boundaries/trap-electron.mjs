// Loaded before the engine by start-up.built.test.ts: importing `electron` throws, and what is still open when the
// process ends is written to PARX_TEST_HANDLES.
import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'electron' || specifier.startsWith('electron/')) {
      throw new Error(`The engine imported ${specifier} (from ${context.parentURL}).`);
    }
    return next(specifier, context);
  },
});
process.on('exit', () =>
  writeFileSync(process.env.PARX_TEST_HANDLES, JSON.stringify(process.getActiveResourcesInfo())),
);
