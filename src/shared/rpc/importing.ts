import { z } from 'zod';
import { connectionDocument, deviceDocument, tagDocument } from '../model/index.ts';
import { id } from './parts.ts';
import { stream } from './procedure.ts';

const importRow = z.object({
  /** Position in the list, from 0. */
  row: z.number().int(),
  /** From 1, as an editor shows it. */
  line: z.number().int(),
  status: z.enum(['new', 'change', 'same', 'bad']),
  reason: z.string().nullable(),
  name: z.string(),
  address: z.string(),
  device: z.string(),
  tag: tagDocument.nullable(),
});
export type ImportRow = z.infer<typeof importRow>;

const listedDevice = z.object({
  key: z.string(),
  name: z.string(),
  connection: z.string(),
  /** The device of the project that its rows go to; null: one is made, or none can be. */
  deviceId: id.nullable(),
  /** Why none can be made. */
  problem: z.string().nullable(),
});

export const importing = {
  /**
   * What an import of a tag list would do, row by row, in items of bounded size; nothing is changed. All that is said of
   * the list as a whole is the same in every item.
   */
  previewImport: stream({
    role: 'engineer',
    input: z.object({
      text: z.string().max(32 * 1024 * 1024),
      /** Null: the format that the text is in. */
      format: z.string().max(40).nullable(),
      /** For rows that name no device. */
      deviceId: id.nullable(),
      /** Devices for those that the list names, by their keys; null makes a new one. Others are matched. */
      assigned: z.record(z.string().max(1000), id.nullable()),
    }),
    item: z.object({
      rows: z.array(importRow),
      format: z.string(),
      formats: z.array(z.object({ id: z.string(), title: z.string(), means: z.string() })),
      columns: z.array(z.object({ column: z.string(), means: z.string() })),
      unknownColumns: z.array(z.string()),
      separator: z.string().nullable(),
      notes: z.array(z.string()),
      devices: z.array(listedDevice),
      /** What is made for devices that the project lacks; commit what the taken rows need. */
      made: z.object({ connections: z.array(connectionDocument), devices: z.array(deviceDocument) }),
    }),
    errors: ['config.invalid', 'rpc.limit'],
  }),
} as const;
export type ImportPreview = z.infer<(typeof importing)['previewImport']['item']>;
