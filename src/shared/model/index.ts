export * from './documents.ts';
export * from './quality.ts';
export * from './query.ts';
export * from './recipe.ts';
export * from './sample.ts';
export * from './status.ts';
export * from './time.ts';
