import { Tooltip } from '@mantine/core';
import { AlertTriangle, CircleHelp, CircleX, Info, type LucideIcon, Search, X } from 'lucide-react';
import { type ButtonHTMLAttributes, type InputHTMLAttributes, type ReactNode, type Ref, useId } from 'react';

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: 'normal' | 'primary' | 'danger' | 'plain';
  readonly icon?: LucideIcon;
  readonly ref?: Ref<HTMLButtonElement>;
}

export function Button({ look = 'normal', icon: Icon, children, ...rest }: ButtonProps): ReactNode {
  return (
    <button type="button" className="btn" data-look={look} {...rest}>
      {Icon !== undefined && <Icon size={14} aria-hidden />}
      {children}
    </button>
  );
}

export interface IconButtonProps extends Omit<ButtonProps, 'children' | 'title'> {
  readonly icon: LucideIcon;
  /** Read aloud, and shown on hover together with the shortcut. */
  readonly label: string;
  readonly keys?: string;
}

export function IconButton({ icon: Icon, label, keys, look = 'plain', ...rest }: IconButtonProps): ReactNode {
  return (
    <Tip text={label} {...(keys === undefined ? {} : { keys })}>
      <button type="button" className="btn" data-icon data-look={look} aria-label={label} {...rest}>
        <Icon size={15} aria-hidden />
      </button>
    </Tip>
  );
}

/** A short text on hover and focus, with the shortcut if there is one. */
export function Tip({
  text,
  keys,
  side = 'bottom',
  children,
}: {
  readonly text: string;
  readonly keys?: string;
  readonly side?: 'bottom' | 'right' | 'top';
  readonly children: ReactNode;
}): ReactNode {
  return (
    <Tooltip
      position={side}
      label={
        <span>
          {text}
          {keys !== undefined && <kbd className="kbd tip-kbd">{keys}</kbd>}
        </span>
      }
    >
      {children}
    </Tooltip>
  );
}

export function Keys({ chord }: { readonly chord: string }): ReactNode {
  return <kbd className="kbd">{keyText(chord)}</kbd>;
}

const keySigns: Readonly<Record<string, string>> = {
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
  Escape: 'Esc',
  Delete: 'Del',
};

export function keyText(chord: string): string {
  return chord
    .split(/(?<=.)\+/)
    .map((key) => keySigns[key] ?? key)
    .join('+');
}

export interface FieldProps {
  readonly label: string;
  readonly unit?: string | undefined;
  readonly help?: string | undefined;
  readonly error?: string | undefined;
  readonly optional?: boolean;
  /** Gets the ids that tie the control to its label, help and error. */
  readonly children: (ids: {
    readonly id: string;
    readonly 'aria-describedby': string | undefined;
    readonly 'aria-invalid': true | undefined;
  }) => ReactNode;
}

export function Field({ label, help, error, optional, children }: FieldProps): ReactNode {
  const id = useId();
  const describedBy = [help === undefined ? '' : `${id}-help`, error === undefined ? '' : `${id}-error`]
    .filter((text) => text !== '')
    .join(' ');
  return (
    <div className="field">
      <div className="field-label">
        <label htmlFor={id}>{label}</label>
        {optional === true && <span className="quiet">optional</span>}
        {help !== undefined && (
          <Tip text={help} side="top">
            <CircleHelp size={12} className="field-hint" aria-hidden />
          </Tip>
        )}
      </div>
      {children({
        id,
        'aria-describedby': describedBy === '' ? undefined : describedBy,
        'aria-invalid': error === undefined ? undefined : true,
      })}
      {error !== undefined ? (
        <p className="field-error" id={`${id}-error`} role="alert">
          {error}
        </p>
      ) : null}
      {help !== undefined && (
        <span className="visually-hidden" id={`${id}-help`}>
          {help}
        </span>
      )}
    </div>
  );
}

type InputRest = Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange' | 'value'>;

export function TextField({
  label,
  help,
  error,
  unit,
  optional,
  value,
  onChange,
  mono,
  ...rest
}: InputRest & {
  readonly label: string;
  readonly help?: string | undefined;
  readonly error?: string | undefined;
  readonly unit?: string | undefined;
  readonly optional?: boolean;
  readonly mono?: boolean;
  readonly value: string;
  readonly onChange: (value: string) => void;
}): ReactNode {
  return (
    <Field label={label} help={help} error={error} {...(optional === undefined ? {} : { optional })}>
      {(ids) => (
        <div
          className={unit === undefined ? undefined : 'input-unit'}
          style={unit === undefined ? undefined : unitWidth(unit)}
        >
          <input
            {...ids}
            className={mono === true ? 'input mono' : 'input'}
            value={value}
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => onChange(event.target.value)}
            {...rest}
          />
          {unit !== undefined && <span>{unit}</span>}
        </div>
      )}
    </Field>
  );
}

/** Room for the unit that stands inside the field. */
export function unitWidth(unit: string): React.CSSProperties {
  return { '--unit-width': unit.length } as React.CSSProperties;
}

export function SelectField<T extends string>({
  label,
  help,
  error,
  value,
  choices,
  onChange,
  disabled,
}: {
  readonly label: string;
  readonly help?: string | undefined;
  readonly error?: string | undefined;
  readonly value: T;
  readonly choices: readonly { readonly value: T; readonly label: string; readonly disabled?: boolean }[];
  readonly onChange: (value: T) => void;
  readonly disabled?: boolean;
}): ReactNode {
  return (
    <Field label={label} help={help} error={error}>
      {(ids) => (
        <select
          {...ids}
          className="select"
          value={value}
          disabled={disabled}
          onChange={(event) => onChange(event.target.value as T)}
        >
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value} disabled={choice.disabled}>
              {choice.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function Check({
  label,
  checked,
  onChange,
  disabled,
  mixed,
}: {
  readonly label: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly disabled?: boolean;
  /** Several things are selected and differ. */
  readonly mixed?: boolean;
}): ReactNode {
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        ref={(element) => {
          if (element !== null) element.indeterminate = mixed === true;
        }}
        onChange={(event) => onChange(event.target.checked)}
      />
      {label}
    </label>
  );
}

export function SearchField({
  label,
  value,
  onChange,
  width = '14rem',
  ref,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly width?: string;
  readonly ref?: Ref<HTMLInputElement>;
}): ReactNode {
  return (
    <div className="search" style={{ width }}>
      <Search size={14} aria-hidden />
      <input
        ref={ref}
        type="search"
        className="input"
        aria-label={label}
        placeholder={label}
        value={value}
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && value !== '') {
            event.stopPropagation();
            onChange('');
          }
        }}
      />
    </div>
  );
}

export function DemoMark(): ReactNode {
  return (
    <span className="demo-mark" title="Served by the built-in simulator, not by a plant.">
      DEMO
    </span>
  );
}

const TAIL = 10;

/** A long name shortened in the middle as far as the room demands; whole on hover. */
export function MiddleText({ text }: { readonly text: string }): ReactNode {
  const cut = Math.max(0, text.length - TAIL);
  return (
    <span className="middle" title={text}>
      <span>{text.slice(0, cut)}</span>
      <span>{text.slice(cut)}</span>
    </span>
  );
}

export function EmptyState({
  title,
  text,
  icon: Icon,
  children,
}: {
  readonly title: string;
  readonly text: string;
  readonly icon?: LucideIcon;
  /** The first steps. */
  readonly children?: ReactNode;
}): ReactNode {
  return (
    <div className="empty">
      {Icon !== undefined && <Icon size={28} strokeWidth={1.5} className="quiet" aria-hidden />}
      <h2>{title}</h2>
      <p>{text}</p>
      {children !== undefined && <div className="empty-actions">{children}</div>}
    </div>
  );
}

const bannerIcons = { info: Info, warn: AlertTriangle, error: CircleX } as const;

export function Banner({
  tone,
  children,
  onClose,
  actions,
}: {
  readonly tone: keyof typeof bannerIcons;
  readonly children: ReactNode;
  readonly actions?: ReactNode;
  readonly onClose?: () => void;
}): ReactNode {
  const Icon = bannerIcons[tone];
  return (
    <div className="banner" data-tone={tone} role={tone === 'info' ? 'status' : 'alert'}>
      <Icon size={15} aria-hidden />
      <p className="selectable">{children}</p>
      {actions}
      {onClose !== undefined && <IconButton icon={X} label="Close" onClick={onClose} />}
    </div>
  );
}

/** Lines in the shape of the rows that are to come. */
export function Skeleton({ rows = 8 }: { readonly rows?: number }): ReactNode {
  return (
    <div aria-hidden style={{ display: 'grid', gap: '0.875rem', padding: '0.875rem 0.75rem' }}>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows without identity
        <div key={index} className="skeleton" style={{ width: `${[62, 48, 70, 54][index % 4]}%` }} />
      ))}
    </div>
  );
}
