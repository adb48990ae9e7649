import type {
  DriverContext,
  ScanArea,
  ScanFound,
  ScanProgress,
  ScanRange,
  SharedLink,
} from '#engine/protocols/protocol.ts';
import { AppError } from '#shared/errors.ts';
import { formatAddress, type ModbusAddress } from './address.ts';
import { askUnit, isGateway, silentUnit } from './ask.ts';
import { linkOf, unitOf } from './connection.ts';
import { EXCEPTION, exceptionAdvice, exceptionText } from './exceptions.ts';
import type { PlainAnswer } from './link.ts';
import { isBitTable, TABLE_SIZE, type Table, tableName, tables } from './table.ts';

export const scanAreas: readonly ScanArea[] = [
  { id: 'holding', title: 'Holding registers', places: TABLE_SIZE },
  { id: 'input', title: 'Input registers', places: TABLE_SIZE },
  { id: 'coil', title: 'Coils', places: TABLE_SIZE },
  { id: 'discrete', title: 'Discrete inputs', places: TABLE_SIZE },
];

/** In a refused block one place of so many is tried on its own, unless every place is to be looked at. */
const STRIDE = 16;
/** Requests of an area that may stay unanswered by a device that answers others: each costs a time-out. */
const MOST_SILENT = 8;
/** Values shown of what was found. */
const SHOWN = 8;
/** Runs that are listed; a device with more gives each place by itself, and the range tells it. */
const MOST_FOUND = 2000;
const YIELD_MS = 150;
/** Least pause between two requests, whatever the settings: the scan is nobody's first purpose. */
const PAUSE_MS = 2;

interface Run {
  readonly table: Table;
  first: number;
  last: number;
  values: readonly number[];
}

/** Ends the look through one area; the sentence becomes a note. */
class AreaOver extends Error {}

/**
 * Reads in the largest blocks that the unit's settings allow. What is refused is searched: at places spread over it, or
 * by halving down to each place. Between two requests the polls of the link have their turn.
 */
export async function* scanModbus(
  target: { readonly deviceId: string; readonly ranges: readonly ScanRange[]; readonly every: boolean },
  context: DriverContext,
  signal: AbortSignal,
  shared: SharedLink<ModbusAddress>,
): AsyncGenerator<ScanProgress> {
  const { clock } = context;
  const runs: Run[] = [];
  const notes: string[] = [];
  const total = target.ranges.reduce((sum, range) => sum + range.last - range.first + 1, 0);
  let requests = 0;
  let passed = 0;
  /** Somewhere that the unit answers for: the proof that it is there when something else stays unanswered. */
  let sound: { readonly table: Table; readonly offset: number } | null = null;
  let silent = 0;
  let gone: AppError | null = null;

  const ask = async (table: Table, offset: number, count: number): Promise<PlainAnswer> => {
    const began = clock.monotonicMs();
    const answer = await shared.run(async (connection): Promise<PlainAnswer> => {
      const link = linkOf(connection);
      const unit = unitOf(connection, target.deviceId);
      if (link === undefined || unit === undefined) throw new Error(`No unit for the device ${target.deviceId}.`);
      const found = await askUnit(unit, link, clock, { table, offset, count }, signal);
      if (found.kind === 'silent') gone = silentUnit(link, unit.settings, found.reason);
      return found.kind === 'data' ? { kind: 'data', bytes: Uint8Array.from(found.bytes) } : found;
    }, signal);
    requests++;
    // Half of the time is left to others who talk to this device.
    await clock.sleep(Math.min(1000, Math.max(PAUSE_MS, clock.monotonicMs() - began)), signal);
    return answer;
  };

  const limits = await shared.run(async (connection) => {
    const unit = unitOf(connection, target.deviceId);
    if (unit === undefined) {
      throw new AppError('config.invalid', 'The settings of this device are not valid. Correct them first.', {
        details: { issues: [{ path: 'device', message: 'The settings are not valid.' }] },
      });
    }
    return { forbidden: unit.forbidden, registers: unit.settings.maxRegisters, bits: unit.settings.maxBits };
  }, signal);

  /** True if all of it could be read; then it is kept. */
  const read = async (table: Table, first: number, last: number): Promise<boolean> => {
    if (limits.forbidden[table].some((range) => range.first <= last && range.last >= first)) return false;
    const count = last - first + 1;
    const answer = await ask(table, first, count);
    if (answer.kind === 'data') {
      sound = { table, offset: first };
      keep(table, first, last, answer.bytes);
      return true;
    }
    if (answer.kind === 'exception') {
      if (isGateway(answer.code)) {
        throw new AppError(
          'protocol.device-exception',
          `The gateway answers ${exceptionText(answer.code)}. ${exceptionAdvice(answer.code)}`,
          { details: { code: answer.code } },
        );
      }
      if (answer.code === EXCEPTION.illegalFunction) {
        throw new AreaOver(`The device has no ${tables[table].words}s (${exceptionText(answer.code)}).`);
      }
      sound ??= { table, offset: first };
      return false;
    }
    if (answer.kind === 'silent') await onSilence(table);
    return false;
  };

  const onSilence = async (table: Table): Promise<void> => {
    silent++;
    const proof = sound === null ? null : await ask(sound.table, sound.offset, 1);
    if (proof?.kind === 'silent' || (proof === null && silent > 1)) throw gone!;
    if (proof !== null && silent >= MOST_SILENT) {
      throw new AreaOver(
        `The device leaves requests for ${tables[table].words}s unanswered where it has none; the rest of them was not looked at. Scan a smaller range.`,
      );
    }
  };

  const keep = (table: Table, first: number, last: number, bytes: Uint8Array): void => {
    const bits = isBitTable(table);
    const values = Array.from({ length: Math.min(SHOWN, last - first + 1) }, (_, i) =>
      bits ? (bytes[i >> 3]! >> (i & 7)) & 1 : (bytes[2 * i]! << 8) | bytes[2 * i + 1]!,
    );
    const before = runs.find((run) => run.table === table && first <= run.last + 1 && last >= run.first);
    if (before === undefined) {
      runs.push({ table, first, last, values });
      return;
    }
    if (first < before.first || (first === before.first && values.length > before.values.length)) {
      before.first = first;
      before.values = values;
    }
    // What is known of the beginning grows with each part that joins it.
    const known = before.first + before.values.length - first;
    if (known >= 0) before.values = [...before.values, ...values.slice(known)].slice(0, SHOWN);
    before.last = Math.max(before.last, last);
  };

  /** The last place up to which everything from a readable one on can be read. */
  const extend = async (table: Table, from: number, last: number): Promise<number> => {
    let readable = from;
    let refused = last + 1;
    while (refused - readable > 1) {
      const middle = (readable + refused) >> 1;
      if (await read(table, from, middle)) readable = middle;
      else refused = middle;
    }
    return readable;
  };

  /** The first place from which everything up to a readable one can be read. */
  const extendBack = async (table: Table, first: number, from: number): Promise<void> => {
    let readable = from;
    let refused = first - 1;
    while (readable - refused > 1) {
      const middle = (readable + refused) >> 1;
      if (await read(table, middle, from)) readable = middle;
      else refused = middle;
    }
  };

  const halve = async (table: Table, first: number, last: number): Promise<void> => {
    if (first === last) return;
    const middle = (first + last) >> 1;
    if (!(await read(table, first, middle))) await halve(table, first, middle);
    if (!(await read(table, middle + 1, last))) await halve(table, middle + 1, last);
  };

  /** Looks through a refused block; gives the most places that went in one request, where that seems to be the reason. */
  const search = async (table: Table, first: number, last: number): Promise<number> => {
    let from = first;
    let most = Number.POSITIVE_INFINITY;
    for (let at = first; at <= last; at += at % STRIDE === 0 ? STRIDE : STRIDE - (at % STRIDE)) {
      if (at < from || !(await read(table, at, at))) continue;
      await extendBack(table, from, at);
      for (let start = at; start <= last; ) {
        const end = await extend(table, start, last);
        const length = end - start + 1;
        from = end + 2;
        start = end + 1;
        if (start > last || !(await read(table, start, start))) break;
        // What begins where the last request ended was refused for its length only.
        most = Math.min(most, length);
      }
    }
    return most;
  };

  const progress = (says: string): ScanProgress => ({
    done: total === 0 ? 1 : Math.min(1, passed / total),
    requests,
    says,
    found: [...runs].sort(byPlace).slice(0, MOST_FOUND).map(foundOf),
    notes: [...notes],
  });

  let shownMs = Number.NEGATIVE_INFINITY;
  for (const range of target.ranges) {
    const table = tableName.parse(range.area);
    const end = Math.min(range.last, TABLE_SIZE - 1);
    let block = isBitTable(table) ? limits.bits : limits.registers;
    silent = 0;
    const before = passed;
    try {
      for (let first = range.first; first <= end; ) {
        const last = Math.min(end, first + block - 1);
        if (clock.monotonicMs() - shownMs >= YIELD_MS) {
          shownMs = clock.monotonicMs();
          yield progress(`Looking at ${tables[table].words}s from ${addressText(table, first)} on.`);
        }
        if (!(await read(table, first, last))) {
          if (target.every) await halve(table, first, last);
          else {
            const most = await search(table, first, last);
            if (most < block) {
              block = Math.max(1, most);
              notes.push(`The device gives at most ${block} ${tables[table].words}s in one request.`);
            }
          }
        }
        passed += last - first + 1;
        first = last + 1;
      }
    } catch (error) {
      if (!(error instanceof AreaOver)) throw error;
      notes.push(error.message);
    }
    passed = before + range.last - range.first + 1;
  }
  const places = runs.reduce((sum, run) => sum + run.last - run.first + 1, 0);
  yield progress(
    runs.length === 0
      ? 'Nothing could be read in these ranges. Try others, or look at every place.'
      : `Done: ${places} places in ${runs.length} ${runs.length === 1 ? 'range' : 'ranges'} can be read.`,
  );
}

const addressText = (table: Table, offset: number): string => formatAddress({ table, offset, bit: null, length: null });

const order: readonly Table[] = ['holding', 'input', 'coil', 'discrete'];
const byPlace = (a: Run, b: Run): number => order.indexOf(a.table) - order.indexOf(b.table) || a.first - b.first;

function foundOf({ table, first, last, values }: Run): ScanFound {
  return {
    area: table,
    first,
    last,
    from: addressText(table, first),
    to: addressText(table, last),
    type: isBitTable(table) ? 'bit' : 'uint16',
    values,
  };
}
