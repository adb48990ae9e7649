import type { ValueType } from '#shared/model/index.ts';
import type { ProducedExchange } from './egd/index.ts';
import type { MillState } from './mill/state.ts';
import { type MillPoint, millPoint } from './mill-map.ts';

/** A value of the line as a place in one of the simulated producer's exchanges. */
export interface EgdPoint {
  readonly name: string;
  readonly exchange: MillExchange;
  /** Byte in the data, from 0. */
  readonly offset: number;
  /** Of that byte, 0 = least significant; null for whole values. */
  readonly bit: number | null;
  /** Bytes that a text takes; null for numbers. */
  readonly textBytes: number | null;
  readonly type: ValueType;
  readonly point: MillPoint;
}

/** Two exchanges of one producer, the second in the other byte order, as found where controllers of two makes meet. */
export const MILL_EXCHANGES = {
  line: { id: 1, name: 'Line exchange', periodMs: 50, bytes: 76, order: 'DCBA' },
  media: { id: 2, name: 'Media exchange', periodMs: 500, bytes: 36, order: 'ABCD' },
} as const;
export type MillExchange = keyof typeof MILL_EXCHANGES;

/** In the header of every production: the producer need not have the address it sends from. */
export const MILL_PRODUCER = '127.0.0.1';
/** Version 1.0 of the exchange's layout: major and minor byte. */
export const MILL_SIGNATURE = 0x0100;

const within =
  (exchange: MillExchange) =>
  (
    offset: number,
    type: ValueType,
    name: string,
    id: string,
    extra: Partial<Pick<EgdPoint, 'bit' | 'textBytes'>> = {},
  ): EgdPoint => ({ bit: null, textBytes: null, ...extra, name, exchange, offset, type, point: millPoint(id) });
const line = within('line');
const media = within('media');

export const egdPoints: readonly EgdPoint[] = [
  line(0, 'float32', 'Line.Speed', 'strip-speed'),
  line(4, 'float32', 'Line.ExitThickness', 'exit-thickness'),
  line(8, 'float32', 'Line.Deviation', 'thickness-deviation'),
  line(12, 'float32', 'Stands[0].Force', 's1-force'),
  line(16, 'float32', 'Stands[1].Force', 's2-force'),
  line(20, 'float32', 'Stands[2].Force', 's3-force'),
  line(24, 'float32', 'Stands[3].Force', 's4-force'),
  line(28, 'float32', 'CoilerTension', 'coiler-tension'),
  line(32, 'float32', 'EntryTension', 'bridle-tension'),
  line(36, 'float32', 'WeldPosition', 'weld-position'),
  line(40, 'uint32', 'Coil.Number', 'coil-number'),
  line(44, 'uint16', 'LineState', 'line-state'),
  line(46, 'uint16', 'StatusWord', 'status-word'),
  line(46, 'bit', 'Line.Running', 'running', { bit: 1 }),
  line(46, 'bit', 'Line.StripPresent', 'strip-present', { bit: 5 }),
  line(47, 'bit', 'Line.Heartbeat', 'heartbeat', { bit: 7 }),
  line(48, 'uint64', 'TotalLength', 'total-length'),
  line(56, 'string', 'Coil.Id', 'coil-id', { textBytes: 20 }),
  media(0, 'float32', 'HydraulicPressure', 'hydraulic-pressure'),
  media(4, 'float32', 'CoolantFlow', 'coolant-flow'),
  media(8, 'float32', 'CoolantTemperature', 'coolant-tank-temperature'),
  media(12, 'float32', 'CoolantLevel', 'coolant-tank-level'),
  media(16, 'float32', 'OilTemperature', 'oil-temperature'),
  media(20, 'float32', 'BearingTemperature', 'bearing-temperature'),
  media(24, 'float64', 'Coil.Weight', 'coil-weight'),
  media(32, 'bit', 'CoolantPump', 'coolant-pump', { bit: 0 }),
  media(32, 'bit', 'HydraulicPump', 'hydraulic-pump', { bit: 1 }),
];

export function createMillExchanges(): Readonly<Record<MillExchange, ProducedExchange>> {
  const make = (which: MillExchange): ProducedExchange => {
    const { id, periodMs, bytes } = MILL_EXCHANGES[which];
    return { id, periodMs, data: Buffer.alloc(bytes), signature: MILL_SIGNATURE };
  };
  return { line: make('line'), media: make('media') };
}

/** Writes the state of the line into the data of its exchanges. */
export function writeMillExchanges(
  state: MillState,
  exchanges: Readonly<Record<MillExchange, ProducedExchange>>,
): void {
  for (const { exchange, offset, bit, textBytes, type, point } of egdPoints) {
    const { data } = exchanges[exchange];
    const value = point.read(state);
    const little = MILL_EXCHANGES[exchange].order === 'DCBA';
    if (bit !== null) {
      const mask = 1 << bit;
      data[offset] = Number(value) !== 0 ? data[offset]! | mask : data[offset]! & ~mask;
    } else if (textBytes !== null) {
      data.fill(0, offset, offset + textBytes);
      data.write(String(value), offset, textBytes, 'latin1');
    } else {
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      if (type === 'float32') view.setFloat32(offset, Number(value), little);
      else if (type === 'float64') view.setFloat64(offset, Number(value), little);
      else if (type === 'uint64') view.setBigUint64(offset, BigInt(value), little);
      else if (type === 'uint32') view.setUint32(offset, Number(value), little);
      else view.setUint16(offset, Number(value), little);
    }
  }
}
