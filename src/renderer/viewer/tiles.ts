import type { TraceColumns } from '#renderer/plot/index.ts';
import type { Gap, TimeRange, UnixMicros } from '#shared/model/index.ts';

/**
 * History is fetched in tiles of a fixed grid, so that a pan by a pixel asks for nothing and a zoom back finds what was
 * there. A tile of level `k` is `TILE_PIXELS` points of `2^k` microseconds wide and starts at a multiple of its width.
 */
export const TILE_PIXELS = 1024;
export const MIN_LEVEL = 0;
/** 2^45 µs per pixel: sixty years on the narrowest plot. */
export const MAX_LEVEL = 45;

export interface TileAddress {
  readonly level: number;
  readonly index: number;
}

export const tileSpan = (level: number): number => TILE_PIXELS * 2 ** level;

export function tileRange(tile: TileAddress): TimeRange {
  const span = tileSpan(tile.level);
  return { from: tile.index * span, to: (tile.index + 1) * span };
}

/** The level whose points are at least as fine as a pixel. */
export function levelFor(span: number, pixels: number): number {
  const perPixel = span / Math.max(1, pixels);
  return Math.max(MIN_LEVEL, Math.min(MAX_LEVEL, Math.floor(Math.log2(Math.max(1, perPixel)))));
}

/** Tiles of a level that touch `[from, to)`. */
export function tilesOver(range: TimeRange, level: number): TileAddress[] {
  const span = tileSpan(level);
  const first = Math.floor(range.from / span);
  const last = Math.ceil(range.to / span) - 1;
  const tiles: TileAddress[] = [];
  for (let index = first; index <= last; index++) tiles.push({ level, index });
  return tiles;
}

export interface Tile {
  readonly address: TileAddress;
  readonly range: TimeRange;
  readonly columns: TraceColumns;
  /** Every sample of the range is here: it serves every finer level too. */
  readonly raw: boolean;
  /** Up to here the answer was complete when it was given; a tile that reaches into the present grows stale. */
  readonly completeTo: UnixMicros;
  readonly texts: Readonly<Record<number, string>> | null;
  readonly bytes: number;
}

/** Tiles of one tag, by level and index. */
interface TagTiles {
  readonly levels: Map<number, Map<number, Tile>>;
}

export interface TileCache {
  get(tagId: string, address: TileAddress): Tile | undefined;
  put(tagId: string, tile: Tile): void;
  /**
   * Pieces that cover `[from, to)` as well as what is there allows: the level's own tiles, else raw tiles of coarser
   * levels, else the nearest coarser tile, else finer ones. Ascending, without overlap; holes are left out.
   */
  cover(tagId: string, range: TimeRange, level: number, into: Piece[]): void;
  readonly bytes: number;
  /** Rises with each `put`. */
  readonly revision: number;
}

export interface Piece {
  readonly tile: Tile;
  readonly from: UnixMicros;
  readonly to: UnixMicros;
}

const FINER_LEVELS = 3;

export function createTileCache(maxBytes: number): TileCache {
  const tags = new Map<string, TagTiles>();
  // Insertion order is the order of last use.
  const used = new Map<Tile, { readonly tagId: string }>();
  let bytes = 0;
  let revision = 0;

  const levelOf = (tagId: string, level: number): Map<number, Tile> | undefined => tags.get(tagId)?.levels.get(level);
  const touch = (tile: Tile, tagId: string): void => {
    used.delete(tile);
    used.set(tile, { tagId });
  };
  const remove = (tile: Tile, tagId: string): void => {
    if (!used.delete(tile)) return;
    bytes -= tile.bytes;
    const level = levelOf(tagId, tile.address.level);
    if (level?.get(tile.address.index) === tile) level.delete(tile.address.index);
  };
  const find = (tagId: string, level: number, index: number): Tile | undefined => levelOf(tagId, level)?.get(index);

  const coverTile = (tagId: string, from: number, to: number, level: number, into: Piece[]): void => {
    const own = find(tagId, level, Math.floor(from / tileSpan(level)));
    if (own !== undefined) {
      touch(own, tagId);
      into.push({ tile: own, from, to });
      return;
    }
    let coarse: Tile | undefined;
    for (let up = level + 1; up <= MAX_LEVEL; up++) {
      const tile = find(tagId, up, Math.floor(from / tileSpan(up)));
      if (tile === undefined) continue;
      if (tile.raw) {
        touch(tile, tagId);
        into.push({ tile, from, to });
        return;
      }
      coarse ??= tile;
    }
    const before = into.length;
    for (let down = level - 1; down >= Math.max(MIN_LEVEL, level - FINER_LEVELS); down--) {
      const span = tileSpan(down);
      const first = Math.floor(from / span);
      const last = Math.ceil(to / span) - 1;
      let reached = from;
      for (let index = first; index <= last; index++) {
        const tile = find(tagId, down, index);
        if (tile === undefined) continue;
        const start = Math.max(from, index * span);
        if (coarse !== undefined && start > reached) into.push({ tile: coarse, from: reached, to: start });
        reached = Math.min(to, (index + 1) * span);
        into.push({ tile, from: start, to: reached });
        touch(tile, tagId);
      }
      if (into.length > before) {
        if (coarse !== undefined && reached < to) into.push({ tile: coarse, from: reached, to });
        return;
      }
    }
    if (coarse !== undefined) {
      touch(coarse, tagId);
      into.push({ tile: coarse, from, to });
    }
  };

  return {
    get(tagId, address) {
      const own = find(tagId, address.level, address.index);
      if (own !== undefined) return own;
      const { from } = tileRange(address);
      for (let up = address.level + 1; up <= MAX_LEVEL; up++) {
        const tile = find(tagId, up, Math.floor(from / tileSpan(up)));
        if (tile?.raw === true) return tile;
      }
      return undefined;
    },
    put(tagId, tile) {
      let mine = tags.get(tagId);
      if (mine === undefined) {
        mine = { levels: new Map() };
        tags.set(tagId, mine);
      }
      let level = mine.levels.get(tile.address.level);
      if (level === undefined) {
        level = new Map();
        mine.levels.set(tile.address.level, level);
      }
      const old = level.get(tile.address.index);
      if (old !== undefined) remove(old, tagId);
      level.set(tile.address.index, tile);
      used.set(tile, { tagId });
      bytes += tile.bytes;
      revision++;
      for (const [oldest, { tagId: owner }] of used) {
        if (bytes <= maxBytes || oldest === tile) break;
        remove(oldest, owner);
      }
    },
    cover(tagId, range, level, into) {
      into.length = 0;
      const span = tileSpan(level);
      let from = range.from;
      while (from < range.to) {
        const to = Math.min(range.to, (Math.floor(from / span) + 1) * span);
        coverTile(tagId, from, to, level, into);
        from = to;
      }
    },
    get bytes() {
      return bytes;
    },
    get revision() {
      return revision;
    },
  };
}

export interface ReceivedSeries {
  readonly time: Float64Array;
  readonly value: Float64Array;
  readonly quality: Uint16Array;
  readonly envelope: { readonly min: Float64Array; readonly max: Float64Array } | null;
  readonly gaps: readonly Gap[];
  readonly texts: Readonly<Record<number, string>> | null;
}

/** Bytes of a tile besides its columns. */
const TILE_OVERHEAD = 300;

export function tileOf(address: TileAddress, series: ReceivedSeries, completeTo: UnixMicros): Tile {
  const merged = series.envelope !== null;
  return {
    address,
    range: tileRange(address),
    columns: {
      time: series.time,
      value: series.value,
      quality: series.quality,
      min: series.envelope?.min ?? null,
      max: series.envelope?.max ?? null,
      gaps: series.gaps,
    },
    // Merged texts have no envelope to tell them by.
    raw: !merged && series.texts === null,
    completeTo,
    texts: series.texts,
    bytes: TILE_OVERHEAD + series.time.length * (merged ? 34 : 18) + series.gaps.length * 120,
  };
}

export const EMPTY_SERIES: ReceivedSeries = {
  time: new Float64Array(0),
  value: new Float64Array(0),
  quality: new Uint16Array(0),
  envelope: null,
  gaps: [],
  texts: null,
};
