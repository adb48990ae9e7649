import { type ReactNode, type RefObject, useEffect, useRef, useState } from 'react';
import { Banner, Button, Check, SelectField, TextField } from './controls.tsx';

/** What is wrong, by path of the document: `name`, `settings.port`. */
export type Issues = ReadonlyMap<string, string>;

const none: Issues = new Map();
const CHECK_MS = 400;

/** The issues below a path, by the rest of theirs. */
export function issuesUnder(issues: Issues, prefix: string): Issues {
  const found = new Map<string, string>();
  for (const [path, message] of issues) if (path.startsWith(prefix)) found.set(path.slice(prefix.length), message);
  return found;
}

export interface DraftSaving<Draft> {
  readonly form: RefObject<HTMLFormElement | null>;
  readonly issues: Issues;
  /** Fields that need a correction, once saving was tried. */
  readonly faults: number;
  readonly busy: boolean;
  readonly refusal: string | null;
  save(draft: Draft): Promise<void>;
  /** Forgets what was found: the form is about something else now. */
  reset(): void;
}

/** How a draft is checked while it is typed, and saved. */
export function useDraftSaving<Draft>(options: {
  readonly draft: Draft;
  /** Nothing is checked while false. */
  readonly changed: boolean;
  /** A change of these is checked too. */
  readonly inputs?: unknown;
  /** `missing`: also what is still empty. Rejects where the engine is away. */
  readonly check: (draft: Draft, missing: boolean, signal?: AbortSignal) => Promise<Issues>;
  /** Writes a draft that was found in order. */
  readonly write: (draft: Draft) => Promise<void>;
  /** What a refusal says, and what it finds wrong; null: somebody else has been told already. */
  readonly refused: (error: unknown) => { readonly text: string | null; readonly issues?: Issues };
}): DraftSaving<Draft> {
  const { draft, changed } = options;
  const latest = useRef(options);
  latest.current = options;
  const form = useRef<HTMLFormElement>(null);
  const [issues, setIssues] = useState<Issues>(none);
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);

  // The engine checks what is typed a moment after the last key; what is missing is said only once saving was tried.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `inputs` stands for what the check depends on beside the draft
  useEffect(() => {
    if (!changed) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      latest.current
        .check(draft, asked, abort.signal)
        .then(setIssues)
        // Cancelled by the next key, or the engine is away, which the page says; saving checks again.
        .catch(() => undefined);
    }, CHECK_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [draft, asked, changed, options.inputs]);

  return {
    form,
    issues,
    faults: asked ? issues.size : 0,
    busy,
    refusal,
    async save(what) {
      if (busy) return;
      setBusy(true);
      setRefusal(null);
      setAsked(true);
      try {
        const found = await latest.current.check(what, true);
        setIssues(found);
        // The first one wrong may be out of sight; its field is marked with the next drawing.
        if (found.size > 0) {
          requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus());
        } else await latest.current.write(what);
      } catch (error) {
        const said = latest.current.refused(error);
        setRefusal(said.text);
        if (said.issues !== undefined) setIssues(said.issues);
      } finally {
        setBusy(false);
      }
    },
    reset() {
      setIssues(none);
      setAsked(false);
    },
  };
}

/** The frame of a form that edits a draft: what is in the way above it, and beneath it what is saved and the two buttons. */
export function DraftForm({
  label,
  form,
  notices,
  faults,
  refusal,
  state,
  discard,
  save,
  escapes = true,
  children,
}: {
  readonly label: string;
  readonly form: RefObject<HTMLFormElement | null>;
  /** Banners that come before everything else. */
  readonly notices?: ReactNode;
  readonly faults: number;
  readonly refusal: string | null;
  /** "Saved", "Changed, not saved". */
  readonly state: string;
  readonly discard: { readonly label: string; readonly disabled: boolean; readonly run: () => void };
  readonly save: { readonly label: string; readonly disabled: boolean; readonly run: () => void };
  /** Esc discards. */
  readonly escapes?: boolean;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <form
      ref={form}
      className="editor"
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        save.run();
      }}
      onKeyDown={(event) => {
        if (escapes && event.key === 'Escape' && !event.defaultPrevented) discard.run();
      }}
      noValidate
    >
      <div className="editor-body">
        {notices}
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        {faults > 0 && (
          <Banner tone="error">
            {faults === 1 ? 'One field needs a correction.' : `${faults} fields need a correction.`}
          </Banner>
        )}
        {children}
      </div>
      <div className="editor-footer">
        <span className="quiet">{state}</span>
        <span className="toolbar-gap" />
        <Button onClick={discard.run} disabled={discard.disabled}>
          {discard.label}
        </Button>
        <Button look="primary" type="submit" disabled={save.disabled} title="Enter or Ctrl+S">
          {save.label}
        </Button>
      </div>
    </form>
  );
}

/** That somebody else has written what is being edited. */
export function OutdatedBanner({ what, children }: { readonly what: string; readonly children: ReactNode }): ReactNode {
  return (
    <Banner tone="warn" actions={children}>
      {`This ${what} was changed in another window while it is being edited here.`}
    </Banner>
  );
}

/** What every draft begins with: its name, what it is of, and whether it is switched on. */
export function DraftHead<Kind extends { readonly id: string; readonly title: string; readonly summary: string }>({
  name,
  fault,
  isNew,
  kindLabel,
  kind,
  kinds,
  enabled,
  onName,
  onKind,
  onEnabled,
}: {
  readonly name: string;
  readonly fault: string | undefined;
  readonly isNew: boolean;
  /** "Protocol", "Backend". */
  readonly kindLabel: string;
  readonly kind: Kind;
  /** What a new one can be changed to. */
  readonly kinds: readonly Kind[];
  readonly enabled: boolean;
  readonly onName: (name: string) => void;
  readonly onKind: (kind: Kind) => void;
  readonly onEnabled: (enabled: boolean) => void;
}): ReactNode {
  return (
    <div className="schema-grid">
      <TextField label="Name" value={name} maxLength={200} autoFocus={isNew} error={fault} onChange={onName} />
      {isNew && kinds.length > 1 ? (
        <SelectField
          label={kindLabel}
          help={kind.summary}
          value={kind.id}
          choices={kinds.map(({ id, title }) => ({ value: id, label: title }))}
          onChange={(id) => {
            const chosen = kinds.find((entry) => entry.id === id);
            if (chosen !== undefined) onKind(chosen);
          }}
        />
      ) : (
        <div className="field">
          <span className="field-label">{kindLabel}</span>
          <span className="editor-fixed" title={kind.summary}>
            {kind.title}
          </span>
        </div>
      )}
      <div className="field editor-enabled">
        <Check label="Switched on" checked={enabled} onChange={onEnabled} />
      </div>
    </div>
  );
}
