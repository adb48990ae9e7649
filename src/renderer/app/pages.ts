import {
  Cable,
  ChartLine,
  ChartSpline,
  ClipboardList,
  Database,
  Disc,
  FolderSearch,
  LayoutGrid,
  type LucideIcon,
  Play,
  Tags,
} from 'lucide-react';
import { type ComponentType, lazy } from 'react';

export interface Page {
  readonly path: string;
  /** What of the address belongs to the page, where it has more than one: `/connections/:id?`. */
  readonly pattern?: string;
  readonly title: string;
  readonly icon: LucideIcon;
  /** Chord that opens it. */
  readonly keys: string;
  /** Reached from the palette and from other pages; not on the rail. */
  readonly offRail?: true;
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
    path: '/connections',
    pattern: '/connections/:id?',
    title: 'Connections',
    icon: Cable,
    keys: 'Alt+2',
    Component: lazy(() => import('#renderer/setup/index.ts').then((module) => ({ default: module.ConnectionsPage }))),
  },
  {
    path: '/tags',
    title: 'Tags',
    icon: Tags,
    keys: 'Alt+3',
    Component: lazy(() => import('#renderer/setup/index.ts').then((module) => ({ default: module.TagsPage }))),
  },
  {
    path: '/browse',
    pattern: '/browse/:id?',
    title: 'Browse',
    icon: FolderSearch,
    keys: 'Alt+B',
    offRail: true,
    Component: lazy(() => import('#renderer/setup/index.ts').then((module) => ({ default: module.BrowsePage }))),
  },
  {
    path: '/trend',
    title: 'Trend',
    icon: ChartLine,
    keys: 'Alt+4',
    Component: lazy(() => import('#renderer/viewer/index.ts').then((module) => ({ default: module.TrendPage }))),
  },
  {
    path: '/graphs',
    pattern: '/graphs/:id?',
    title: 'Graphs',
    icon: ChartSpline,
    keys: 'Alt+8',
    Component: lazy(() => import('#renderer/graphs/index.ts').then((module) => ({ default: module.GraphsPage }))),
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
  {
    path: '/backends',
    pattern: '/backends/:id?/:view?/:item?',
    title: 'Backends',
    icon: Database,
    keys: 'Alt+7',
    Component: lazy(() => import('#renderer/backends/index.ts').then((module) => ({ default: module.BackendsPage }))),
  },
  {
    path: '/start',
    title: 'Start',
    icon: Play,
    keys: 'Alt+0',
    offRail: true,
    Component: lazy(() => import('#renderer/overview/index.ts').then((module) => ({ default: module.FirstRun }))),
  },
];

export function pageAt(location: string): Page | undefined {
  return pages.find(
    (page) => location === page.path || (page.pattern !== undefined && location.startsWith(`${page.path}/`)),
  );
}
