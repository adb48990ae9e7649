import { createRegisterImage, type ModbusSimulator, startModbusSimulator } from '#simulators/modbus/index.ts';

// Devices in a process of their own, so that neither their work nor their memory is measured as the engine's. Every
// register holds how often its request has been answered, so that a sample that is missing later is missed.

export type PlantOrder = { readonly loseLink: number; readonly downMs: number } | 'end';
export interface PlantReady {
  readonly ports: readonly number[];
}

if (process.send === undefined) throw new Error('This file runs as a child process.');
const links = Number(process.argv[2]);
const simulators: ModbusSimulator[] = [];
for (let link = 0; link < links; link++) {
  const image = createRegisterImage({ everything: true });
  const answered = new Map<number, number>();
  simulators.push(
    await startModbusSimulator({
      units: { 1: image },
      beforeAnswer({ offset, count }) {
        const turn = ((answered.get(offset) ?? 0) + 1) & 0xffff;
        answered.set(offset, turn);
        image.setRegisters('holding', offset, new Array<number>(count).fill(turn));
      },
    }),
  );
}
// The list of requests is for other tests and would grow here.
const forget = setInterval(() => {
  for (const { control } of simulators) control.clearRequests();
}, 5_000);
process.on('message', (order: PlantOrder) => {
  if (order === 'end') {
    clearInterval(forget);
    process.disconnect();
    for (const simulator of simulators) void simulator.close();
  } else if (order.downMs === 0) simulators[order.loseLink]?.control.disconnectAll();
  else void simulators[order.loseLink]?.control.restart(order.downMs);
});
process.send({ ports: simulators.map(({ port }) => port) } satisfies PlantReady);
