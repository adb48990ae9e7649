export { buildCatalogue } from './catalogue.ts';
export { createHandlers } from './handlers.ts';
export type { Services } from './services.ts';
