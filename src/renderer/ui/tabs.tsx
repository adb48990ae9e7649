import type { ReactNode } from 'react';
import { MiddleText } from './controls.tsx';
import './panel.css';

/**
 * Tabs above a panel that is `<div role="tabpanel" id="NAME-panel" aria-labelledby="NAME-tab-ID">`. One Tab stop; the
 * arrow keys, Home and End change the tab.
 */
export function Tabs<Id extends string>({
  name,
  label,
  tabs,
  shown,
  onShow,
}: {
  /** Begins the ids in the document. */
  readonly name: string;
  readonly label: string;
  readonly tabs: readonly { readonly id: Id; readonly title: string }[];
  readonly shown: Id;
  readonly onShow: (id: Id) => void;
}): ReactNode {
  const at = tabs.findIndex(({ id }) => id === shown);
  return (
    <div className="tabs" role="tablist" aria-label={label}>
      {tabs.map(({ id, title }) => (
        <button
          key={id}
          type="button"
          role="tab"
          id={`${name}-tab-${id}`}
          aria-selected={id === shown}
          aria-controls={`${name}-panel`}
          tabIndex={id === shown ? 0 : -1}
          onClick={() => onShow(id)}
          onKeyDown={(event) => {
            const places: Readonly<Record<string, number>> = {
              ArrowRight: (at + 1) % tabs.length,
              ArrowLeft: (at + tabs.length - 1) % tabs.length,
              Home: 0,
              End: tabs.length - 1,
            };
            const next = tabs[places[event.key] ?? -1];
            if (next === undefined) return;
            event.preventDefault();
            onShow(next.id);
            document.getElementById(`${name}-tab-${next.id}`)?.focus();
          }}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

/** The panel beside a list: what is selected there by its name, buttons for it, and all else below. */
export function SidePanel({
  name,
  buttons,
  children,
}: {
  readonly name: string;
  readonly buttons?: ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <section className="conn-side" aria-label={name}>
      <div className="conn-head">
        <h2>
          <MiddleText text={name === '' ? 'Without a name' : name} />
        </h2>
        {buttons}
      </div>
      {children}
    </section>
  );
}
