import { Modal } from '@mantine/core';
import { X } from 'lucide-react';
import type { FormEvent, ReactNode } from 'react';
import './dialog.css';

export interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  /** Enter in a field; without it the dialog is no form. */
  readonly onSubmit?: () => void;
  /** Buttons, the default one last. */
  readonly footer?: ReactNode;
  readonly width?: string;
  readonly height?: string;
  /** For content that is only read: it takes the focus, so that keys scroll it. */
  readonly reading?: boolean;
  readonly children: ReactNode;
}

/** Answers a click; Esc closes it and the focus goes back to where it was. */
export function Dialog({
  title,
  onClose,
  onSubmit,
  footer,
  width = '32rem',
  height,
  reading = false,
  children,
}: DialogProps): ReactNode {
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onSubmit?.();
  };
  const inside = (
    <>
      <h2 className="dialog-header">{title}</h2>
      <div
        className="dialog-body"
        style={height === undefined ? undefined : { height }}
        {...(reading ? { tabIndex: 0, role: 'group', 'aria-label': title } : {})}
      >
        {children}
      </div>
      {footer !== undefined && <div className="dialog-footer">{footer}</div>}
      {/* Last in order, so that the first Tab stop is in the content. */}
      <button
        type="button"
        className="btn dialog-close"
        data-look="plain"
        data-icon
        aria-label="Close"
        onClick={onClose}
      >
        <X size={16} aria-hidden />
      </button>
    </>
  );
  return (
    <Modal
      opened
      onClose={onClose}
      size={width}
      centered
      withCloseButton={false}
      attributes={{ content: { 'aria-label': title } }}
      transitionProps={{ duration: 0 }}
      classNames={{ content: 'dialog-content', body: 'dialog-outer', overlay: 'dialog-overlay' }}
    >
      {onSubmit === undefined ? (
        <div className="dialog-form">{inside}</div>
      ) : (
        <form className="dialog-form" onSubmit={submit} noValidate>
          {inside}
        </form>
      )}
    </Modal>
  );
}
