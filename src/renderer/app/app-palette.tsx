import { type ReactNode, useMemo, useState } from 'react';
import { useClient, useStores } from '#renderer/client/index.ts';
import { Palette, type PaletteExtra } from '#renderer/ui/index.ts';

const MAX_TAGS = 12;

/** The palette with the plant's own names: a tag opens in the trend. */
export function AppPalette(): ReactNode {
  const client = useClient();
  const [query, setQuery] = useState('');
  const tags = useStores('tags', (state) => state.byId);
  const extras = useMemo((): readonly PaletteExtra[] => {
    const words = query.trim().toLowerCase().split(/\s+/);
    if (query.trim().length < 2) return [];
    const items: { id: string; label: string; hint: string; run(): void }[] = [];
    for (const tag of tags.values()) {
      const name = tag.name.toLowerCase();
      // The palette itself looks for the query as one piece of text in what it lists.
      if (!words.every((word) => name.includes(word)) || !name.includes(query.trim().toLowerCase())) continue;
      items.push({
        id: `tag ${tag.id}`,
        label: tag.name,
        hint: tag.address === '' ? 'diagnostic' : tag.address,
        run: () => client.showInTrend([tag.id]),
      });
      if (items.length === MAX_TAGS) break;
    }
    return items.length === 0 ? [] : [{ group: 'Tags: open in the trend', items }];
  }, [query, tags, client]);
  return <Palette query={query} onQuery={setQuery} extras={extras} />;
}
