import { parentPort, workerData } from 'node:worker_threads';
import { startEgdProducer } from '#simulators/egd/index.ts';
import { createTagMemory, startEipSimulator } from '#simulators/ethernet-ip/index.ts';
import { createRegisterImage, startModbusSimulator } from '#simulators/modbus/index.ts';

// The simulated peers, in a thread of their own so that their work is not measured as the driver's.

export interface EgdLoad {
  readonly port: number;
  readonly exchanges: number;
  readonly bytes: number;
  readonly periodMs: number;
  readonly seconds: number;
}
export type PeerKind = 'modbus' | 'ethernet-ip' | 'egd';

if (parentPort === null) throw new Error('This file runs as a worker.');
const port = parentPort;
const { kind, tags } = workerData as { readonly kind: PeerKind; readonly tags: number };

if (kind === 'modbus') {
  const image = createRegisterImage({ everything: true });
  for (let offset = 0; offset < tags; offset++) image.setRegisters('holding', offset, [(offset * 31) & 0xffff]);
  const device = await startModbusSimulator({ units: { 1: image } });
  port.on('message', () => {
    port.postMessage(device.control.requests().length);
    device.control.clearRequests();
  });
  port.postMessage(device.port);
} else if (kind === 'ethernet-ip') {
  const memory = createTagMemory();
  for (let n = 0; n < tags; n++) {
    const name = `T${String(n).padStart(4, '0')}`;
    memory.define(name, 'DINT');
    memory.set(name, n * 7);
  }
  memory.define('Field', 'DINT', [tags]);
  for (let n = 0; n < tags; n++) memory.set(`Field[${n}]`, n * 7);
  const controller = await startEipSimulator({ memory });
  port.on('message', () => {
    port.postMessage(controller.messages);
    controller.clear();
  });
  port.postMessage(controller.port);
} else {
  port.on('message', (load: EgdLoad) => void produce(load).then((sent) => port.postMessage(sent)));
  port.postMessage(0);
}

/** Sends all exchanges at each period; what a late timer leaves out is not made up for. Gives the productions sent. */
async function produce(load: EgdLoad): Promise<{ sent: number; late: number }> {
  const data = Buffer.alloc(load.bytes);
  for (let at = 0; at + 4 <= load.bytes; at += 4) data.writeUInt32LE(at, at);
  const producer = await startEgdProducer({
    producerId: '127.0.0.1',
    port: load.port,
    running: false,
    exchanges: Array.from({ length: load.exchanges }, (_, id) => ({ id: id + 1, periodMs: load.periodMs, data })),
  });
  const start = performance.now();
  const ticks = Math.round((load.seconds * 1_000) / load.periodMs);
  let late = 0;
  for (let tick = 0; tick < ticks; tick++) {
    const due = start + tick * load.periodMs;
    const now = performance.now();
    if (now - due > load.periodMs) {
      late++;
      continue;
    }
    if (due > now) await new Promise((resolve) => setTimeout(resolve, due - now));
    await producer.produce();
  }
  const sent = producer.productions;
  await producer.close();
  return { sent, late };
}
