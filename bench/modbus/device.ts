import { parentPort } from 'node:worker_threads';
import { createRegisterImage, startModbusSimulator } from '#simulators/modbus/index.ts';

// The simulated device, in a thread of its own so that its work is not measured as the driver's.
if (parentPort === null) throw new Error('This file runs as a worker.');
const port = parentPort;
const image = createRegisterImage({ everything: true });
for (let offset = 0; offset < 65_536; offset++) image.setRegisters('holding', offset, [(offset * 31) & 0xffff]);
const device = await startModbusSimulator({ units: { 1: image } });
port.postMessage({ port: device.port });
port.on('message', (message: 'clear' | 'count') => {
  if (message === 'clear') device.control.clearRequests();
  port.postMessage({ requests: device.control.requests().length });
});
