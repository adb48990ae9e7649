export { buildCatalogue } from './catalogue.ts';
export { createHandlers } from './handlers.ts';
export { type HostDialogs, historySource, type Services } from './services.ts';
