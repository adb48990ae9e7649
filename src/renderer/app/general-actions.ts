import { useLocation } from 'wouter';
import { useStore } from 'zustand';
import { useClient } from '#renderer/client/index.ts';
import { type Action, openPalette, TEXT_SIZES, type ThemeChoice, useActions, useLook } from '#renderer/ui/index.ts';
import { pages } from './pages.ts';

const themes: readonly { readonly choice: ThemeChoice; readonly title: string }[] = [
  { choice: 'dark', title: 'Dark theme' },
  { choice: 'light', title: 'Light theme' },
  { choice: 'system', title: 'Theme as the system has it' },
];

/** What can be done on every page. */
export function useGeneralActions(shell: { showSheet(): void; toggleAlerts(): void; showAbout(): void }): void {
  const client = useClient();
  const [, go] = useLocation();
  const { choice, setChoice, textSize, setTextSize } = useLook();
  const undo = useStore(client.edits.state, (state) => state.undo.at(-1)?.label ?? null);
  const redo = useStore(client.edits.state, (state) => state.redo.at(-1)?.label ?? null);
  const step = TEXT_SIZES.indexOf(textSize);
  const sizeAt = (index: number): void => {
    const size = TEXT_SIZES[Math.min(TEXT_SIZES.length - 1, Math.max(0, index))];
    if (size !== undefined) setTextSize(size);
  };
  const actions: Action[] = [
    {
      id: 'general.palette',
      title: 'Search actions, pages and tags',
      group: 'General',
      keys: ['Ctrl+K'],
      inFields: true,
      run: openPalette,
    },
    { id: 'general.sheet', title: 'Shortcuts of this page', group: 'General', keys: ['?'], run: shell.showSheet },
    {
      id: 'general.alerts',
      title: 'Alerts',
      group: 'General',
      keys: ['Alt+A'],
      inFields: true,
      run: shell.toggleAlerts,
    },
    {
      id: 'general.about',
      title: 'About ParX: version, protocols, export formats',
      group: 'General',
      words: 'licence plugins drivers catalogue',
      run: shell.showAbout,
    },
    ...pages.map((page) => ({
      id: `page.${page.path}`,
      title: `Go to ${page.title}`,
      group: 'Pages',
      keys: [page.keys],
      inFields: true,
      run: () => go(page.path),
    })),
    {
      id: 'general.undo',
      title: undo === null ? 'Undo' : `Undo: ${undo}`,
      group: 'General',
      keys: ['Ctrl+Z'],
      enabled: () => undo !== null,
      run: () => void client.edits.undo(),
    },
    {
      id: 'general.redo',
      title: redo === null ? 'Redo' : `Redo: ${redo}`,
      group: 'General',
      keys: ['Ctrl+Shift+Z', 'Ctrl+Y'],
      enabled: () => redo !== null,
      run: () => void client.edits.redo(),
    },
    ...themes.map((theme) => ({
      id: `theme.${theme.choice}`,
      title: theme.title,
      group: 'Look',
      words: 'colour appearance night day',
      enabled: () => theme.choice !== choice,
      run: () => setChoice(theme.choice),
    })),
    {
      id: 'text.larger',
      title: `Larger text (now ${textSize} %)`,
      group: 'Look',
      words: 'font size zoom',
      keys: ['Ctrl+Alt++'],
      run: () => sizeAt(step + 1),
    },
    {
      id: 'text.smaller',
      title: `Smaller text (now ${textSize} %)`,
      group: 'Look',
      words: 'font size zoom',
      keys: ['Ctrl+Alt+-'],
      run: () => sizeAt(step - 1),
    },
    { id: 'text.normal', title: 'Normal text size', group: 'Look', words: 'font size zoom', run: () => sizeAt(1) },
  ];
  useActions(actions, [undo, redo, choice, textSize]);
}
