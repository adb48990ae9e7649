import { type MessagePort, parentPort } from 'node:worker_threads';
import { systemClock } from '#engine/platform/index.ts';
import {
  type FromWriter,
  type PostedError,
  postError,
  type TailAnswer,
  type TailRequest,
  type TailStartsNote,
  type ToWriter,
  type WriterCalls,
  type WriterCounts,
} from './messages.ts';
import { createTailStarts, type TailStarts } from './tail-starts.ts';
import { openWriter, type Writer } from './writer.ts';

/**
 * Entry of the writer's thread. What changes the store is taken in the order sent: while a registration cannot be
 * stored because the disk is full, all that follows waits, and the sender's bounded queue fills.
 */
const port = parentPort;
if (port === null) throw new Error('This file is the entry of a worker thread.');
const clock = systemClock();
const send = (message: FromWriter): void => port.postMessage(message);

const inbox: Extract<ToWriter, { kind: 'register' | 'intern' | 'append' }>[] = [];
let writer: Writer | null = null;
let starts: TailStarts | null = null;
let waiting = false;
let ended = false;
const readers: MessagePort[] = [];

port.on('message', (message: ToWriter) => {
  switch (message.kind) {
    case 'open':
      openWriter(message.options, {
        clock,
        onDurable: (note) =>
          send({ kind: 'durable', note: { ...note, error: note.error === null ? null : postError(note.error) } }),
        onTexts: (swept) => send({ kind: 'texts', swept }),
        onLargeWal: () => send({ kind: 'large-wal' }),
        warn: (text) => send({ kind: 'warning', text }),
      }).then(
        (opened) => {
          writer = opened;
          starts = createTailStarts(opened.started.tailStarts);
          send({ kind: 'opened', start: opened.started });
        },
        (error: unknown) => {
          send({ kind: 'failed', error: postError(error) });
          end();
        },
      );
      return;
    case 'reader':
      serveTails(message.port);
      return;
    case 'call':
      call(message.name, message.input)
        .then(
          (value) => send({ kind: 'result', id: message.id, value }),
          (error: unknown) => send({ kind: 'error', id: message.id, error: postError(error) }),
        )
        .finally(() => {
          if (message.name === 'close') end();
        });
      return;
    default:
      inbox.push(message);
      if (!waiting) drain();
  }
});

/** Without ports the thread ends by itself. */
function end(): void {
  ended = true;
  for (const reader of readers) reader.close();
  port?.close();
}

function drain(): void {
  if (ended) return;
  const waited = waiting;
  waiting = false;
  let taken = 0;
  while (taken < inbox.length && writer !== null) {
    const message = inbox[taken]!;
    try {
      if (message.kind === 'append') {
        writer.append(message.id, message.block);
        starts?.taken();
      } else if (message.kind === 'register') writer.register(message.tags);
      else writer.intern(message.number, message.text);
    } catch (error) {
      if (message.kind !== 'register') throw error;
      waiting = true;
      const posted = postError(error);
      tell(posted, { ...writer.counts(), paused: posted.message });
      clock.after(1_000, drain);
      break;
    }
    taken++;
  }
  inbox.splice(0, taken);
  if (waited && !waiting && writer !== null) tell(null, writer.counts());
}

/** Tells how writing stands without acknowledging anything. */
function tell(error: PostedError | null, counts: WriterCounts): void {
  send({ kind: 'durable', note: { upTo: 0, error, counts } });
}

async function call(name: keyof WriterCalls, input: unknown): Promise<unknown> {
  if (writer === null) throw new Error('The history is not open.');
  const given = <K extends keyof WriterCalls>(_: K): WriterCalls[K]['input'] => input as WriterCalls[K]['input'];
  switch (name) {
    case 'flush':
      await writer.flush();
      return null;
    case 'seal': {
      const { range, tags } = given('seal');
      await writer.seal(tags, range);
      return null;
    }
    case 'count': {
      const { range, tags } = given('count');
      return writer.count(tags, range);
    }
    case 'addEvent':
      return writer.addEvent(given('addEvent'));
    case 'addGap': {
      const { range, reason, quality, tags } = given('addGap');
      writer.addGap(range, reason, quality, tags);
      return null;
    }
    case 'tags':
      return writer.tags();
    case 'bounds':
      return writer.bounds();
    case 'lastValues':
      return writer.lastValues(given('lastValues').known);
    case 'status':
      return writer.status();
    case 'prune':
      return writer.prune(given('prune').before);
    case 'surplusBefore':
      return writer.surplusBefore(given('surplusBefore').maxBytes, given('surplusBefore').spare);
    case 'giveBack':
      return writer.giveBack();
    case 'close':
      await writer.close();
      return null;
  }
}

function serveTails(reader: MessagePort): void {
  readers.push(reader);
  const tell = (message: TailAnswer | TailStartsNote, transfer: readonly ArrayBuffer[] = []): void =>
    reader.postMessage(message, transfer);
  if (writer !== null) tell({ starts: writer.started.tailStarts });
  reader.on('message', (request: TailRequest) => {
    const parts = writer === null ? [] : writer.tail(request.tags, request.from, request.to);
    const transfer = new Set<ArrayBuffer>();
    for (const { closed, open } of parts) {
      for (const { data } of closed) transfer.add(data.buffer);
      if (open === null) continue;
      for (const column of [open.time, open.value, open.quality]) transfer.add(column.buffer);
      if (open.received !== null) transfer.add(open.received.buffer);
    }
    tell({ id: request.id, parts }, [...transfer]);
  });
}
