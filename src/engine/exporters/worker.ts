import { parentPort } from 'node:worker_threads';
import type { TableWriter } from './exporter.ts';
import { exporters } from './index.ts';
import { type FromWorker, type ToWorker, toPlain } from './messages.ts';

// Entry of the exporting worker: one writer per worker, so that formatting a long history takes no turn of the engine's
// event loop, and ending the worker gives all of its memory back.
const port = parentPort;
if (port === null) throw new Error('This file is the entry of a worker thread.');

let writer: TableWriter | null = null;
let turn: Promise<void> = Promise.resolve();

async function handle(message: ToWorker): Promise<void> {
  if (message.kind === 'open') {
    const exporter = exporters.find((candidate) => candidate.id === message.exporter);
    if (exporter === undefined) throw new Error(`There is no exporter "${message.exporter}".`);
    // Parsed options come in, but only a parse gives back the type that belongs to the exporter.
    writer = await exporter.open(message.path, message.columns, exporter.options.parse(message.options) as never);
    return;
  }
  if (writer === null) throw new Error('Nothing is open.');
  if (message.kind === 'write') await writer.write(message.chunk);
  else await writer.finish();
}

port.on('message', (message: ToWorker) => {
  turn = turn
    .then(() => handle(message))
    .then(
      (): FromWorker => ({ ok: true }),
      (error: unknown): FromWorker => ({ ok: false, error: toPlain(error) }),
    )
    .then((answer) => port.postMessage(answer));
});
