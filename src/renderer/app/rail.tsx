import { CircleHelp, Moon, Sun, SunMoon } from 'lucide-react';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { actionStore, Tip, useLook } from '#renderer/ui/index.ts';
import { pages } from './pages.ts';

const themeIcons = { dark: Moon, light: Sun, system: SunMoon } as const;
const themeNames = { dark: 'Dark', light: 'Light', system: 'As the system' } as const;
const nextTheme = { dark: 'light', light: 'system', system: 'dark' } as const;

export function Rail({ current }: { readonly current: string }): ReactNode {
  const { choice, setChoice } = useLook();
  const ThemeIcon = themeIcons[choice];
  return (
    <nav className="rail" aria-label="Pages">
      {pages.map(({ path, title, icon: Icon, keys }) => (
        <Tip key={path} text={title} keys={keys} side="right">
          <Link
            href={path}
            className="rail-item"
            aria-label={title}
            aria-current={current === path ? 'page' : undefined}
          >
            <Icon size={19} strokeWidth={1.75} aria-hidden />
          </Link>
        </Tip>
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
