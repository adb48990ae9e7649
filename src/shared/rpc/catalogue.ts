import { z } from 'zod';
import { timeKind, valueType } from '../model/index.ts';
import { settings } from './parts.ts';
import { type Contract, call, nothing } from './procedure.ts';

/** JSON Schema as plain data: made by `z.toJSONSchema` from a plugin's settings, drawn as a form by the screen. */
const jsonSchema = z.record(z.string(), z.unknown());
const protocolEntry = z.object({
  id: z.string(),
  title: z.string(),
  version: z.string(),
  summary: z.string(),
  config: jsonSchema,
  device: jsonSchema,
  sample: z.object({ config: settings, device: settings, address: z.string() }),
  addressHelp: z.array(z.object({ text: z.string(), means: z.string() })),
  /** Bytes between an address and the next number; null where each number is a value of its own. */
  addressBytes: z.number().int().positive().nullable(),
  /** Upper and lower case mean the same in addresses. */
  caseless: z.boolean(),
  valueTypes: z.array(valueType),
  can: z.object({ browse: z.boolean(), scan: z.boolean() }),
  /** Devices send by themselves: there are no requests, no answers to wait for, no predicted duration. */
  tells: z.boolean(),
  /** Times that its devices can give a sample besides that of receipt. */
  ownTimes: z.array(timeKind),
  /** Names of the status numbers that a device's quality can carry. */
  statusNames: z.record(z.string(), z.string()),
});
export type ProtocolEntry = z.infer<typeof protocolEntry>;

const exporterEntry = z.object({
  id: z.string(),
  title: z.string(),
  extension: z.string(),
  mediaType: z.string(),
  options: jsonSchema,
  defaults: settings,
});
export type ExporterEntry = z.infer<typeof exporterEntry>;

/** What a connection to one can do is found out on connecting, so it is not here. */
const backendEntry = z.object({
  id: z.string(),
  title: z.string(),
  version: z.string(),
  summary: z.string(),
  config: jsonSchema,
  sample: settings,
  /** It is elsewhere, and reached by a source; false for what this program keeps itself. */
  remote: z.boolean(),
  /** Its settings can be written as one address. */
  addressable: z.boolean(),
  /** Its connection can be tested step by step. */
  testable: z.boolean(),
  /** Usual settings to begin with. */
  presets: z.array(z.object({ id: z.string(), title: z.string(), summary: z.string(), settings })),
});
export type BackendEntry = z.infer<typeof backendEntry>;

const entries = z.object({
  protocols: z.array(protocolEntry),
  exporters: z.array(exporterEntry),
  /** Kinds of sources of samples, for graphs. */
  backends: z.array(backendEntry),
});
export type Catalogue = z.infer<typeof entries>;

/** Lists that a plugin's settings can name in `choicesFrom`: what this computer has, as suggestions for a field. */
export const choiceList = z.enum(['own-addresses', 'serial-ports', 'time-zones']);
export type ChoiceList = z.infer<typeof choiceList>;
const choice = z.object({ value: z.string(), label: z.string() });
export type Choice = z.infer<typeof choice>;

export const catalogue = {
  get: call({ role: 'viewer', input: nothing, output: entries }),
  choices: call({
    role: 'viewer',
    input: z.object({ list: choiceList }),
    output: z.object({ choices: z.array(choice) }),
  }),
} as const satisfies Contract[string];
