export { GraphsPage } from './graph-page.tsx';
