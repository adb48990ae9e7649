import type { LucideIcon } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { Keys } from './controls.tsx';
import './menu.css';

export interface MenuItem {
  readonly label: string;
  readonly icon?: LucideIcon;
  readonly keys?: string;
  readonly disabled?: boolean;
  readonly danger?: boolean;
  /** Present for items that are switched on and off. */
  readonly checked?: boolean;
  readonly run: () => void;
}
export type MenuEntry = MenuItem | 'separator';

export interface MenuPlace {
  readonly x: number;
  readonly y: number;
}

/** Where a menu of a button goes: below it, left edges in line. */
export function belowElement(element: Element): MenuPlace {
  const box = element.getBoundingClientRect();
  return { x: box.left, y: box.bottom + 2 };
}

/** A menu at a point: the context menu of a row, the drop-down of a button. Focus returns to where it was. */
// biome-ignore-start lint/a11y/useAriaPropsSupportedByRole: the role is menuitemcheckbox wherever the state is given
export function Menu({
  at,
  entries,
  onClose,
  label,
  keepOpen = false,
}: {
  readonly at: MenuPlace;
  readonly entries: readonly MenuEntry[];
  readonly onClose: () => void;
  readonly label: string;
  /** Stays after a click, for lists of things to switch. */
  readonly keepOpen?: boolean;
}): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState(at);
  const close = useRef(onClose);
  close.current = onClose;

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const size = element.getBoundingClientRect();
    setPlace({
      x: Math.max(4, Math.min(at.x, window.innerWidth - size.width - 4)),
      y: Math.max(4, Math.min(at.y, window.innerHeight - size.height - 4)),
    });
  }, [at]);

  useEffect(() => {
    const before = document.activeElement;
    box.current?.querySelector<HTMLElement>('[role^="menuitem"]:not(:disabled)')?.focus();
    const outside = (event: PointerEvent): void => {
      if (event.target instanceof Node && box.current?.contains(event.target) === true) return;
      close.current();
    };
    const away = (): void => close.current();
    window.addEventListener('pointerdown', outside, true);
    window.addEventListener('blur', away);
    return () => {
      window.removeEventListener('pointerdown', outside, true);
      window.removeEventListener('blur', away);
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);

  const onKeyDown = (event: KeyboardEvent): void => {
    event.stopPropagation();
    const items = [...(box.current?.querySelectorAll<HTMLElement>('[role^="menuitem"]:not(:disabled)') ?? [])];
    const index = items.indexOf(document.activeElement as HTMLElement);
    const go = (to: number): void => {
      event.preventDefault();
      items[(to + items.length) % items.length]?.focus();
    };
    if (event.key === 'ArrowDown') go(index + 1);
    else if (event.key === 'ArrowUp') go(index - 1);
    else if (event.key === 'Home') go(0);
    else if (event.key === 'End') go(items.length - 1);
    else if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      onClose();
    }
  };

  return createPortal(
    <div
      ref={box}
      className="menu"
      role="menu"
      tabIndex={-1}
      aria-label={label}
      style={{ left: place.x, top: place.y }}
      onKeyDown={onKeyDown}
      onContextMenu={(event) => event.preventDefault()}
    >
      {entries.map((entry, index) =>
        entry === 'separator' ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: separators have no identity
          <div key={`separator ${index}`} className="menu-separator" />
        ) : (
          <button
            key={entry.label}
            type="button"
            role={entry.checked === undefined ? 'menuitem' : 'menuitemcheckbox'}
            aria-checked={entry.checked}
            className="menu-item"
            disabled={entry.disabled}
            data-danger={entry.danger === true ? '' : undefined}
            onClick={() => {
              if (!keepOpen) onClose();
              entry.run();
            }}
          >
            <span className="menu-icon" aria-hidden>
              {entry.checked === undefined
                ? entry.icon !== undefined && <entry.icon size={14} />
                : entry.checked
                  ? '✓'
                  : ''}
            </span>
            <span className="menu-label">{entry.label}</span>
            {entry.keys !== undefined && <Keys chord={entry.keys} />}
          </button>
        ),
      )}
    </div>,
    document.body,
  );
}
// biome-ignore-end lint/a11y/useAriaPropsSupportedByRole: see above
