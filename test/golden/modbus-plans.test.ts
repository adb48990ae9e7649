import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { TagBinding } from '#engine/protocols/index.ts';
import { modbus } from '#engine/protocols/modbus/index.ts';
import { createReadPlan, createUnit, planBytes, sortTags } from '#engine/protocols/modbus/plan.ts';
import { tables } from '#engine/protocols/modbus/table.ts';
import { type ValueType, valueType } from '#shared/model/index.ts';

// A case is a text file: why it is there, the device's settings, tags as they are typed, and the requests that must come
// out, worked out by hand: a request is 12 bytes, an answer 9 and its data.

type Binding = TagBinding<ReturnType<typeof modbus.parseAddress>['address']>;
const folder = new URL('./modbus-plans/', import.meta.url);

function section(text: string, name: string): string[] {
  const lines = text.split('\n');
  const start = lines.indexOf(`${name}:`);
  if (start < 0) throw new Error(`The file has no section "${name}:".`);
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => /^[a-z]+:$/.test(line));
  return (end < 0 ? rest : rest.slice(0, end)).map((line) => line.trim()).filter((line) => line !== '');
}

function settings(lines: readonly string[]): ReturnType<typeof modbus.device.parse> {
  return modbus.device.parse(
    Object.fromEntries(
      lines.map((line) => {
        const [name = '', value = ''] = line.split(' = ');
        return [name, name === 'forbidden' ? value.split(', ') : /^\d+$/.test(value) ? Number(value) : value];
      }),
    ),
  );
}

function describePlan(text: string): string[] {
  const device = settings(section(text, 'device'));
  const names: string[] = [];
  const bindings = section(text, 'tags').map((line, index): Binding => {
    const [address = '', typed] = line.split(' ');
    const parsed = modbus.parseAddress(address, device);
    const type: ValueType = typed === undefined ? (parsed.type ?? 'uint16') : valueType.parse(typed);
    names.push(address);
    const recipe = modbus.recipe({ type, order: null, scaling: null, unit: null }, parsed.address, device);
    return { index, address: parsed.address, recipe };
  });
  const { tags, byTable } = sortTags(bindings);
  const plan = createReadPlan(createUnit(device), tags, byTable);
  return [
    ...plan.requests.map(({ table, block }) => {
      const served = block.spans.map((span) => names[span.item]).join(' ');
      return `function ${tables[table].readFunction}, offset ${block.offset}, count ${block.count}: ${served}`;
    }),
    ...plan.unreadable.map((tag) => `not read: ${names[tag.index]}`),
    `${planBytes(plan)} bytes`,
  ];
}

describe('Modbus plans', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  it('has cases', () => expect(files.length).toBeGreaterThan(5));
  it.each(files)('%s', (name) => {
    const text = readFileSync(new URL(name, folder), 'utf8');
    expect(describePlan(text)).toEqual(section(text, 'requests'));
  });
});
