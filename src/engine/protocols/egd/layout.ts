import type { SampleSink, TagBinding } from '#engine/protocols/protocol.ts';
import { QUALITY, type Quality, type UnixMicros, wireBytes } from '#shared/model/index.ts';
import { dataBytesOf, type EgdAddress, type HeaderField } from './address.ts';
import type { Header } from './header.ts';

type Cut = 'field' | 'text' | 1 | 2 | 4 | 8;

interface Place {
  readonly index: number;
  readonly cut: Cut;
  readonly field: HeaderField | null;
  readonly offset: number;
  /** Bytes that must be there. */
  readonly bytes: number;
  /** The text read last, with its bytes: one that did not change costs no new string. */
  readonly seen: Uint8Array | null;
  text: string;
}

/** The tags of one exchange, ready to be cut out of its productions. */
export interface Layout {
  /** Pushes a sample for each tag. `data` is what follows the header. */
  push(header: Header, data: Uint8Array, time: UnixMicros, quality: Quality, sink: SampleSink): void;
  /** Pushes a bad sample for each tag. */
  pushBad(time: UnixMicros, quality: Quality, sink: SampleSink): void;
}

export function createLayout(tags: readonly TagBinding<EgdAddress>[]): Layout {
  const places = tags.map(({ index, address, recipe }): Place => {
    const bytes = address.field === null ? dataBytesOf(recipe.type, address) : 0;
    const size = recipe.type === 'bit' ? 1 : wireBytes(recipe.type);
    const cut: Cut = address.field !== null ? 'field' : recipe.form === 'text' ? 'text' : (size as 1 | 2 | 4 | 8);
    const seen = cut === 'text' ? new Uint8Array(bytes) : null;
    return { index, cut, field: address.field, offset: address.offset, bytes, seen, text: '' };
  });
  return {
    push(header, data, time, quality, sink) {
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      for (const place of places) {
        const { index, offset, cut } = place;
        if (cut === 'field') {
          // What a producer says of itself is good also where its data are not.
          sink.push(index, time, fieldOf(header, data, place.field!), QUALITY.good);
        } else if (offset + place.bytes > data.length) sink.push(index, time, Number.NaN, QUALITY.badAddressUnknown);
        else if (quality >= QUALITY.bad) sink.push(index, time, Number.NaN, quality);
        else if (cut === 1) sink.push(index, time, view.getUint8(offset), quality);
        else if (cut === 2) sink.push(index, time, view.getUint16(offset), quality);
        else if (cut === 4) sink.push(index, time, view.getUint32(offset), quality);
        else if (cut === 8) sink.push64(index, time, view.getUint32(offset), view.getUint32(offset + 4), quality);
        else sink.pushText(index, time, textOf(place, data), quality);
      }
    },
    pushBad(time, quality, sink) {
      for (const { index } of places) sink.push(index, time, Number.NaN, quality);
    },
  };
}

function fieldOf(header: Header, data: Uint8Array, field: HeaderField): number {
  switch (field) {
    case 'status':
      return header.status;
    case 'signature':
      return header.signature;
    case 'request':
      return header.requestId;
    case 'length':
      return data.length;
  }
}

/** Up to the first zero, without blanks at the end; bytes above 127 are Latin-1, as controllers have them. */
function textOf(place: Place, data: Uint8Array): string {
  const bytes = data.subarray(place.offset, place.offset + place.bytes);
  const seen = place.seen!;
  let same = true;
  for (let i = 0; i < bytes.length; i++) {
    if (seen[i] === bytes[i]) continue;
    same = false;
    seen[i] = bytes[i]!;
  }
  if (same) return place.text;
  const zero = bytes.indexOf(0);
  place.text = Buffer.from(bytes.subarray(0, zero < 0 ? bytes.length : zero))
    .toString('latin1')
    .trimEnd();
  return place.text;
}
