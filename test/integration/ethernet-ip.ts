import { afterEach } from 'vitest';
import type { Clock } from '#engine/platform/index.ts';
import { findProtocol, type PollConnection, type TagBinding } from '#engine/protocols/index.ts';
import { createDecoder, decodeExact64, type ValueType } from '#shared/model/index.ts';
import {
  createTagMemory,
  type EipSimulator,
  type EipSimulatorOptions,
  startEipSimulator,
  type TagMemory,
} from '#simulators/ethernet-ip/index.ts';
import { createCollector, createDriverContext, type Pushed } from '#test/support/sample-collector.ts';

export const driver = findProtocol('ethernet-ip')!;
export const signal = new AbortController().signal;

/** A tag by address and type: `Speed` and `float32`. */
export type Wanted = readonly [address: string, type: ValueType];

export interface Sample {
  readonly value: number | bigint | string;
  readonly quality: number;
}

export interface Rig {
  readonly server: EipSimulator;
  readonly connection: PollConnection;
  readonly lines: readonly string[];
  /** Bytes of both directions. */
  readonly traffic: { bytes: number; frames: { direction: 'sent' | 'received'; bytes: Buffer }[] };
  bind(wanted: readonly Wanted[]): TagBinding<unknown>[];
  read(wanted: readonly Wanted[], until?: AbortSignal): Promise<readonly Sample[]>;
}

export interface RigOptions extends Partial<EipSimulatorOptions> {
  readonly device?: object;
  readonly faults?: EipSimulator['faults'];
  /** Tags to declare: name, type, dimensions. */
  readonly tags?: readonly (readonly [name: string, type: string, dimensions?: readonly number[]])[];
  readonly prepare?: (memory: TagMemory) => void;
  readonly clock?: Clock;
}

const open: { close(): Promise<void> }[] = [];
/** Closes what the tests of this file have opened, newest first. */
export const closeAll = (): void => {
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one.close();
  });
};

export async function startServer({ tags = [], prepare, ...options }: RigOptions): Promise<EipSimulator> {
  const memory = options.memory ?? createTagMemory();
  prepare?.(memory);
  for (const [name, type, dimensions] of tags) memory.define(name, type, dimensions ?? []);
  const server = await startEipSimulator({ ...options, memory });
  open.push(server);
  server.faults = options.faults ?? {};
  return server;
}

/** A controller and a connection to it. */
export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const server = await startServer(options);
  const traffic: Rig['traffic'] = { bytes: 0, frames: [] };
  const context = createDriverContext({
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    trace: (direction, bytes) => {
      traffic.bytes += bytes.length;
      traffic.frames.push({ direction, bytes: Buffer.from(bytes) });
    },
  });
  const device = driver.device.parse({
    route: options.slot === null ? '' : '1,0',
    responseTimeoutMs: 300,
    ...options.device,
  });
  const config = driver.config.parse({ host: server.host, port: server.port, connectTimeoutMs: 1_000 });
  const connection = await driver.connect(config, new Map([['device', device]]), context, signal);
  open.push(connection);
  if (connection.mode !== 'poll') throw new Error('A polled protocol was expected.');
  const bind = (wanted: readonly Wanted[]): TagBinding<unknown>[] =>
    wanted.map(([text, type], index) => {
      const { address } = driver.parseAddress(text, device);
      return {
        index,
        address,
        recipe: driver.recipe({ type, order: null, scaling: null, unit: null }, address, device),
      };
    });
  return {
    server,
    connection,
    lines: context.lines,
    traffic,
    bind,
    async read(wanted, until = signal) {
      const bindings = bind(wanted);
      const sink = createCollector();
      await connection.poll(connection.plan('device', bindings), sink, until);
      return bindings.map(({ index, recipe }) => {
        const sample = sink.one(index);
        return { value: readable(sample, recipe), quality: sample.quality };
      });
    },
  };
}

function readable(sample: Pushed, recipe: TagBinding<unknown>['recipe']): Sample['value'] {
  if (typeof sample.value === 'string') return sample.value;
  const stored = new Float64Array(1);
  if (typeof sample.value === 'bigint') {
    if (recipe.type === 'int64' || recipe.type === 'uint64') return decodeExact64(sample.value, recipe);
    new BigUint64Array(stored.buffer)[0] = sample.value;
  } else stored[0] = sample.value;
  return createDecoder(recipe).one(stored, 0);
}
