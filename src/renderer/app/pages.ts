import { ClipboardList, Disc, LayoutGrid, type LucideIcon } from 'lucide-react';
import { type ComponentType, lazy } from 'react';

export interface Page {
  readonly path: string;
  readonly title: string;
  readonly icon: LucideIcon;
  /** Chord that opens it. */
  readonly keys: string;
  readonly Component: ComponentType;
}

/** The pages in the order of the rail. One more page is one more line. */
export const pages: readonly Page[] = [
  {
    path: '/',
    title: 'Overview',
    icon: LayoutGrid,
    keys: 'Alt+1',
    Component: lazy(() => import('#renderer/overview/index.ts').then((module) => ({ default: module.OverviewPage }))),
  },
  {
    path: '/recordings',
    title: 'Recordings',
    icon: Disc,
    keys: 'Alt+5',
    Component: lazy(() =>
      import('#renderer/recordings/index.ts').then((module) => ({ default: module.RecordingsPage })),
    ),
  },
  {
    path: '/log',
    title: 'Log',
    icon: ClipboardList,
    keys: 'Alt+6',
    Component: lazy(() => import('#renderer/log/index.ts').then((module) => ({ default: module.LogPage }))),
  },
];
