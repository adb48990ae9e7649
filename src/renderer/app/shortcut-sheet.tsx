import { type ReactNode, useMemo } from 'react';
import { useStore } from 'zustand';
import { type Action, actionStore, Dialog, Keys } from '#renderer/ui/index.ts';

/** Keys of every table on a page; the table has them itself. */
const tableKeys: readonly { readonly title: string; readonly keys: readonly string[] }[] = [
  { title: 'Move', keys: ['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End'] },
  { title: 'Extend the selection', keys: ['Shift+ArrowUp', 'Shift+ArrowDown'] },
  { title: 'Add to the selection or take away', keys: ['Space'] },
  { title: 'Select all', keys: ['Ctrl+A'] },
  { title: 'Edit the cell', keys: ['F2'] },
  { title: 'Sort by the column of the active cell', keys: ['Alt+S'] },
  { title: 'Make the column narrower or wider', keys: ['Alt+Shift+ArrowLeft', 'Alt+Shift+ArrowRight'] },
  { title: 'Commands of the selected rows', keys: ['Shift+F10'] },
  { title: 'Open', keys: ['Enter'] },
  { title: 'Delete', keys: ['Delete'] },
  { title: 'Copy and paste as a spreadsheet does', keys: ['Ctrl+C', 'Ctrl+V'] },
];

export function ShortcutSheet({ page, onClose }: { readonly page: string; readonly onClose: () => void }): ReactNode {
  const actions = useStore(actionStore, (state) => state.actions);
  const groups = useMemo(() => {
    const byGroup = new Map<string, Map<string, Action>>();
    for (const action of actions) {
      if (action.keys === undefined || action.keys.length === 0) continue;
      const group = byGroup.get(action.group) ?? new Map<string, Action>();
      byGroup.set(action.group, group.set(action.id, action));
    }
    // The page's own keys first, the general ones last.
    const order = (name: string): number => (name === page ? 0 : name === 'General' ? 2 : name === 'Pages' ? 3 : 1);
    return [...byGroup].sort((a, b) => order(a[0]) - order(b[0]));
  }, [actions, page]);
  const hasTable = document.querySelector('[role="grid"]') !== null;
  return (
    <Dialog title={page === '' ? 'Shortcuts' : `Shortcuts: ${page}`} onClose={onClose} width="46rem" reading>
      <div className="sheet">
        {groups.map(([group, list]) => (
          <section key={group}>
            <h3 className="section-title">{group}</h3>
            <dl>
              {[...list.values()].map((action) => (
                <div key={action.id} className="sheet-line">
                  <dt>{action.title}</dt>
                  <dd>
                    {action.keys?.map((chord) => (
                      <Keys key={chord} chord={chord} />
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        {hasTable && (
          <section>
            <h3 className="section-title">Table</h3>
            <dl>
              {tableKeys.map((line) => (
                <div key={line.title} className="sheet-line">
                  <dt>{line.title}</dt>
                  <dd>
                    {line.keys.map((chord) => (
                      <Keys key={chord} chord={chord} />
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        )}
      </div>
    </Dialog>
  );
}
