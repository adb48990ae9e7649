export { traceKey } from './trace-key.ts';
export { TrendPage } from './trend-page.tsx';
