import '@fontsource-variable/inter/index.css';
import '@fontsource-variable/jetbrains-mono/index.css';
import '@mantine/core/styles.css';
import '@mantine/spotlight/styles.css';
import './theme.css';
import './controls.css';
import './mantine.css';
import { createTheme, MantineProvider, Tooltip } from '@mantine/core';
import { createContext, type ReactNode, useContext, useEffect, useLayoutEffect, useMemo, useState } from 'react';
import { PreferenceContext, type PreferenceStore, usePreference } from './preference.ts';

export type ThemeChoice = 'dark' | 'light' | 'system';
export type Theme = 'dark' | 'light';
export const TEXT_SIZES = [90, 100, 110, 125, 150] as const;
export type TextSize = (typeof TEXT_SIZES)[number];

interface Look {
  readonly theme: Theme;
  readonly choice: ThemeChoice;
  readonly setChoice: (choice: ThemeChoice) => void;
  readonly textSize: TextSize;
  readonly setTextSize: (size: TextSize) => void;
}

const LookContext = createContext<Look>({
  theme: 'dark',
  choice: 'dark',
  setChoice: () => undefined,
  textSize: 100,
  setTextSize: () => undefined,
});

/** Theme and text size; canvases draw anew when `theme` changes. */
export const useLook = (): Look => useContext(LookContext);

/** Pixels of a size given in rem, as the text size setting scales it. */
export function useRem(rem: number): number {
  return (rem * 16 * useLook().textSize) / 100;
}

const mantineTheme = createTheme({
  fontFamily: 'var(--font-text)',
  fontFamilyMonospace: 'var(--font-mono)',
  defaultRadius: '3px',
  cursorType: 'default',
  respectReducedMotion: true,
  components: {
    Tooltip: Tooltip.extend({
      defaultProps: {
        openDelay: 350,
        transitionProps: { duration: 0 },
        classNames: { tooltip: 'tooltip' },
        events: { hover: true, focus: true, touch: false },
      },
    }),
  },
});

function useSystemTheme(): Theme {
  const [query] = useState(() => window.matchMedia('(prefers-color-scheme: light)'));
  const [light, setLight] = useState(query.matches);
  useEffect(() => {
    const onChange = (): void => setLight(query.matches);
    query.addEventListener('change', onChange);
    return () => query.removeEventListener('change', onChange);
  }, [query]);
  return light ? 'light' : 'dark';
}

function Themed({ children }: { readonly children: ReactNode }): ReactNode {
  const [choice, setChoice] = usePreference<ThemeChoice>('theme', 'system');
  const [textSize, setTextSize] = usePreference<TextSize>('textSize', 100);
  const system = useSystemTheme();
  const theme = choice === 'system' ? system : choice;
  useLayoutEffect(() => {
    document.documentElement.dataset.theme = theme;
    document.documentElement.style.fontSize = `${(16 * textSize) / 100}px`;
    document.documentElement.style.setProperty('--text-scale', String(textSize / 100));
  }, [theme, textSize]);
  const look = useMemo(
    () => ({ theme, choice, setChoice, textSize, setTextSize }),
    [theme, choice, setChoice, textSize, setTextSize],
  );
  return (
    <LookContext value={look}>
      <MantineProvider theme={mantineTheme} forceColorScheme={theme}>
        {children}
      </MantineProvider>
    </LookContext>
  );
}

export function UiProvider({
  preferences,
  children,
}: {
  readonly preferences: PreferenceStore;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <PreferenceContext value={preferences}>
      <Themed>{children}</Themed>
    </PreferenceContext>
  );
}
