import { Check, Copy } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { Button } from './controls.tsx';

/** Long enough to be read, short enough not to be taken for the state of something. */
const SHOWN_MS = 1500;

/** Puts a text on the clipboard and says that it did; where the clipboard is refused, it says that instead. */
export function CopyButton({
  text,
  label = 'Copy',
}: {
  /** Asked at the click, so that long texts are made only then. */
  readonly text: () => string;
  readonly label?: string;
}): ReactNode {
  const [done, setDone] = useState<'copied' | 'refused' | null>(null);
  useEffect(() => {
    if (done === null) return;
    const timer = setTimeout(() => setDone(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = (): void => {
    navigator.clipboard.writeText(text()).then(
      () => setDone('copied'),
      () => setDone('refused'),
    );
  };
  return (
    <Button look="plain" icon={done === 'copied' ? Check : Copy} onClick={copy}>
      <span aria-live="polite">{done === null ? label : done === 'copied' ? 'Copied' : 'Clipboard refused'}</span>
    </Button>
  );
}
