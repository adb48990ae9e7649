export * from './builder.ts';
export * from './capabilities.ts';
export * from './graph.ts';
export * from './ingest.ts';
export * from './metric.ts';
export * from './registry.ts';
export * from './result.ts';
export * from './unit.ts';
