export { type ConfiguredSources, openConfiguredSources, readConfiguredSources } from './configured.ts';
export { createIngestion, type Stored } from './ingestion.ts';
export { endpointOf, parsedSettings, refuseSecrets, secretFieldsOf } from './settings.ts';
export {
  type ConfiguredSource,
  createSourceDesk,
  type OpenSource,
  type SourceDesk,
  type SourceDeskDeps,
  type TestTarget,
} from './source-desk.ts';
