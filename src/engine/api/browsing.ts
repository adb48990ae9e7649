import type { Visit } from '#engine/acquisition/index.ts';
import type { BrowseNode, BrowsePage, ProtocolConnection } from '#engine/protocols/index.ts';
import { AppError, isAppError, refuse } from '#shared/errors.ts';
import type { ConnectionDocument, ValueType } from '#shared/model/index.ts';
import type { BrowseEntry, BrowseItem } from '#shared/rpc/browsing.ts';
import { driverOf, type Services } from './services.ts';

/** Nodes that one walk through everything gives at most: a screen has to hold them. */
const MOST_NODES = 50_000;
/** How often bytes that are looked at are asked for; an eye follows no faster. */
const BYTES_MS = 100;

function connectionOf(services: Services, id: string): ConnectionDocument {
  const connection = services.project.get('connection', id)?.document;
  if (connection === undefined) {
    throw new AppError('store.not-found', 'This connection does not exist any more.', {
      details: { kind: 'connection', id },
    });
  }
  return connection;
}

export async function* browseStream(
  services: Services,
  input: { readonly connectionId: string; readonly parent: string | null; readonly deep: boolean },
  signal: AbortSignal,
): AsyncGenerator<BrowseItem> {
  const connection = connectionOf(services, input.connectionId);
  const driver = driverOf(services, connection.protocol);
  if (!driver.can.browse) {
    refuse(
      'connection',
      `Devices with ${driver.title} can't tell what they have. Add their tags by address, or import a list.`,
    );
  }
  let given = false;
  try {
    for await (const item of walk(services, input, signal)) {
      given ||= item.nodes.length > 0;
      yield item;
    }
  } catch (error) {
    // That a link on which nothing is read has been closed is found by whoever asks first; it says nothing of the device.
    if (given || !isAppError(error, 'protocol.link-lost')) throw error;
    yield* walk(services, input, signal);
  }
}

async function* walk(
  services: Services,
  input: { readonly connectionId: string; readonly parent: string | null; readonly deep: boolean },
  signal: AbortSignal,
): AsyncGenerator<BrowseItem> {
  using visit = await services.acquisition.visit(input.connectionId, signal);
  const told = await visit.link.run(async ({ mode }) => mode === 'push', signal);
  const open: (string | null)[] = [input.parent];
  let given = 0;
  while (open.length > 0) {
    const parent = open.pop()!;
    const inside: string[] = [];
    const item = { parent, own: visit.own, told, cut: false };
    let found = given;
    for await (const page of pagesOf(visit, parent, signal)) {
      const nodes = page.nodes.slice(0, MOST_NODES - given);
      given += nodes.length;
      found = given - nodes.length + Math.max(page.found, nodes.length);
      for (const node of nodes) if (node.hasChildren) inside.push(node.id);
      const cut = given >= MOST_NODES;
      yield { ...item, nodes: nodes.map(entryOf), complete: false, found, cut };
      if (cut) return;
    }
    yield { ...item, nodes: [], complete: true, found: given };
    if (input.deep) open.push(...inside.reverse());
  }
}

/** Each page in a turn of its own at the link, so that polls are not kept waiting by a long list. */
async function* pagesOf(visit: Visit, parent: string | null, signal: AbortSignal): AsyncGenerator<BrowsePage> {
  const begin = async (connection: ProtocolConnection): Promise<AsyncIterator<BrowsePage> | undefined> =>
    connection.browse?.(parent, signal)[Symbol.asyncIterator]();
  const pages = await visit.link.run(begin, signal);
  if (pages === undefined) return;
  for (;;) {
    const step = await visit.link.run(() => pages.next(), signal);
    if (step.done === true) return;
    yield step.value;
  }
}

function entryOf(node: BrowseNode): BrowseEntry {
  return {
    id: node.id,
    name: node.name,
    fullName: node.fullName ?? node.name,
    typeName: node.typeName ?? '',
    description: node.description ?? '',
    hasChildren: node.hasChildren,
    deviceId: node.deviceId ?? null,
    address: node.address,
    type: node.type ?? null,
    bytes: node.bytes ?? null,
    newDevice:
      node.newDevice === undefined ? null : { name: node.newDevice.name, settings: { ...node.newDevice.settings } },
  };
}

/** The bytes of a browsed node as they change. */
export async function* bytesStream(
  services: Services,
  input: { readonly connectionId: string; readonly node: string; readonly count: number },
  signal: AbortSignal,
): AsyncGenerator<{ raw: { time: number; bytes: Uint8Array } | null; own: boolean }> {
  const connection = connectionOf(services, input.connectionId);
  const driver = driverOf(services, connection.protocol);
  using visit = await services.acquisition.visit(connection.id, signal);
  let last: { readonly time: number; readonly bytes: Uint8Array } | null | undefined;
  for (;;) {
    const raw = await visit.link.run(async (link) => {
      if (link.peek === undefined) refuse('connection', `Devices with ${driver.title} do not show their bytes.`);
      return link.peek({ node: input.node }, input.count, signal);
    }, signal);
    if (raw === null ? last !== null : raw.time !== last?.time) yield { raw, own: visit.own };
    last = raw;
    await services.clock.sleep(BYTES_MS, signal);
  }
}

export function addressesAt(
  services: Services,
  input: {
    readonly connectionId: string;
    readonly settings: Readonly<Record<string, unknown>>;
    readonly at: string;
    readonly values: readonly {
      readonly offset: number;
      readonly type: ValueType;
      readonly bit: number | null;
      readonly length: number | null;
    }[];
  },
): (string | null)[] {
  const driver = driverOf(services, connectionOf(services, input.connectionId).protocol);
  const settings = driver.device.safeParse(input.settings);
  if (!settings.success) return refuse('settings', 'The settings of the device are not valid. Correct them first.');
  const from = driver.parseAddress(input.at, settings.data).address;
  return input.values.map(({ offset, ...value }) => {
    const address = driver.addressAt?.(from, offset, value, settings.data) ?? null;
    return address === null ? null : driver.formatAddress(address);
  });
}

export function mappedPlaces(
  services: Services,
  input: { readonly deviceId: string; readonly at: string },
): { tagId: string; offset: number; bytes: number; bit: number | null }[] {
  const device = services.project.get('device', input.deviceId)?.document;
  if (device === undefined) {
    throw new AppError('store.not-found', 'This device does not exist any more.', {
      details: { kind: 'device', id: input.deviceId },
    });
  }
  const driver = driverOf(services, connectionOf(services, device.connectionId).protocol);
  const settings = driver.device.safeParse(device.settings);
  if (!settings.success)
    return refuse('settings', `The settings of the device "${device.name}" are not valid. Correct them first.`);
  const from = driver.parseAddress(input.at, settings.data).address;
  return services.project.list('tag').flatMap(({ document: tag }) => {
    if (tag.deviceId !== device.id) return [];
    try {
      const { address } = driver.parseAddress(tag.address, settings.data);
      const place = driver.placeOf?.(from, address, tag.type) ?? null;
      return place === null ? [] : [{ tagId: tag.id, ...place }];
    } catch (error) {
      // A tag whose address is wrong lies nowhere; the table of tags says what is wrong with it.
      if (isAppError(error)) return [];
      throw error;
    }
  });
}
