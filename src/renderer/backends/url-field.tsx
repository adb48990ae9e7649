import { type ReactNode, useEffect, useRef, useState } from 'react';
import { errorText, useAbort, useClient } from '#renderer/client/index.ts';
import { TextField } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';

const READ_MS = 400;

/** What an address says. */
interface ReadUrl {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * The settings as one address: typing or pasting it fills in the fields, and changes of the fields show in it. A
 * password in it goes to the fields and is taken out of the text.
 */
export function UrlField({
  backend,
  url,
  onRead,
}: {
  readonly backend: string;
  /** What the fields come to, without secrets; null while they come to none. */
  readonly url: string | null;
  /** `before` has the names of the settings that the address said last time. */
  readonly onRead: (read: ReadUrl, before: readonly string[]) => void;
}): ReactNode {
  const client = useClient();
  const newSignal = useAbort();
  const [typed, setTyped] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const before = useRef<readonly string[]>([]);
  const latest = useRef(onRead);
  latest.current = onRead;
  // While the fields come to no address, the last one stays.
  const last = useRef('');
  if (url !== null) last.current = url;
  const shown = last.current;

  useEffect(() => {
    if (typed === null || typed.trim() === '') {
      setProblem(undefined);
      return;
    }
    const signal = newSignal();
    const timer = setTimeout(() => {
      client.rpc.sources.fromUrl({ backend, url: typed.trim() }, { signal }).then(
        (read) => {
          if (signal.aborted) return;
          setProblem(undefined);
          latest.current(read, before.current);
          before.current = Object.keys(read.settings);
        },
        (error: unknown) => {
          if (signal.aborted) return;
          const issues = isAppError(error, 'config.invalid') ? error.details.issues.map(({ message }) => message) : [];
          setProblem(issues[0] ?? errorText(error));
        },
      );
    }, READ_MS);
    return () => clearTimeout(timer);
  }, [client, backend, typed, newSignal]);

  return (
    <TextField
      label="Address in one line"
      help="All of it in one line, as other programs have it. It and the fields below follow one another."
      mono
      value={typed ?? shown}
      placeholder="follows from the fields below"
      error={problem}
      onChange={setTyped}
      // What was read stands in the fields; the text is theirs again, without the password.
      onBlur={() => {
        if (problem === undefined) setTyped(null);
      }}
    />
  );
}
