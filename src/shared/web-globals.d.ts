// The few globals that browsers, Node and Electron all have and that the `ES2023` library lacks. `src/shared` compiles
// with `types: []` so that nothing of Node or the DOM can slip in; what both sides really share is declared here.

declare global {
  interface AbortSignal {
    readonly aborted: boolean;
    // biome-ignore lint/suspicious/noExplicitAny: the platform's own type
    readonly reason: any;
    throwIfAborted(): void;
    addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
    removeEventListener(type: 'abort', listener: () => void): void;
  }
  interface AbortController {
    readonly signal: AbortSignal;
    abort(reason?: unknown): void;
  }
  var AbortController: { prototype: AbortController; new (): AbortController };
  interface TextEncoder {
    encode(text?: string): Uint8Array<ArrayBuffer>;
  }
  interface TextDecoder {
    decode(bytes?: ArrayBufferView | ArrayBuffer): string;
  }
  var TextEncoder: { prototype: TextEncoder; new (): TextEncoder };
  var TextDecoder: { prototype: TextDecoder; new (label?: string, options?: { fatal?: boolean }): TextDecoder };
  function setTimeout(callback: () => void, ms?: number): unknown;
  function clearTimeout(timer: unknown): void;
  function queueMicrotask(callback: () => void): void;
}

export {};
