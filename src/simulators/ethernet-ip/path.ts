// Request paths (EPATH) as the CIP Networks Library, volume 1, appendix C describes them.

export type Segment =
  | { readonly kind: 'class' | 'instance' | 'attribute' | 'element'; readonly value: number }
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'port'; readonly port: number; readonly link: Buffer };

/** Throws RangeError for bytes that are no path. */
export function parsePath(path: Buffer): Segment[] {
  const segments: Segment[] = [];
  let at = 0;
  while (at < path.length) {
    const head = path[at]!;
    if (head === 0x91) {
      const length = path[at + 1] ?? 0;
      if (length === 0 || at + 2 + length > path.length) throw new RangeError('a symbol ends past the path');
      segments.push({ kind: 'symbol', name: path.toString('utf8', at + 2, at + 2 + length) });
      at += 2 + length + (length % 2);
    } else if ((head & 0xe0) === 0x20) {
      const kinds = { 32: 'class', 36: 'instance', 40: 'element', 48: 'attribute' } as const;
      const kind = kinds[(head & 0xfc) as keyof typeof kinds];
      if (kind === undefined) throw new RangeError(`segment 0x${head.toString(16)} is not known`);
      const size = head & 3;
      const bytes = [2, 4, 6][size];
      if (bytes === undefined || at + bytes > path.length) throw new RangeError('a segment ends past the path');
      const value = size === 0 ? path[at + 1]! : size === 1 ? path.readUInt16LE(at + 2) : path.readUInt32LE(at + 2);
      segments.push({ kind, value });
      at += bytes;
    } else if ((head & 0xe0) === 0) {
      const long = (head & 0x10) !== 0;
      const length = long ? path[at + 1]! : 1;
      let from = at + (long ? 2 : 1);
      let port = head & 0x0f;
      if (port === 15) {
        port = path.readUInt16LE(from);
        from += 2;
      }
      if (from + length > path.length) throw new RangeError('a port segment ends past the path');
      segments.push({ kind: 'port', port, link: path.subarray(from, from + length) });
      at = from + length;
      if ((at & 1) === 1) at++;
    } else throw new RangeError(`segment 0x${head.toString(16)} is not known`);
  }
  return segments;
}
