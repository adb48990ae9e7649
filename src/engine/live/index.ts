export { createLive, type LatestValue, type Live, type LiveOptions } from './live.ts';
export type { LiveRows, RowsRequest } from './rows-stream.ts';
export {
  createTagTable,
  type NewRuntimeTag,
  type RuntimeTag,
  sameRecipe,
  type TagTable,
  type TagTableChange,
} from './tag-table.ts';
export type { LiveColumns, ValuesRequest } from './values-stream.ts';
