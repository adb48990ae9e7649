// The registry lives in `ui`, so that pages can register actions without knowing the shell.
export { type Action, registerActions, useActions } from '#renderer/ui/index.ts';
