import { Modal } from '@mantine/core';
import type { FormEvent, ReactNode } from 'react';
import './dialog.css';

export interface DialogProps {
  readonly title: ReactNode;
  readonly onClose: () => void;
  /** Enter in a field; without it the dialog is no form. */
  readonly onSubmit?: () => void;
  /** Buttons, the default one last. */
  readonly footer?: ReactNode;
  readonly width?: string;
  readonly height?: string;
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
  children,
}: DialogProps): ReactNode {
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onSubmit?.();
  };
  const inside = (
    <>
      <div className="dialog-body" style={height === undefined ? undefined : { height }}>
        {children}
      </div>
      {footer !== undefined && <div className="dialog-footer">{footer}</div>}
    </>
  );
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size={width}
      centered
      closeButtonProps={{ 'aria-label': 'Close' }}
      transitionProps={{ duration: 0 }}
      classNames={{
        content: 'dialog-content',
        header: 'dialog-header',
        title: 'dialog-title',
        body: 'dialog-outer',
        close: 'dialog-close',
        overlay: 'dialog-overlay',
      }}
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
