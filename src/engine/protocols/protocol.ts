import type { z } from 'zod';
import type { Clock, Logger, Network } from '#engine/platform/index.ts';
import type {
  DecodeRecipe,
  Quality,
  TagDocument,
  TestStep,
  TimeKind,
  UnixMicros,
  ValueType,
  WordOrder,
} from '#shared/model/index.ts';

export {
  climb,
  climbNetwork,
  connectFinding,
  type Finding,
  hexText,
  type Ladder,
  missingAddress,
} from '#engine/platform/ladder.ts';
export { type Waiting, waitForAnswer } from './waiting.ts';

/**
 * The boundary between the engine and a protocol. A driver is thin: it turns bytes into samples and errors into
 * `AppError`s. Retry, back-off, time-outs around a whole call, overruns, statistics and Bad quality on loss belong to
 * acquisition's running driver; a driver has no timer and no reconnect loop of its own. A connection that the peer ends
 * in order, as its habit is, with nothing lost, may be made anew for the next request without telling.
 */
export interface DriverContext {
  readonly log: Logger;
  readonly clock: Clock;
  /** This computer's addresses, names, routes and TCP connections. */
  readonly network: Network;
  /** Raw bytes for the trace; null while nobody looks, so that drivers need not build anything. */
  readonly trace: ((direction: 'sent' | 'received', bytes: Uint8Array) => void) | null;
}

/**
 * Where decoded samples go. Values are stored forms as the tag's recipe says (see shared/model/recipe.ts). `time` is the
 * device's where it dates what it sends, and NaN where it was told but not dated; an answer is dated when it arrives.
 */
export interface SampleSink {
  /** Forms `number` and `bits`. A bad sample passes NaN and its quality. */
  push(tagIndex: number, time: UnixMicros, value: number, quality: Quality): void;
  /** Form `bits64`: two halves, big endian. */
  push64(tagIndex: number, time: UnixMicros, high: number, low: number, quality: Quality): void;
  /** Form `text`. */
  pushText(tagIndex: number, time: UnixMicros, text: string, quality: Quality): void;
}

export interface TagBinding<Address> {
  readonly index: number;
  readonly address: Address;
  readonly recipe: DecodeRecipe;
}

/** What one poll of a group of tags on one device costs; made without I/O. */
export interface PollPlan {
  readonly deviceId: string;
  readonly requests: number;
  /** Bytes on the wire, both directions, without TCP/IP headers. */
  readonly bytes: number;
  /** Least milliseconds from one request to the next that the settings ask for; left out: 0. */
  readonly spacingMs?: number;
  readonly tags: readonly number[];
}

/** What a device can be asked for. What is left out is empty, unknown or none. */
export interface BrowseNode {
  /** Means the same on the next connection. */
  readonly id: string;
  readonly name: string;
  /** What a tag of it is called, where the name alone does not say enough. */
  readonly fullName?: string;
  /** In the protocol's own words, with dimensions: "DINT[8]". */
  readonly typeName?: string;
  readonly description?: string;
  readonly hasChildren: boolean;
  /** Of the device document that it belongs to. */
  readonly deviceId?: string;
  /** As a tag has it; null for what only holds others. Always of a device. */
  readonly address: string | null;
  /** The type of a tag with this address. */
  readonly type?: ValueType;
  /** Bytes that `peek` gives for this node's id, to be looked at and mapped; `at` is the address of the first. */
  readonly bytes?: { readonly count: number; readonly at: string };
  /** A device that would have it, where none is configured: a name for it, and its settings. */
  readonly newDevice?: { readonly name: string; readonly settings: Readonly<Record<string, unknown>> };
}

export const BROWSE_PAGE = 500;

/** A part of a list of nodes; may be empty while there is more to ask before the first node is known. */
export interface BrowsePage {
  readonly nodes: readonly BrowseNode[];
  /** Entries found so far, also those that no page has brought yet. */
  readonly found: number;
}

/** Bytes as they came, for tools that read them in more than one way. The receiver owns them. */
export interface RawBytes {
  /** The time that a sample of these bytes would have. */
  readonly time: UnixMicros;
  readonly bytes: Uint8Array;
}

/** Where raw bytes begin: at an address of a device, or with the first byte of what a browsed node stands for. */
export type RawPlace<Address> = { readonly deviceId: string; readonly address: Address } | { readonly node: string };

interface Connection<Address> {
  /** What is unusual about the peer although its data flow, in sentences for people; null while nothing is. */
  notice?(): string | null;
  /**
   * Data have ceased to come by themselves, or adapters of this computer have come or gone: what was set up on them may
   * have gone with them and has to be set up anew. Called also where nothing of the kind is the case.
   */
  renew?(): void;
  /**
   * What lies under a node, null for the top, which is read anew. Each page is asked for in a turn of its own at the
   * link, so one page costs a few requests at most and holds at most `BROWSE_PAGE` nodes.
   */
  browse?(parent: string | null, signal: AbortSignal): AsyncIterable<BrowsePage>;
  /**
   * Raw bytes from a place on, at most `count`, fewer where there are fewer. A device that is asked is asked now; one
   * that tells gives the newest that was heard. Null where there is nothing: never heard, or no such node. Throws
   * `protocol.timeout`, `protocol.link-lost`, `protocol.bad-answer`, and `protocol.device-exception` where the device
   * refuses the place. To be called in a turn of the running link, as all else.
   */
  peek?(place: RawPlace<Address>, count: number, signal: AbortSignal): Promise<RawBytes | null>;
  /** May be called twice; resolves when sockets are gone. */
  close(): Promise<void>;
}

/** What a device's clock says, and what this computer's said at the same moment. */
export interface ClockReading {
  readonly device: UnixMicros;
  readonly here: UnixMicros;
}

/** The engine asks. The running driver serialises all calls on one link. */
export interface PollConnection<Address = unknown> extends Connection<Address> {
  readonly mode: 'poll';
  plan(deviceId: string, tags: readonly TagBinding<Address>[]): PollPlan;
  /**
   * Reads everything in the plan once and pushes one sample per tag, bad ones included. What the device refuses or
   * can't answer for a part of the plan becomes bad samples; a device that does not answer at all throws
   * `protocol.timeout`, a link that is gone throws `protocol.link-lost`.
   */
  poll(plan: PollPlan, sink: SampleSink, signal: AbortSignal): Promise<void>;
  /**
   * Reads the device's clock with one request, where the protocol has one to read. Null where this device gives none:
   * it is not asked again on this link. Throws as `poll` does.
   */
  readClock?(deviceId: string, signal: AbortSignal): Promise<ClockReading | null>;
}

/** The device tells. `listen` resolves when `signal` aborts and throws when the link is lost. */
export interface PushConnection<Address = unknown> extends Connection<Address> {
  readonly mode: 'push';
  listen(
    tags: readonly (TagBinding<Address> & { readonly deviceId: string })[],
    sink: SampleSink,
    signal: AbortSignal,
  ): Promise<void>;
}
export type ProtocolConnection<Address = unknown> = PollConnection<Address> | PushConnection<Address>;

/** Turn at a link that is running already: controllers allow few sockets, so a test uses the one there is. */
export interface SharedLink<Address = unknown> {
  run<T>(use: (connection: ProtocolConnection<Address>) => Promise<T>, signal: AbortSignal): Promise<T>;
}

export interface ParsedAddress<Address> {
  readonly address: Address;
  /** Given in the text itself (`HR100:f32`, `400010.3`), else null. */
  readonly type: ValueType | null;
  readonly order: WordOrder | null;
}

export interface AddressDescription {
  /** As stored and shown; parses to the same address whatever the device's settings are. */
  readonly canonical: string;
  /** Where it is on the wire, in words: "holding register, function 3, offset 99". */
  readonly wire: string;
}

/** What is to be cut out of raw bytes. `bit` counts within what one address holds, 0 = least significant. */
export interface RawValue {
  readonly type: ValueType;
  readonly bit: number | null;
  /** Characters of a string; null for all else. */
  readonly length: number | null;
}

/** A value among raw bytes. */
export interface RawPlaced {
  /** Negative for what begins before. */
  readonly offset: number;
  readonly bytes: number;
  readonly bit: number | null;
}

/** A part of a device that can be looked through: its places are counted as on the wire, from 0. */
export interface ScanArea {
  readonly id: string;
  /** "Holding registers" */
  readonly title: string;
  readonly places: number;
}

export interface ScanRange {
  readonly area: string;
  readonly first: number;
  readonly last: number;
}

/** A run of places that could be read. */
export interface ScanFound extends ScanRange {
  /** Addresses of the first and the last place, as tags have them. */
  readonly from: string;
  readonly to: string;
  /** Of a tag in the first place, unless it is known better. */
  readonly type: ValueType;
  /** What the first places held. */
  readonly values: readonly number[];
}

export interface ScanProgress {
  /** 0 to 1. */
  readonly done: number;
  readonly requests: number;
  /** What is looked at now, or how it ended. */
  readonly says: string;
  /** All found so far, in order. */
  readonly found: readonly ScanFound[];
  /** What was unusual, in sentences. */
  readonly notes: readonly string[];
}

// biome-ignore lint/suspicious/noExplicitAny: the family's array holds drivers of different settings
export interface ProtocolDriver<Config = any, Device = any, Address = any> {
  /** 'modbus' */
  readonly id: string;
  /** 'Modbus TCP' */
  readonly title: string;
  readonly version: string;
  /** One sentence for the catalogue. */
  readonly summary: string;
  /** One connection's settings; also draws the form (z.meta keys: title, help, unit, secret, group, empty, showIf, choicesFrom, choiceNames). */
  readonly config: z.ZodType<Config>;
  /** One device's settings behind the connection; also draws the form. */
  readonly device: z.ZodType<Device>;
  readonly address: z.ZodType<Address>;
  /** Examples of accepted notations with what they mean, for the address help. */
  readonly addressHelp: readonly { readonly text: string; readonly means: string }[];
  /** From sample.json: the single source of form defaults, README example and the contract suite's first settings. */
  readonly sample: { readonly config: Config; readonly device: Device; readonly address: string };
  /**
   * Bytes that lie between an address and the next number: 2 where addresses count registers, 1 where they count bytes.
   * Absent where each number is a value of its own, whatever its size.
   */
  readonly addressBytes?: number;
  /** Upper and lower case mean the same in its addresses. */
  readonly caseless?: boolean;
  readonly can: { readonly browse: boolean; readonly scan: boolean };
  /** Its connections are of mode `push`: nothing is asked, so there are no requests to show. */
  readonly tells?: boolean;
  /** Times that its devices can give a sample besides that of receipt; left out: none. */
  readonly ownTimes?: readonly Exclude<TimeKind, 'receive'>[];
  readonly valueTypes: readonly ValueType[];
  /** Name of a status number of this protocol's devices, as kept in the quality. */
  statusName(status: number): string | undefined;
  /** Bytes of the trace in plain words, a sentence for each frame in them; exceptions and the like by name. */
  explain?(direction: 'sent' | 'received', bytes: Uint8Array): readonly string[];
  /** What is at the other end, short: "192.168.0.10:502". */
  endpoint(config: Config): string;
  /** Throws `config.invalid` with a sentence that says what would be right. */
  parseAddress(text: string, device: Device): ParsedAddress<Address>;
  formatAddress(address: Address): string;
  describeAddress(address: Address, device: Device): AddressDescription;
  /**
   * The address of a value `bytes` behind where `from` begins (negative: before it); null where none can lie there. With
   * `peek` it makes a driver one whose bytes can be looked at and mapped; both are absent where devices name their values.
   */
  addressAt?(from: Address, bytes: number, value: RawValue, device: Device): Address | null;
  /** The other way round: where a value lies, in bytes from `from` on; null for one that has no place there. */
  placeOf?(from: Address, address: Address, type: ValueType): RawPlaced | null;
  /**
   * The settings under which an address that is typed as before lies one further on, or one before; null where the
   * settings do not say from where addresses count, or say so already.
   */
  recounted?(device: Device, shift: -1 | 1): Device | null;
  /** How values of this tag are stored and decoded; version 1, the caller counts versions. Throws `config.invalid`. */
  recipe(tag: Pick<TagDocument, 'type' | 'order' | 'scaling' | 'unit'>, address: Address, device: Device): DecodeRecipe;
  /** Throws `protocol.connect-failed`, `protocol.timeout`; within 100 ms of an abort. */
  connect(
    config: Config,
    devices: ReadonlyMap<string, Device>,
    context: DriverContext,
    signal: AbortSignal,
  ): Promise<ProtocolConnection<Address>>;
  /** The connection test: each step as it ends; never throws for what it finds. */
  test(
    target: { readonly config: Config; readonly device: Device; readonly readAddress: Address | null },
    context: DriverContext,
    signal: AbortSignal,
    shared: SharedLink<Address> | null,
  ): AsyncIterable<TestStep>;
  readonly scanAreas?: readonly ScanArea[];
  /**
   * Finds out what of a device can be read, with few requests, each in a turn of its own at the running link. `every`
   * looks at each place; else what lies between places that are refused may be passed over. Throws `protocol.timeout`
   * where the device does not answer, and `protocol.link-lost`.
   */
  scan?(
    target: { readonly deviceId: string; readonly ranges: readonly ScanRange[]; readonly every: boolean },
    context: DriverContext,
    signal: AbortSignal,
    shared: SharedLink<Address>,
  ): AsyncIterable<ScanProgress>;
}
