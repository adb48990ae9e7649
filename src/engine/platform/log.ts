/** One line of the structured log. Secrets never get here: callers pass names and counts, not settings. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export interface LogLine {
  readonly time: string;
  readonly level: LogLevel;
  readonly module: string;
  readonly text: string;
  readonly fields?: object;
}
export interface Logger {
  debug(text: string, fields?: object): void;
  info(text: string, fields?: object): void;
  warn(text: string, fields?: object): void;
  error(text: string, fields?: object): void;
  /** A logger whose lines carry `module`. */
  module(name: string): Logger;
}

export function createLogger(write: (line: LogLine) => void, module = 'engine'): Logger {
  const at =
    (level: LogLevel) =>
    (text: string, fields?: object): void =>
      write({ time: new Date().toISOString(), level, module, text, ...(fields === undefined ? {} : { fields }) });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    module: (name) => createLogger(write, name),
  };
}
