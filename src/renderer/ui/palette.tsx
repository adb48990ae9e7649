import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData, spotlight } from '@mantine/spotlight';
import { Search } from 'lucide-react';
import { type ReactNode, useMemo } from 'react';
import { useStore } from 'zustand';
import { actionStore } from './actions.ts';
import { keyText } from './controls.tsx';
import './palette.css';

export const openPalette = (): void => spotlight.open();

/** More to find than actions: tags, connections. Given by the shell, already limited in number. */
export interface PaletteExtra {
  readonly group: string;
  readonly items: readonly { readonly id: string; readonly label: string; readonly hint: string; run(): void }[];
}

/** Every action that is registered, with its keys; what is not possible now is not offered. */
export function Palette({
  query,
  onQuery,
  extras,
}: {
  readonly query: string;
  readonly onQuery: (query: string) => void;
  readonly extras: readonly PaletteExtra[];
}): ReactNode {
  const actions = useStore(actionStore, (state) => state.actions);
  const groups = useMemo(() => {
    const byGroup = new Map<string, SpotlightActionData[]>();
    const seen = new Set<string>();
    for (const action of [...actions].reverse()) {
      if (action.sheetOnly === true || seen.has(action.id)) continue;
      seen.add(action.id);
      const list = byGroup.get(action.group) ?? [];
      byGroup.set(action.group, list);
      list.unshift({
        id: action.id,
        label: action.title,
        keywords: [action.group, action.words ?? ''],
        disabled: action.enabled?.() === false,
        ...(action.keys?.[0] === undefined
          ? {}
          : { rightSection: <kbd className="kbd">{keyText(action.keys[0])}</kbd> }),
        onClick: () => action.run(),
      });
    }
    const made: SpotlightActionGroupData[] = [...byGroup].map(([group, list]) => ({
      group,
      actions: list.filter((action) => action.disabled !== true),
    }));
    for (const extra of extras) {
      made.push({
        group: extra.group,
        actions: extra.items.map((item) => ({
          id: item.id,
          label: item.label,
          rightSection: <span className="quiet">{item.hint}</span>,
          onClick: () => item.run(),
        })),
      });
    }
    return made.filter((group) => group.actions.length > 0);
  }, [actions, extras]);
  return (
    <Spotlight
      actions={groups}
      query={query}
      onQueryChange={onQuery}
      shortcut={null}
      nothingFound="Nothing is called that."
      highlightQuery
      scrollable
      maxHeight="60vh"
      attributes={{ content: { 'aria-label': 'Search actions, pages and tags' } }}
      transitionProps={{ duration: 0 }}
      overlayProps={{ className: 'dialog-overlay' }}
      searchProps={{
        leftSection: <Search size={15} />,
        placeholder: 'Action, page or tag',
        'aria-label': 'Action, page or tag',
      }}
      classNames={{
        content: 'palette',
        search: 'palette-search',
        actionsList: 'palette-list',
        action: 'palette-action',
        actionsGroup: 'palette-group',
        actionLabel: 'palette-label',
        empty: 'palette-empty',
      }}
    />
  );
}
