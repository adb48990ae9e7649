import { type DriverContext, findProtocol, type PollConnection, type TagBinding } from '#engine/protocols/index.ts';
import { modbus } from '#engine/protocols/modbus/index.ts';
import type { ValueType, WordOrder } from '#shared/model/index.ts';
import { createCollector, createDriverContext, type SampleCollector } from './sample-collector.ts';

export type ModbusSettings = ReturnType<typeof modbus.device.parse>;
export type ModbusLinkSettings = ReturnType<typeof modbus.config.parse>;

/** Settings of a device that answers: its time-out is long enough for a machine that is busy with other tests. */
export const fast = (change: object = {}): ModbusSettings =>
  modbus.device.parse({ responseTimeoutMs: 5000, busyDelayMs: 5, ...change });
/** Settings for requests that stay unanswered: they cost a test milliseconds. */
export const impatient = (change: object = {}): ModbusSettings => fast({ responseTimeoutMs: 60, ...change });
export const linkTo = (port: number, change: object = {}): ModbusLinkSettings =>
  modbus.config.parse({ host: '127.0.0.1', port, connectTimeoutMs: 1000, ...change });

/** A tag as a test writes it: `400001`, or with a type that the text does not name. */
export type TagText = string | readonly [text: string, type: ValueType, order?: WordOrder];

export function bind(texts: readonly TagText[], device: ModbusSettings): TagBinding<unknown>[] {
  return texts.map((tag, index) => {
    const [text, type, order] = typeof tag === 'string' ? [tag] : tag;
    const parsed = modbus.parseAddress(text, device);
    const recipe = modbus.recipe(
      { type: type ?? parsed.type ?? 'uint16', order: order ?? parsed.order, scaling: null, unit: null },
      parsed.address,
      device,
    );
    return { index, address: parsed.address, recipe };
  });
}

export interface Rig {
  readonly connection: PollConnection;
  readonly sink: SampleCollector;
  readonly context: ReturnType<typeof createDriverContext>;
  plan(texts: readonly TagText[], deviceId?: string): ReturnType<PollConnection['plan']>;
  /** One poll; the collector holds only its samples afterwards. */
  poll(plan: ReturnType<PollConnection['plan']>, signal?: AbortSignal): Promise<SampleCollector>;
}

/** A connected driver over one or several devices, named d1, d2 ... in the order given. */
export async function connectRig(
  port: number,
  devices: readonly ModbusSettings[] = [fast()],
  change: Partial<DriverContext> = {},
  settings: object = {},
): Promise<Rig> {
  const driver = findProtocol('modbus');
  if (driver === undefined) throw new Error('The Modbus driver is not in the array.');
  const context = createDriverContext(change);
  const sink = createCollector();
  const named = new Map(devices.map((device, index) => [`d${index + 1}`, device]));
  const connection = await driver.connect(linkTo(port, settings), named, context, new AbortController().signal);
  if (connection.mode !== 'poll') throw new Error('Modbus is polled.');
  return {
    connection,
    sink,
    context,
    plan: (texts, deviceId = 'd1') => connection.plan(deviceId, bind(texts, named.get(deviceId) ?? fast())),
    async poll(plan, signal = new AbortController().signal) {
      sink.clear();
      await connection.poll(plan, sink, signal);
      return sink;
    },
  };
}
