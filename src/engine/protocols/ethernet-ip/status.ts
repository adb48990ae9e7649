import { deviceStatusQuality, type Quality } from '#shared/model/index.ts';

// General status codes of CIP (volume 1, appendix B) and the extended ones that say more (Rockwell 1756-PM020).

const general: Readonly<Record<number, string>> = {
  1: 'connection failure',
  2: 'resource unavailable',
  3: 'invalid parameter value',
  4: 'path segment error: no such tag, or a member or index that it does not have',
  5: 'path destination unknown: no such tag or member',
  6: 'partial transfer',
  7: 'connection lost',
  8: 'service not supported',
  9: 'invalid attribute value',
  10: 'attribute list error',
  11: 'already in requested state',
  12: 'object state conflict',
  13: 'object already exists',
  14: 'attribute not settable',
  15: 'privilege violation: the tag does not allow external access',
  16: 'device state conflict',
  17: 'reply data too large',
  18: 'fragmentation of a primitive value',
  19: 'not enough data',
  20: 'attribute not supported',
  21: 'too much data',
  22: 'object does not exist',
  26: 'routing failure, request packet too large',
  27: 'routing failure, response packet too large',
  28: 'missing attribute list entry data',
  30: 'embedded service error',
  31: 'vendor specific error',
  32: 'invalid parameter',
  37: 'key failure in path',
  38: 'path size invalid',
  39: 'unexpected attribute in list',
  255: 'general error',
};

const extended: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  1: {
    256: 'connection in use or duplicate forward open',
    259: 'transport class not supported',
    263: 'connection not found, it has been closed already',
    264: 'invalid connection type',
    265: 'invalid connection size',
    272: 'device not configured',
    273: 'requested packet interval not supported',
    275: 'no more connections: the controller has given all of them to others',
    276: 'vendor or product code mismatch',
    277: 'device type mismatch',
    278: 'revision mismatch',
    515: 'connection timed out',
    516: 'no answer from the module on the path',
    517: 'parameter error in unconnected request',
    518: 'message too large for unconnected request',
    769: 'no buffer memory',
    770: 'no network bandwidth',
    785: 'port not available: the path names a port that the module does not have',
    786: 'link address not valid: no module in this slot',
    789: 'invalid segment in path',
    794: 'link address to self invalid',
  },
  255: {
    8193: 'the tag can not be accessed',
    8452: 'path or offset beyond the end of the tag',
    8453: 'beyond the end of the tag: the index is too large',
    8455: 'the type does not match the tag',
  },
};

/**
 * A quality keeps seven bits of a status. General status 0xFF and what is worth telling apart by its extension are kept
 * under numbers from 0x60 on, which CIP leaves reserved.
 */
const kept: readonly (readonly [number: number, status: number, extended: number | null])[] = [
  [0x60, 0xff, 0x2104],
  [0x61, 0xff, 0x2105],
  [0x62, 0xff, 0x2107],
  [0x63, 0x01, 0x0113],
  [0x64, 0x01, 0x0204],
  [0x65, 0x01, 0x0311],
  [0x66, 0x01, 0x0312],
  [0x7f, 0xff, null],
];

export function statusText(status: number, more: readonly number[] = []): string {
  const name = general[status];
  const first = more[0];
  const word = first === undefined ? undefined : extended[status]?.[first];
  const hex = (value: number, digits: number): string => `0x${value.toString(16).toUpperCase().padStart(digits, '0')}`;
  const head = `status ${hex(status, 2)}${first === undefined || first === 0 ? '' : `/${hex(first, 4)}`}`;
  return `${head}, ${word ?? name ?? 'not in the standard'}`;
}

export function statusName(number: number): string | undefined {
  const special = kept.find(([own]) => own === number);
  if (special !== undefined) return statusText(special[1], special[2] === null ? [] : [special[2]]);
  return number > 0 && number < 0x60 && general[number] !== undefined ? statusText(number) : undefined;
}

export function statusQuality(status: number, more: readonly number[]): Quality {
  const special =
    kept.find(([, code, word]) => code === status && word === more[0]) ??
    kept.find(([, code, word]) => code === status && word === null);
  return deviceStatusQuality(special?.[0] ?? (status < 0x60 ? status : 0x7f));
}

export function statusAdvice(status: number, more: readonly number[]): string {
  if (status === 1) {
    if (more[0] === 0x0113) return 'Close other programs that are connected, or set the connection to none.';
    return 'Check the path: 1,0 is slot 0 of the rack. Leave it empty for controllers without a rack.';
  }
  if (status === 4 || status === 5) {
    return 'Check the spelling of the tag, and whether it belongs to a program: Program:Main.Count.';
  }
  if (status === 8) return 'The controller does not know this service. Check that it has tags by name.';
  if (status === 15)
    return 'Set External Access of the tag to Read Only or Read/Write in the project of the controller.';
  if (status === 255) return 'Check that the index lies in the array.';
  return 'The manual of the controller tells what this status means.';
}
