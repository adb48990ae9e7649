export { createGraphDesk, type GraphDesk } from './graph-desk.ts';
export { type GraphContext, type GraphSource, runGraph } from './graph-service.ts';
export { createSources, type Sources } from './sources.ts';
export { convertSeries, fillSeries, groupSeries, resampleSeries, stackSeries } from './transforms.ts';
