import { type BrowserWindow, powerMonitor } from 'electron';

export interface SessionEnd {
  /** Something is recorded or written. */
  busy(): boolean;
  /** Asks the user where something is busy, and ends the program in order unless the answer is no. */
  quit(): void;
  /** Ends the engine in order; nobody can be asked any more. */
  seal(): void;
}

/**
 * Windows ends a session without the events of a program that is left: it asks each window first. While something is
 * recorded the answer is no, which Windows shows with a choice to end all the same, and the program asks too.
 */
export function guardSessionEnd(window: BrowserWindow, { busy, quit, seal }: SessionEnd): void {
  window.on('query-session-end', (event) => {
    if (!busy()) return;
    event.preventDefault();
    // The question waits for its answer, and Windows waits only so long for this one.
    setImmediate(quit);
  });
  window.on('session-end', seal);
}

/** Linux and macOS tell the program that the computer goes down; it gets the time to end in order. */
export function endWithComputer(quit: () => void): void {
  // Electron's declarations leave out the event.
  powerMonitor.on('shutdown', (event?: { preventDefault(): void }) => {
    event?.preventDefault();
    quit();
  });
}
