import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** What a traced program did to the files of one folder, and what it said meanwhile, in order. */
export type FileEvent =
  | { readonly kind: 'write'; readonly file: string; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly file: string; readonly size: number }
  | { readonly kind: 'create' | 'sync' | 'remove'; readonly file: string }
  | { readonly kind: 'rename'; readonly file: string; readonly to: string }
  | { readonly kind: 'said'; readonly line: string };

/** Calls to trace, for `strace -ff -ttt -T -xx -s 10000000`. */
export const TRACED =
  'openat,write,pwrite64,writev,pwritev,fdatasync,fsync,ftruncate,rename,renameat2,unlink,unlinkat,close,lseek,mmap';

interface Call {
  readonly order: number;
  readonly ends: number;
  readonly name: string;
  readonly text: string;
  readonly result: number;
}

/** Reads the per-thread files of a trace. Writes count from their start, syncs from their end, to be strict. */
export function readTrace(folder: string, prefix: string, traced: string): FileEvent[] {
  const calls: Call[] = [];
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix)) continue;
    for (const line of readFileSync(join(folder, name), 'latin1').split('\n')) {
      const match = /^([\d.]+) (\w+)\((.*)\) += (-?\d+).*<([\d.]+)>$/s.exec(line);
      if (match === null) continue;
      const [, start = '', call = '', text = '', result = '', took = ''] = match;
      const begins = Number(start);
      const ends = begins + Number(took);
      const sync = call === 'fdatasync' || call === 'fsync';
      calls.push({ order: sync ? ends : begins, ends, name: call, text, result: Number(result) });
    }
  }
  calls.sort((a, b) => a.order - b.order);

  const events: FileEvent[] = [];
  const open = new Map<number, { readonly file: string | null; position: number }>([[1, { file: '', position: 0 }]]);
  const inside = (path: string): string | null =>
    path.startsWith(`${traced}/`) && !path.slice(traced.length + 1).includes('/') ? basename(path) : null;
  for (const { name, text, result } of calls) {
    if (result < 0) continue;
    const strings = [...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map((one) => unhex(one[1]!));
    const handle = Number(/^\d+/.exec(text)?.[0] ?? -1);
    const known = open.get(handle);
    const text0 = strings[0] === undefined ? '' : Buffer.from(strings[0]).toString('utf8');
    switch (name) {
      case 'openat': {
        const file = inside(text0);
        open.set(result, { file, position: 0 });
        if (file !== null && text.includes('O_CREAT')) events.push({ kind: 'create', file });
        if (file !== null && text.includes('O_TRUNC')) events.push({ kind: 'truncate', file, size: 0 });
        break;
      }
      case 'close':
        open.delete(handle);
        break;
      case 'lseek':
        if (known !== undefined) known.position = result;
        break;
      case 'write':
      case 'pwrite64': {
        if (known === undefined || known.file === null || strings[0] === undefined) break;
        if (handle === 1) {
          for (const line of text0.split('\n')) if (line !== '') events.push({ kind: 'said', line });
          break;
        }
        const at = name === 'write' ? known.position : Number(/, (\d+)$/.exec(text)?.[1]);
        events.push({ kind: 'write', file: known.file, at, bytes: strings[0].subarray(0, result) });
        if (name === 'write') known.position += result;
        break;
      }
      case 'writev':
      case 'pwritev':
        if (known !== undefined && known.file !== null && known.file !== '')
          throw new Error(`${name} is not understood`);
        break;
      case 'ftruncate': {
        const size = Number(/, (\d+)$/.exec(text)?.[1]);
        if (known?.file) events.push({ kind: 'truncate', file: known.file, size });
        break;
      }
      case 'fdatasync':
      case 'fsync':
        if (known?.file) events.push({ kind: 'sync', file: known.file });
        break;
      case 'rename':
      case 'renameat2': {
        const file = inside(text0);
        const to = strings[1] === undefined ? null : inside(Buffer.from(strings[1]).toString('utf8'));
        if (file !== null && to !== null) events.push({ kind: 'rename', file, to });
        break;
      }
      case 'unlink':
      case 'unlinkat': {
        const file = inside(text0);
        if (file !== null) events.push({ kind: 'remove', file });
        break;
      }
      default:
        break;
    }
  }
  return events;
}

function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll('\\x', ''), 'hex'));
}

/** A folder as it would be after some of the events. Files grow as they are written; names change at once. */
export interface Replayed {
  /** The files with all writes, or only with what was synced and those of the other writes that `keep` lets through. */
  files(keep: 'all' | ((index: number) => boolean)): Map<string, Uint8Array>;
  apply(event: FileEvent): void;
}

export function replayFolder(): Replayed {
  interface Replica {
    durable: Uint8Array;
    pending: Extract<FileEvent, { kind: 'write' | 'truncate' }>[];
  }
  const replicas = new Map<string, Replica>();
  const applied = (base: Uint8Array, changes: readonly Replica['pending'][number][]): Uint8Array => {
    let bytes: Uint8Array<ArrayBufferLike> = base.slice();
    for (const change of changes) {
      const size = change.kind === 'truncate' ? change.size : Math.max(bytes.length, change.at + change.bytes.length);
      if (size !== bytes.length) {
        const resized = new Uint8Array(size);
        resized.set(bytes.subarray(0, size));
        bytes = resized;
      }
      if (change.kind === 'write') bytes.set(change.bytes, change.at);
    }
    return bytes;
  };
  return {
    apply(event) {
      if (event.kind === 'said') return;
      const replica = replicas.get(event.file) ?? { durable: new Uint8Array(0), pending: [] };
      switch (event.kind) {
        case 'create':
          replicas.set(event.file, replica);
          return;
        case 'write':
        case 'truncate':
          replica.pending.push(event);
          replicas.set(event.file, replica);
          return;
        case 'sync':
          replica.durable = applied(replica.durable, replica.pending);
          replica.pending = [];
          return;
        case 'remove':
          replicas.delete(event.file);
          return;
        case 'rename':
          replicas.delete(event.file);
          replicas.set(event.to, replica);
          return;
      }
    },
    files(keep) {
      const files = new Map<string, Uint8Array>();
      let index = 0;
      for (const [file, { durable, pending }] of replicas) {
        files.set(file, applied(durable, keep === 'all' ? pending : pending.filter(() => keep(index++))));
      }
      return files;
    },
  };
}
