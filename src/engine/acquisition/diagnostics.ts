import type { NewRuntimeTag, RuntimeTag, TagTable } from '#engine/live/index.ts';
import { type ConnectionStatus, type LinkState, PLAIN_RECIPE, QUALITY, type UnixMicros } from '#shared/model/index.ts';
import type { ResolvedConnection } from './bindings.ts';
import type { BlockBuilder } from './block-builder.ts';

// The health of links as tags, so that it can be recorded, drawn beside the values and put under alarm.

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

/** The tags of one connection with its devices and the periods in use; `ownClocks` are devices whose times are used. */
export function diagnosticTags(
  connection: ResolvedConnection,
  periodsMs: readonly number[],
  ownClocks: ReadonlySet<string>,
): NewRuntimeTag[] {
  const { id, name, demo } = connection.document;
  const tag = (tagId: string, path: string, deviceId: string, meaning: Meaning): NewRuntimeTag => ({
    id: `${tagId}-${meaning.suffix}`,
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
    tag(`diag-${id}`, name, '', STATE),
    ...periodsMs.flatMap((periodMs) =>
      group.map((meaning) => tag(`diag-${id}-${periodMs}ms`, `${name} / ${periodMs} ms`, '', meaning)),
    ),
    ...connection.devices.flatMap((spec) =>
      [...device, ...(ownClocks.has(spec.id) ? [CLOCK] : [])].map((meaning) =>
        tag(`diag-${id}-${spec.id}`, `${name} / ${spec.name}`, spec.id, meaning),
      ),
    ),
  ];
}

/** One sample of every diagnostic tag; what has not been measured yet is bad with "no data". */
export function sampleDiagnostics(
  statuses: readonly ConnectionStatus[],
  clockOffsetsMs: ReadonlyMap<string, number>,
  table: TagTable,
  builder: BlockBuilder,
  now: UnixMicros,
): void {
  const put = (id: string, value: number | null): void => {
    const tag: RuntimeTag | undefined = table.byId(id);
    if (tag === undefined) return;
    builder.push(tag.index, now, now, value ?? Number.NaN, value === null ? QUALITY.badNoData : QUALITY.good);
  };
  for (const status of statuses) {
    const prefix = `diag-${status.connectionId}`;
    put(`${prefix}-state`, STATE_NUMBERS[status.state]);
    for (const line of status.groups) {
      put(`${prefix}-${line.periodMs}ms-rate`, line.actualHz);
      put(`${prefix}-${line.periodMs}ms-overruns`, line.overruns);
    }
    for (const line of status.devices) {
      const at = `${prefix}-${line.deviceId}`;
      put(`${at}-state`, STATE_NUMBERS[line.state]);
      put(`${at}-response`, line.responseMs);
      put(`${at}-requests`, line.requests);
      put(`${at}-errors`, line.errors);
      put(`${at}-timeouts`, line.timeouts);
      put(`${at}-clock`, clockOffsetsMs.get(line.deviceId) ?? null);
    }
  }
  builder.closeSoon();
}
