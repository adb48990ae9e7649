import { createMill, type Mill } from './mill/mill.ts';
import { defineMillCells, MILL_UNITS, type MillUnit, writeMillPoints } from './mill-map.ts';
import { createRegisterImage, type ModbusSimulator, type RegisterImage, startModbusSimulator } from './modbus/index.ts';

/** Port the demo project points to; far from 502, which needs rights and may belong to a real device. */
export const DEMO_PORT = 15_020;

export interface DemoLineOptions {
  /** Default 127.0.0.1 */
  readonly host?: string;
  /** 0: any free port. Default `DEMO_PORT`. */
  readonly port?: number;
  readonly seed?: number;
  /** Simulated seconds per second, 0 (stands still) to 100; default 1. */
  readonly speed?: number;
}

export interface DemoLine {
  readonly modbus: ModbusSimulator;
  readonly mill: Mill;
  close(): Promise<void>;
}

const TICK_MS = 20;

/** The virtual mill on a real socket, running until it is closed. */
export async function startDemoLine(options: DemoLineOptions = {}): Promise<DemoLine> {
  const speed = options.speed ?? 1;
  if (!(speed >= 0 && speed <= 100)) throw new RangeError('The speed factor is 0 to 100.');
  const mill = createMill({ seed: options.seed ?? 1 });
  const units = Object.keys(MILL_UNITS) as MillUnit[];
  const images = Object.fromEntries(units.map((name) => [name, createRegisterImage()])) as Record<
    MillUnit,
    RegisterImage
  >;
  defineMillCells(images);
  writeMillPoints(mill.state, images);
  const modbus = await startModbusSimulator({
    host: options.host ?? '127.0.0.1',
    port: options.port ?? DEMO_PORT,
    units: Object.fromEntries(units.map((name) => [MILL_UNITS[name].unit, images[name]])),
  });
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    // After a pause of the whole computer the line goes on where it was, instead of rolling hours in one step.
    mill.step(Math.min(now - last, 1_000) * speed);
    last = now;
    writeMillPoints(mill.state, images);
  }, TICK_MS);
  return {
    modbus,
    mill,
    async close() {
      clearInterval(timer);
      await modbus.close();
    },
  };
}
