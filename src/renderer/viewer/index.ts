export { TrendPage } from './trend-page.tsx';
