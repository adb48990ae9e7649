import { afterEach, expect } from 'vitest';
import {
  type AcquiredDocuments,
  type Acquisition,
  createAcquisition,
  type GapNotice,
} from '#engine/acquisition/index.ts';
import { createLive, createTagTable, type LatestValue, type Live, type TagTable } from '#engine/live/index.ts';
import { type Clock, createLogger, type LogLine } from '#engine/platform/index.ts';
import type { ProtocolDriver } from '#engine/protocols/index.ts';
import {
  type ConnectionDocument,
  type ConnectionStatus,
  type DeviceDocument,
  QUALITY,
  type TagDocument,
} from '#shared/model/index.ts';
import { makeConnection, makeDevice, makeTag } from '#test/support/documents.ts';
import { createFakeClock, type FakeClock } from '#test/support/fake-clock.ts';
import { createPlant, type Plant, type Plants, pollDriver, pushDriver } from './plant.ts';

/** One sample as it left acquisition. */
export interface Delivered {
  readonly id: string;
  readonly time: number;
  readonly received: number;
  readonly value: number;
  readonly quality: number;
}

export interface Rig {
  readonly acquisition: Acquisition;
  readonly live: Live;
  readonly table: TagTable;
  readonly plants: Plants;
  readonly samples: Delivered[];
  readonly gaps: GapNotice[];
  readonly log: LogLine[];
  readonly texts: string[];
  plant(name: string): Plant;
  latest(id: string): LatestValue;
  link(id: string): ConnectionStatus;
  of(id: string): Delivered[];
}

export interface RigOptions {
  readonly protocols?: readonly ProtocolDriver[];
  readonly backOff?: { readonly minMs: number; readonly maxMs: number };
  /** Keep every sample; off for large numbers. */
  readonly keep?: boolean;
}

/** Acquisition with live behind it and devices inside the test. */
export function createRig(clock: Clock, options: RigOptions = {}): Rig {
  const plants: Plants = new Map();
  const samples: Delivered[] = [];
  const gaps: GapNotice[] = [];
  const log: LogLine[] = [];
  const texts: string[] = [];
  const table = createTagTable();
  const live = createLive({ clock, table, textOf: (index) => texts[index] });
  const acquisition = createAcquisition({
    clock,
    log: createLogger((line) => log.push(line)),
    protocols: options.protocols ?? [pollDriver(plants), pushDriver(plants)],
    table,
    intern(text) {
      const known = texts.indexOf(text);
      return known >= 0 ? known : texts.push(text) - 1;
    },
    deliver(block) {
      live.accept(block);
      if (options.keep === false) return;
      for (let i = 0; i < block.length; i++) {
        samples.push({
          id: table.byIndex(block.tag[i]!)?.id ?? '',
          time: block.time[i]!,
          received: (block.received ?? block.time)[i]!,
          value: block.value[i]!,
          quality: block.quality[i]!,
        });
      }
    },
    onGap: (gap) => gaps.push(gap),
    backOff: options.backOff ?? { minMs: 200, maxMs: 1_000 },
    random: () => 0.5,
  });
  return {
    acquisition,
    live,
    table,
    plants,
    samples,
    gaps,
    log,
    texts,
    plant(name) {
      let plant = plants.get(name);
      if (plant === undefined) {
        plant = createPlant();
        plants.set(name, plant);
      }
      return plant;
    },
    latest(id) {
      const value = live.latest(id);
      if (value === undefined) throw new Error(`No sample of ${id} yet.`);
      return value;
    },
    link(id) {
      const status = acquisition.status().find((one) => one.connectionId === id);
      if (status === undefined) throw new Error(`No connection ${id}.`);
      return status;
    },
    of: (id) => samples.filter((sample) => sample.id === id),
  };
}

/** One connection `id` to the plant of the same name; `units` gives each unit's tags: address and period. */
export function documents(
  id: string,
  units: Readonly<Record<number, readonly (readonly [address: string, periodMs: number])[]>>,
  over: {
    readonly connection?: Partial<ConnectionDocument>;
    readonly device?: object;
    readonly tag?: Partial<TagDocument>;
  } = {},
): AcquiredDocuments {
  const connection = makeConnection({ id, name: id, protocol: 'poll', settings: { plant: id }, ...over.connection });
  const devices: DeviceDocument[] = [];
  const tags: TagDocument[] = [];
  for (const [unit, list] of Object.entries(units)) {
    const deviceId = `${id}-${unit}`;
    devices.push(
      makeDevice({
        id: deviceId,
        connectionId: id,
        name: `Unit ${unit}`,
        settings: { unit: Number(unit), ...over.device },
      }),
    );
    for (const [address, periodMs] of list) {
      tags.push(
        makeTag({
          id: `${deviceId}-${address}`,
          deviceId,
          name: `${deviceId} ${address}`,
          address,
          periodMs,
          type: 'float64',
          ...over.tag,
        }),
      );
    }
  }
  return { connections: [connection], devices, tags };
}

export function merge(...parts: readonly AcquiredDocuments[]): AcquiredDocuments {
  return {
    connections: parts.flatMap((part) => part.connections),
    devices: parts.flatMap((part) => part.devices),
    tags: parts.flatMap((part) => part.tags),
  };
}

/** A rig on a fake clock, for the test that calls for one; after each test it is stopped and nothing may be left. */
export interface Stage {
  fresh(options?: RigOptions): { readonly clock: FakeClock; readonly rig: Rig; readonly good: (id: string) => boolean };
}

export function createStage(): Stage {
  let current: { readonly clock: FakeClock; readonly rig: Rig } | null = null;
  afterEach(async () => {
    if (current === null) return;
    const { clock, rig } = current;
    current = null;
    const stopped = rig.acquisition.stop();
    await clock.advance(3_000);
    await stopped;
    for (const plant of rig.plants.values()) expect(plant.links.size, 'links that are still open').toBe(0);
    expect(clock.pending, 'timers that are still armed').toBe(0);
  });
  return {
    fresh(options) {
      const clock = createFakeClock();
      const rig = createRig(clock, options);
      current = { clock, rig };
      return { clock, rig, good: (id) => rig.latest(id).quality === QUALITY.good };
    },
  };
}
