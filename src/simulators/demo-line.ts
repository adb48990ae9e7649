import { createSocket } from 'node:dgram';
import type { DemoAddresses } from './demo-project.ts';
import { type EgdProducer, startEgdProducer } from './egd/index.ts';
import { createMillExchanges, MILL_PRODUCER, writeMillExchanges } from './egd-mill.ts';
import { type EipSimulator, startEipSimulator } from './ethernet-ip/index.ts';
import { createMillMemory, writeMillTags } from './logix-mill.ts';
import { createMill, type Mill } from './mill/mill.ts';
import { defineMillCells, MILL_UNITS, type MillUnit, writeMillPoints } from './mill-map.ts';
import { createRegisterImage, type ModbusSimulator, type RegisterImage, startModbusSimulator } from './modbus/index.ts';

/**
 * Ports the demo project points to. Those of TCP are far from the standard's, which may need rights or belong to a real
 * device; EGD only sends, so that its usual port is in nobody's way.
 */
export const DEMO_PORTS = { modbus: 15_020, 'ethernet-ip': 15_818, egd: 18_246 } as const;

export interface DemoLineOptions {
  /** What the servers listen on. Default 127.0.0.1 */
  readonly host?: string;
  /** Modbus TCP; 0: any free one. Default as in `DEMO_PORTS`. */
  readonly port?: number;
  /** Default as in `DEMO_PORTS`, or any free one where `port` is 0. */
  readonly ethernetIpPort?: number;
  /** UDP port that productions are sent to; 0: the number of EtherNet/IP's port. Defaults as for `ethernetIpPort`. */
  readonly egdPort?: number;
  /** Where productions are sent to. Default 127.0.0.1 */
  readonly egdTo?: string;
  readonly seed?: number;
  /** Simulated seconds per second, 0 (stands still) to 100; default 1. */
  readonly speed?: number;
}

export interface DemoLine {
  readonly modbus: ModbusSimulator;
  readonly ethernetIp: EipSimulator;
  readonly egd: EgdProducer;
  readonly mill: Mill;
  readonly addresses: DemoAddresses;
  close(): Promise<void>;
}

const TICK_MS = 20;

/** The virtual mill on real sockets, one model behind three protocols, running until it is closed. */
export async function startDemoLine(options: DemoLineOptions = {}): Promise<DemoLine> {
  const speed = options.speed ?? 1;
  if (!(speed >= 0 && speed <= 100)) throw new RangeError('The speed factor is 0 to 100.');
  const host = options.host ?? '127.0.0.1';
  const free = options.port === 0;
  const mill = createMill({ seed: options.seed ?? 1 });
  const units = Object.keys(MILL_UNITS) as MillUnit[];
  const images = Object.fromEntries(units.map((name) => [name, createRegisterImage()])) as Record<
    MillUnit,
    RegisterImage
  >;
  defineMillCells(images);
  const memory = createMillMemory();
  const exchanges = createMillExchanges();
  const write = (): void => {
    writeMillPoints(mill.state, images);
    writeMillTags(mill.state, memory);
    writeMillExchanges(mill.state, exchanges);
  };
  write();

  const opened: { close(): Promise<void> }[] = [];
  const closeAll = async (): Promise<void> => {
    for (const one of opened.splice(0).reverse()) await one.close();
  };
  const keep = <T extends { close(): Promise<void> }>(one: T): T => {
    opened.push(one);
    return one;
  };
  try {
    const modbus = keep(
      await startModbusSimulator({
        host,
        port: options.port ?? DEMO_PORTS.modbus,
        units: Object.fromEntries(units.map((name) => [MILL_UNITS[name].unit, images[name]])),
      }),
    );
    const identity = { name: 'Demo rolling mill, simulated' };
    const controllerPort = options.ethernetIpPort ?? (free ? 0 : DEMO_PORTS['ethernet-ip']);
    const to = options.egdTo ?? '127.0.0.1';
    let egdPort = options.egdPort ?? (free ? 0 : DEMO_PORTS.egd);
    let ethernetIp = await startEipSimulator({ host, port: controllerPort, memory, identity });
    // Whoever receives the productions binds the UDP port, so it can't be held here. Its number is one whose TCP port
    // this process holds: no other demo line can come to the same.
    for (let attempt = 1; egdPort === 0; attempt++) {
      if (await isFree(ethernetIp.port)) egdPort = ethernetIp.port;
      else {
        await ethernetIp.close();
        if (controllerPort !== 0 || attempt === 20) throw new Error('No free UDP port for EGD was found.');
        ethernetIp = await startEipSimulator({ host, port: 0, memory, identity });
      }
    }
    keep(ethernetIp);
    const egd = keep(
      await startEgdProducer({
        producerId: MILL_PRODUCER,
        host: to,
        port: egdPort,
        adapter: isLoopback(to) ? '127.0.0.1' : '0.0.0.0',
        exchanges: Object.values(exchanges),
      }),
    );
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      // After a pause of the whole computer the line goes on where it was, instead of rolling hours in one step.
      mill.step(Math.min(now - last, 1_000) * speed);
      last = now;
      write();
    }, TICK_MS);
    keep({ close: async () => clearInterval(timer) });
    return {
      modbus,
      ethernetIp,
      egd,
      mill,
      addresses: {
        modbus: { host, port: modbus.port },
        'ethernet-ip': { host, port: ethernetIp.port },
        egd: { ...(isGroup(to) ? { groups: [to] } : { localAddress: to }), port: egdPort },
      },
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
const isGroup = (address: string): boolean => /^(22[4-9]|23\d)\./.test(address);

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => socket.close(() => resolve(true)));
  });
}
