import { CircleHelp, Moon, Sun, SunMoon } from 'lucide-react';
import { type DragEvent, type ReactNode, useState } from 'react';
import { Link } from 'wouter';
import { useClient } from '#renderer/client/index.ts';
import { actionStore, Tip, useLook } from '#renderer/ui/index.ts';
import { type Page, pages } from './pages.ts';

const themeIcons = { dark: Moon, light: Sun, system: SunMoon } as const;
const themeNames = { dark: 'Dark', light: 'Light', system: 'As the system' } as const;
const nextTheme = { dark: 'light', light: 'system', system: 'dark' } as const;

export function Rail({ current }: { readonly current: string }): ReactNode {
  const { choice, setChoice } = useLook();
  const ThemeIcon = themeIcons[choice];
  return (
    <nav className="rail" aria-label="Pages">
      {pages
        .filter((page) => page.offRail !== true)
        .map((page) => (
          <RailLink key={page.path} page={page} current={current === page.path} />
        ))}
      <span className="rail-gap" />
      <Tip text="Shortcuts of this page" keys="?" side="right">
        <button
          type="button"
          className="rail-item"
          aria-label="Shortcuts of this page"
          onClick={() =>
            actionStore
              .getState()
              .actions.find((action) => action.id === 'general.sheet')
              ?.run()
          }
        >
          <CircleHelp size={18} strokeWidth={1.75} aria-hidden />
        </button>
      </Tip>
      <Tip text={`Theme: ${themeNames[choice]}`} side="right">
        <button
          type="button"
          className="rail-item"
          aria-label={`Theme: ${themeNames[choice]}. Switch to ${themeNames[nextTheme[choice]]}.`}
          onClick={() => setChoice(nextTheme[choice])}
        >
          <ThemeIcon size={18} strokeWidth={1.75} aria-hidden />
        </button>
      </Tip>
    </nav>
  );
}

const TAG_DRAG_TYPE = 'application/x-parx-tags';

/** A page on the rail. Tags dropped on the trend's mark are opened there. */
function RailLink({ page, current }: { readonly page: Page; readonly current: boolean }): ReactNode {
  const client = useClient();
  const [over, setOver] = useState(false);
  const takes = page.path === '/trend';
  const onDragOver = (event: DragEvent): void => {
    if (!takes || !event.dataTransfer.types.includes(TAG_DRAG_TYPE)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    setOver(true);
  };
  const onDrop = (event: DragEvent): void => {
    setOver(false);
    const ids: unknown = JSON.parse(event.dataTransfer.getData(TAG_DRAG_TYPE) || '[]');
    if (!takes || !Array.isArray(ids) || ids.length === 0) return;
    event.preventDefault();
    client.showInTrend(ids.filter((id): id is string => typeof id === 'string'));
  };
  const { icon: Icon } = page;
  return (
    <Tip text={page.title} keys={page.keys} side="right">
      <Link
        href={page.path}
        className="rail-item"
        aria-label={page.title}
        aria-current={current ? 'page' : undefined}
        data-drop={over ? '' : undefined}
        onDragOver={onDragOver}
        onDragLeave={() => setOver(false)}
        onDrop={onDrop}
      >
        <Icon size={19} strokeWidth={1.75} aria-hidden />
      </Link>
    </Tip>
  );
}
