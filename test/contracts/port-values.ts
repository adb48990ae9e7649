import type { ErrorCatalogue, ErrorCode } from '#shared/errors.ts';
import { FRAME_LIMITS } from '#shared/rpc/index.ts';

/** One example of every error there is; a new code without one does not compile. */
export const errors: { readonly [C in ErrorCode]: ErrorCatalogue[C] } = {
  'config.invalid': { issues: [{ path: 'devices.0.name', message: 'A name is needed.' }] },
  'protocol.connect-failed': { endpoint: '10.0.0.7:502' },
  'protocol.timeout': { afterMs: 1000 },
  'protocol.link-lost': { endpoint: '10.0.0.7:502' },
  'protocol.device-exception': { code: 2 },
  'protocol.bad-answer': { reason: 'length' },
  'protocol.unknown': { protocol: 'profinet' },
  'tsdb.unsupported-feature': { backend: 'rrd', feature: 'histogram' },
  'tsdb.unavailable': { backend: 'influx' },
  'tsdb.timeout': { backend: 'timescale', afterMs: 30_000 },
  'tsdb.refused': { backend: 'timescale', reason: 'no right to read' },
  'store.conflict': { kind: 'tag', id: 't1', revision: 4 },
  'store.not-found': { kind: 'tag', id: 't1' },
  'store.disk-full': { path: '/data' },
  'store.read-only': { path: '/data' },
  'store.locked': { path: '/data' },
  'store.too-new': { path: '/data', found: 9, supported: 2 },
  'store.damaged': { path: '/data', reason: 'checksum' },
  'query.too-many-samples': { limit: 1 },
  'formula.syntax': { offset: 3 },
  'access.denied': { required: 'admin' },
  'rpc.cancelled': null,
  'rpc.disconnected': null,
  'rpc.version-mismatch': { client: 'a', server: 'b' },
  'rpc.bad-frame': { reason: 'x' },
  'rpc.limit': { what: 'calls', limit: 1 },
  'internal.bug': { reference: 'abc' },
};

const nested = (levels: number): unknown => (levels === 0 ? new Uint8Array([1]) : { deeper: nested(levels - 1) });
const columnOf = (length: number): Float64Array => Float64Array.from({ length }, (_, index) => index / 3);

/** The same values go over every port, there and back. */
export const values: readonly (readonly [string, unknown])[] = [
  ['nothing', undefined],
  ['null', null],
  ['false', false],
  ['zero', 0],
  ['a large number', Number.MAX_SAFE_INTEGER],
  ['a tiny number', 5e-324],
  ['an empty text', ''],
  ['text in UTF-8', 'Dicke 0,8 µm · 厚み · 🏭 · \u0000 · \ud800'],
  ['a long text', 'x'.repeat(300_000)],
  ['an empty list', []],
  ['an empty object', {}],
  ['keys that look like sections', { $: 0, $$: [{ $: 1 }], $schema: 'x', constructor: 1 }],
  ['nested', { a: [{ b: [[{ c: null }]] }] }],
  ['as deep as allowed', nested(FRAME_LIMITS.depth - 3)],
  ['f64', new Float64Array([1.5, -2.5])],
  ['f32', new Float32Array([1.5, -2.5, 3])],
  ['i64', new BigInt64Array([-1n, 2n ** 63n - 1n])],
  ['u32', new Uint32Array([4_294_967_295])],
  ['i32', new Int32Array([-2_147_483_648, 1, 2])],
  ['u16', new Uint16Array([65_535, 0, 1])],
  ['u8', new Uint8Array([255])],
  ['columns of length 0', { f64: new Float64Array(0), u16: new Uint16Array(0), i64: new BigInt64Array(0) }],
  ['columns of odd length', { u8: new Uint8Array(3).fill(1), u16: new Uint16Array(5).fill(2), f64: columnOf(1) }],
  ['a large column', { time: columnOf(200_001), value: columnOf(200_001) }],
  ['columns of many tags', Array.from({ length: 300 }, (_, tag) => ({ tag: `t${tag}`, value: columnOf(tag) }))],
  ['NaN, infinities and -0 in a column', new Float64Array([Number.NaN, Infinity, -Infinity, -0])],
  ['part of a larger buffer', columnOf(1000).subarray(10, 13)],
];
