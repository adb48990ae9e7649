export { BrowsePage } from './browse-page.tsx';
export { ConnectionsPage } from './connections-page.tsx';
export { TagsPage } from './tags-page.tsx';
