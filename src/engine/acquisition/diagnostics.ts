import type { NewRuntimeTag, RuntimeTag, TagTable } from '#engine/live/index.ts';
import { type ConnectionStatus, type LinkState, PLAIN_RECIPE, QUALITY, type UnixMicros } from '#shared/model/index.ts';
import type { ResolvedConnection } from './bindings.ts';
import type { BlockBuilder } from './block-builder.ts';

// The health of links as tags, so that it can be recorded, drawn beside the values and put under alarm. Their ids are
// joined by dots, which ids of documents can't hold: no two of them are alike, and none is a document's.
//   diag.<connection>.state
//   diag.<connection>.<period>ms.<rate or overruns>
//   diag.<connection>.<device>.<state, response, requests, errors, timeouts or clock>
const idOf = (...parts: readonly string[]): string => ['diag', ...parts].join('.');

/** Numbers of the state tags: larger is better. */
export const STATE_NUMBERS: Readonly<Record<LinkState, number>> = {
  disabled: 0,
  lost: 1,
  connecting: 2,
  degraded: 3,
  running: 4,
};

export const DIAGNOSTICS_PERIOD_MS = 1_000;

interface Meaning {
  readonly suffix: string;
  readonly name: string;
  readonly description: string;
  readonly unit: string | null;
  readonly decimals: number;
}

const STATE: Meaning = {
  suffix: 'state',
  name: 'state',
  description: '0 disabled, 1 lost, 2 connecting, 3 degraded, 4 running',
  unit: null,
  decimals: 0,
};
const device: readonly Meaning[] = [
  STATE,
  { suffix: 'response', name: 'response time', description: 'Mean time per request', unit: 'ms', decimals: 2 },
  { suffix: 'requests', name: 'requests', description: 'Requests sent since the start', unit: null, decimals: 0 },
  { suffix: 'errors', name: 'errors', description: 'Reads with errors since the start', unit: null, decimals: 0 },
  {
    suffix: 'timeouts',
    name: 'time-outs',
    description: 'Reads without an answer since the start',
    unit: null,
    decimals: 0,
  },
];
const CLOCK: Meaning = {
  suffix: 'clock',
  name: 'clock offset',
  description:
    "Time of the device's samples minus the time of this computer on receipt; negative: behind, or under way",
  unit: 'ms',
  decimals: 1,
};
const group: readonly Meaning[] = [
  { suffix: 'rate', name: 'actual rate', description: 'Reads per second', unit: 'Hz', decimals: 2 },
  { suffix: 'overruns', name: 'overruns', description: 'Ticks missed since the start', unit: null, decimals: 0 },
];

/** The tags of one connection with its devices and the periods in use; `ownClocks` are devices that date what they send. */
export function diagnosticTags(
  connection: ResolvedConnection,
  periodsMs: readonly number[],
  ownClocks: ReadonlySet<string>,
): NewRuntimeTag[] {
  const { id, name, demo } = connection.document;
  const tag = (place: readonly string[], path: string, deviceId: string, meaning: Meaning): NewRuntimeTag => ({
    id: idOf(...place, meaning.suffix),
    name: `${path} / ${meaning.name}`,
    description: meaning.description,
    kind: 'diagnostic',
    connectionId: id,
    deviceId,
    address: meaning.suffix,
    wire: 'measured by ParX',
    unit: meaning.unit,
    decimals: meaning.decimals,
    range: meaning === STATE ? { low: 0, high: 4 } : null,
    periodMs: DIAGNOSTICS_PERIOD_MS,
    timeKind: 'receive',
    demo,
    enabled: true,
    type: 'float64',
    recipe: { ...PLAIN_RECIPE, unit: meaning.unit },
    problem: null,
  });
  return [
    tag([id], name, '', STATE),
    ...periodsMs.flatMap((periodMs) =>
      group.map((meaning) => tag([id, `${periodMs}ms`], `${name} / ${periodMs} ms`, '', meaning)),
    ),
    ...connection.devices.flatMap((spec) =>
      [...device, ...(ownClocks.has(spec.id) ? [CLOCK] : [])].map((meaning) =>
        tag([id, spec.id], `${name} / ${spec.name}`, spec.id, meaning),
      ),
    ),
  ];
}

/** One sample of every diagnostic tag; what has not been measured yet is bad with "no data". */
export function sampleDiagnostics(
  statuses: readonly ConnectionStatus[],
  table: TagTable,
  builder: BlockBuilder,
  now: UnixMicros,
): void {
  const put = (id: string, value: number | null): void => {
    const tag: RuntimeTag | undefined = table.byId(id);
    if (tag === undefined) return;
    builder.push(tag.index, now, now, value ?? Number.NaN, value === null ? QUALITY.badNoData : QUALITY.good);
  };
  for (const { connectionId: link, state, groups, devices } of statuses) {
    put(idOf(link, 'state'), STATE_NUMBERS[state]);
    for (const line of groups) {
      put(idOf(link, `${line.periodMs}ms`, 'rate'), line.actualHz);
      put(idOf(link, `${line.periodMs}ms`, 'overruns'), line.overruns);
    }
    for (const line of devices) {
      put(idOf(link, line.deviceId, 'state'), STATE_NUMBERS[line.state]);
      put(idOf(link, line.deviceId, 'response'), line.responseMs);
      put(idOf(link, line.deviceId, 'requests'), line.requests);
      put(idOf(link, line.deviceId, 'errors'), line.errors);
      put(idOf(link, line.deviceId, 'timeouts'), line.timeouts);
      put(idOf(link, line.deviceId, 'clock'), line.clockAheadMs);
    }
  }
  builder.closeSoon();
}
