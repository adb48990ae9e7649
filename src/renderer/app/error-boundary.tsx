import { Component, type ErrorInfo, type ReactNode } from 'react';
import { Button } from '#renderer/ui/index.ts';

interface Props {
  readonly place: string;
  readonly children: ReactNode;
}

/** Keeps a fault of one page from taking the screen with it; the recording goes on in the engine anyway. */
export class ErrorBoundary extends Component<Props, { readonly error: Error | null; readonly stack: string }> {
  override state = { error: null as Error | null, stack: '' };

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override componentDidCatch(_error: unknown, info: ErrorInfo): void {
    this.setState({ stack: info.componentStack ?? '' });
  }

  override render(): ReactNode {
    const { error, stack } = this.state;
    if (error === null) return this.props.children;
    return (
      <div className="empty" role="alert">
        <h2>{this.props.place} stopped because of a fault in the program</h2>
        <p>
          The engine is not affected: it goes on reading and recording. Open the page again; if the fault comes back,
          send the text below with a description of what was done.
        </p>
        <pre className="fault mono">{`${error.name}: ${error.message}${stack}`}</pre>
        <div className="empty-actions">
          <Button look="primary" onClick={() => this.setState({ error: null, stack: '' })}>
            Open the page again
          </Button>
          <Button onClick={() => location.reload()}>Reload the screen</Button>
        </div>
      </div>
    );
  }
}
