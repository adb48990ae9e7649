export { buildCatalogue } from './catalogue.ts';
export { createHandlers } from './handlers.ts';
export type { HostDialogs, Services } from './services.ts';
