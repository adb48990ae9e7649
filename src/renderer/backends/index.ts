export { BackendsPage } from './backends-page.tsx';
