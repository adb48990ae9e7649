import type { TagBinding } from '#engine/protocols/protocol.ts';
import type { ModbusAddress } from './address.ts';
import { type ModbusConfig, type ModbusDevice, parseRange } from './config.ts';
import { type BlockDecoder, createBlockDecoder, type PlannedTag, planTag } from './decode.ts';
import { HEADER_BYTES } from './frame-reader.ts';
import { type Block, type PlanLimits, planBlocks, type Run } from './planner.ts';
import { createRefusals, type Refusal, type Refusals } from './refusals.ts';
import { CRC_BYTES } from './rtu-frame.ts';
import { isBitTable, type Table, tableName } from './table.ts';

/** A unit on the link, with what is known about it since the link was made. */
export interface Unit {
  readonly settings: ModbusDevice;
  readonly forbidden: Readonly<Record<Table, readonly Run[]>>;
  readonly refusals: Refusals;
  /** Left a request unanswered: before a whole poll is tried, one tag is asked for. */
  suspect: boolean;
  /** Counts such questions, so that each time another tag is asked for. */
  questions: number;
  /** Polls in a row in which a block was answered by an exception that may pass, by table and place. */
  readonly failing: Map<string, number>;
  /** Monotonic time of the end of the last request. */
  idleSince: number;
}

export interface Request {
  readonly table: Table;
  readonly block: Block;
  readonly decode: BlockDecoder;
}

export interface ReadPlan {
  readonly unit: Unit;
  readonly tags: readonly PlannedTag[];
  readonly requests: readonly Request[];
  /** Tags that the unit is known to refuse. */
  readonly refused: readonly { readonly tag: PlannedTag; readonly refusal: Refusal }[];
  /** Tags that the device's settings do not allow to read. */
  readonly unreadable: readonly PlannedTag[];
  readonly revision: number;
}

export function createUnit(settings: ModbusDevice): Unit {
  const forbidden: Record<Table, Run[]> = { coil: [], discrete: [], input: [], holding: [] };
  for (const text of settings.forbidden) {
    const range = parseRange(text, settings);
    forbidden[range.table].push(range);
  }
  return {
    settings,
    forbidden,
    refusals: createRefusals(),
    suspect: false,
    questions: 0,
    failing: new Map(),
    idleSince: Number.NEGATIVE_INFINITY,
  };
}

export interface TagTable {
  readonly table: Table;
  readonly tags: readonly PlannedTag[];
}

/** Tags by table; a tag's `item` counts through all of them. */
export function sortTags(bindings: readonly TagBinding<ModbusAddress>[]): {
  readonly tags: readonly PlannedTag[];
  readonly byTable: readonly TagTable[];
} {
  const tags = bindings.map((binding, item) => planTag(binding, item));
  const byTable = tableName.options.map((table) => ({
    table,
    tags: tags.filter((tag) => bindings[tag.item]?.address.table === table),
  }));
  return { tags, byTable };
}

/** The requests under the unit's limits and under what it is known to refuse. */
export function createReadPlan(unit: Unit, tags: readonly PlannedTag[], byTable: readonly TagTable[]): ReadPlan {
  const { settings, refusals } = unit;
  const requests: Request[] = [];
  const refused: { tag: PlannedTag; refusal: Refusal }[] = [];
  const unreadable: PlannedTag[] = [];
  for (const { table, tags: candidates } of byTable) {
    const bits = isBitTable(table);
    const wanted: PlannedTag[] = [];
    for (const tag of candidates) {
      const refusal = refusals.of(table, tag);
      if (refusal === undefined) wanted.push(tag);
      else refused.push({ tag, refusal });
    }
    const limits: PlanLimits = {
      max: Math.min(bits ? settings.maxBits : settings.maxRegisters, refusals.longest(table)),
      maxGap: bits ? settings.maxGapBits : settings.maxGapRegisters,
      forbidden: unit.forbidden[table],
      barriers: refusals.barriers(table),
    };
    for (const group of settings.oneValuePerRequest ? groupByPlace(wanted) : [wanted]) {
      const plan = planBlocks(group, limits);
      for (const span of plan.unreadable) unreadable.push(tags[span.item]!);
      for (const block of plan.blocks) requests.push({ table, block, decode: createBlockDecoder(block, tags) });
    }
  }
  return { unit, tags, requests, refused, unreadable, revision: refusals.revision };
}

/** Tags at the same place go with one request even where each value has its own. */
function groupByPlace(tags: readonly PlannedTag[]): PlannedTag[][] {
  const groups = new Map<string, PlannedTag[]>();
  for (const tag of [...tags].sort((a, b) => a.offset - b.offset || a.count - b.count)) {
    const key = `${tag.offset} ${tag.count}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [tag]);
    else group.push(tag);
  }
  return [...groups.values()];
}

/** Bytes of all requests and answers; around unit, function and data Modbus TCP has a header, RTU a checksum. */
export function planBytes(plan: ReadPlan, framing: ModbusConfig['framing'] = 'tcp'): number {
  const around = framing === 'tcp' ? HEADER_BYTES : CRC_BYTES;
  let bytes = 0;
  for (const { table, block } of plan.requests) {
    const data = isBitTable(table) ? Math.ceil(block.count / 8) : block.count * 2;
    bytes += around + 6 + around + 3 + data;
  }
  return bytes;
}
