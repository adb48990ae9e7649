import { BROWSE_PAGE, type BrowseNode, type BrowsePage } from '#engine/protocols/protocol.ts';
import { type EgdAddress, fieldWords, formatAddress, headerField } from './address.ts';
import { type EgdDevice, egdDevice } from './config.ts';
import { producerNumber, producerText, signatureText } from './header.ts';
import { type Heard, type HeardExchange, periodOf } from './heard.ts';

type Devices = ReadonlyMap<string, EgdDevice>;

/** Ids of nodes are a producer, `10.0.0.1`, its exchange, `10.0.0.1/5`, and a field of its header, `10.0.0.1/5/status`. */
export async function* browseHeard(heard: Heard, devices: Devices, parent: string | null): AsyncGenerator<BrowsePage> {
  const nodes = nodesUnder(heard, devices, parent);
  for (let at = 0; at < nodes.length; at += BROWSE_PAGE) {
    yield { nodes: nodes.slice(at, at + BROWSE_PAGE), found: nodes.length };
  }
}

function nodesUnder(heard: Heard, devices: Devices, parent: string | null): readonly BrowseNode[] {
  if (parent === null) return producersOf(heard.all());
  const one = exchangeOf(heard, parent);
  if (one !== undefined) return fieldsOf(parent, deviceOf(one, devices));
  return heard
    .all()
    .filter((entry) => producerText(entry.producer) === parent)
    .sort((a, b) => a.exchange - b.exchange)
    .map((entry) => exchangeNode(entry, deviceOf(entry, devices)));
}

/** The exchange that a node stands for; undefined for all other nodes, and what has never been heard. */
export function exchangeOf(heard: Heard, node: string): HeardExchange | undefined {
  const parts = /^([\d.]+)\/(\d+)$/.exec(node);
  const producer = parts === null ? null : producerNumber(parts[1]!);
  return parts === null || producer === null ? undefined : heard.find(producer, Number(parts[2]));
}

export function exchangeOfDevice(heard: Heard, device: EgdDevice | undefined): HeardExchange | undefined {
  return device === undefined ? undefined : exchangeOf(heard, `${device.producerId}/${device.exchangeId}`);
}

function deviceOf(entry: HeardExchange, devices: Devices): string | undefined {
  for (const [id, { producerId, exchangeId }] of devices) {
    if (exchangeId === entry.exchange && producerNumber(producerId) === entry.producer) return id;
  }
  return undefined;
}

function producersOf(all: readonly HeardExchange[]): BrowseNode[] {
  const producers = new Map<number, { from: string; exchanges: number }>();
  for (const { producer, from } of all) {
    producers.set(producer, { from, exchanges: (producers.get(producer)?.exchanges ?? 0) + 1 });
  }
  return [...producers]
    .sort(([one], [other]) => one - other)
    .map(([producer, { from, exchanges }]) => {
      const id = producerText(producer);
      const sent = id === from ? '' : `sent from ${from}, `;
      return {
        id,
        name: id,
        typeName: 'producer',
        description: `${sent}${exchanges} ${exchanges === 1 ? 'exchange' : 'exchanges'}`,
        hasChildren: true,
        address: null,
      };
    });
}

function exchangeNode(entry: HeardExchange, deviceId: string | undefined): BrowseNode {
  const period = periodOf(entry);
  const producer = producerText(entry.producer);
  const description = [
    period === null ? 'heard once' : `every ${period.toFixed(period < 100 ? 1 : 0)} ms`,
    `signature ${signatureText(entry.signature)}`,
    ...(entry.lost > 0 ? [`${entry.lost} lost`] : []),
    ...(entry.swapped ? ['type and version swapped'] : []),
  ].join(', ');
  const node = {
    id: `${producer}/${entry.exchange}`,
    name: `Exchange ${entry.exchange}`,
    typeName: `${entry.data.length} bytes`,
    description,
    ...(entry.data.length === 0 ? {} : { bytes: { count: entry.data.length, at: '0' } }),
    address: null,
  };
  if (deviceId !== undefined) return { ...node, deviceId, hasChildren: true };
  const settings = egdDevice.parse({
    producerId: producer,
    exchangeId: entry.exchange,
    dataBytes: entry.data.length,
    signature: entry.signature,
    // Three periods are usual; an exchange that was heard once has the time-out that a new device has.
    ...(period === null ? {} : { timeoutMs: Math.min(3_600_000, Math.max(100, Math.ceil(3 * period))) }),
  });
  return { ...node, hasChildren: false, newDevice: { name: `${producer} exchange ${entry.exchange}`, settings } };
}

/** What a producer says of itself can be added as tags where a device is there to have them. */
function fieldsOf(exchange: string, deviceId: string | undefined): BrowseNode[] {
  if (deviceId === undefined) return [];
  return headerField.options.map((field) => {
    const address: EgdAddress = { field, offset: 0, bit: null, length: null };
    return {
      id: `${exchange}/${field}`,
      deviceId,
      name: field,
      fullName: `Exchange ${exchange.replace('/', ' ')} ${field}`,
      typeName: 'field of the header',
      description: fieldWords[field],
      hasChildren: false,
      address: formatAddress(address),
      type: 'uint32' as const,
    };
  });
}
