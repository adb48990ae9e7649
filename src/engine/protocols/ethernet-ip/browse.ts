import { BROWSE_PAGE, type BrowseNode, type BrowsePage } from '#engine/protocols/protocol.ts';
import { isAppError } from '#shared/errors.ts';
import { type EipAddress, formatAddress, parseAddress } from './address.ts';
import { identityText } from './cip.ts';
import type { Controller } from './controller.ts';
import { BOOL, DWORD, dataType, typeName } from './data-type.ts';
import { askIdentity } from './identity.ts';
import { isProgram } from './path.ts';
import { createTagList, type Found, type TagList, type Template } from './tag-list.ts';

/** What may be looked at in one connection. */
export interface Browsed {
  readonly id: string;
  readonly controller: Controller;
}

/** Elements of an array that are shown under one node; longer arrays have nodes of so many. */
const MOST_ELEMENTS = BROWSE_PAGE;
/** Requests of one page, after which it is given as it is: polls wait meanwhile. */
const MOST_REQUESTS = 4;

/** A node that is still to be made: making it may take the definition of its structure. */
type Making = () => BrowseNode | Promise<BrowseNode>;

/**
 * Ids of nodes are `device`, `device|Program:Main`, `device|Line.Reels[2]`, and `device|Arr#500` for the elements of a
 * long array from 500 on, `device|Arr#0/250000` for so many of a very long one; they mean the same on the next connection.
 */
export function createBrowser(devices: readonly Browsed[]) {
  const lists = new Map<string, TagList>();

  return async function* browse(parent: string | null, signal: AbortSignal): AsyncGenerator<BrowsePage> {
    if (parent === null) {
      lists.clear();
      for (const [index, { id, controller }] of devices.entries()) {
        yield { nodes: [await deviceNode(id, controller, signal)], found: index + 1 };
      }
      return;
    }
    const cut = parent.indexOf('|');
    const id = cut < 0 ? parent : parent.slice(0, cut);
    const place = cut < 0 ? '' : parent.slice(cut + 1);
    const device = devices.find((one) => one.id === id);
    if (device === undefined) return;
    // Where no tags are read nobody else opens a connection anew.
    await device.controller.prepare(signal);
    const list = lists.get(id) ?? createTagList(device.controller);
    lists.set(id, list);
    const [path = '', from] = place.split('#');
    const under = { id, list, signal };
    if (path === '' || isProgram(path)) yield* symbolPages(under, path === '' ? null : path);
    else yield* placePages(under, path, from);
  };
}

interface Under {
  readonly id: string;
  readonly list: TagList;
  readonly signal: AbortSignal;
}

async function deviceNode(id: string, controller: Controller, signal: AbortSignal): Promise<BrowseNode> {
  const { route } = controller.settings;
  const where = route === '' ? '' : ` at ${route}`;
  const node = { id, deviceId: id, typeName: 'controller', address: null };
  try {
    const found = await askIdentity(controller, signal);
    const who =
      found.kind === 'identity' ? identityText(found.identity) : `Controller${where} that does not tell what it is`;
    return { ...node, name: who, hasChildren: true };
  } catch (error) {
    if (!isAppError(error, 'protocol.timeout')) throw error;
    return { ...node, name: `Controller${where} that does not answer`, hasChildren: false };
  }
}

const refusedNode = ({ id }: Under, place: string, reason: string): BrowseNode => ({
  id: `${id}|${place}?`,
  name: "The list of tags can't be had",
  description: `${reason}. Write the names of tags by hand; they are read all the same.`,
  hasChildren: false,
  address: null,
});

async function* symbolPages(under: Under, program: string | null): AsyncGenerator<BrowsePage> {
  const { id, list, signal } = under;
  const found = yield* whileCounting(list.symbols(program, signal));
  if (found.kind === 'refused') {
    yield { nodes: [refusedNode(under, program ?? '', found.reason)], found: 1 };
    return;
  }
  yield* pages(
    under,
    found.symbols.map(({ name, found: what }): Making => {
      if (what !== null) return () => node(under, program === null ? name : `${program}.${name}`, name, what);
      return () => ({
        id: `${id}|${name}`,
        deviceId: id,
        name,
        typeName: 'program',
        hasChildren: true,
        address: null,
      });
    }),
  );
}

/** Gives what is counted on the way as pages without nodes, so that others get their turn between the requests. */
async function* whileCounting<T>(work: AsyncGenerator<number, T>): AsyncGenerator<BrowsePage, T> {
  for (;;) {
    const step = await work.next();
    if (step.done === true) return step.value;
    yield { nodes: [], found: step.value };
  }
}

async function* pages({ list }: Under, making: readonly Making[]): AsyncGenerator<BrowsePage> {
  let nodes: BrowseNode[] = [];
  let asked = list.requests;
  for (const make of making) {
    nodes.push(await make());
    if (nodes.length < BROWSE_PAGE && list.requests - asked < MOST_REQUESTS) continue;
    yield { nodes, found: making.length };
    nodes = [];
    asked = list.requests;
  }
  if (nodes.length > 0) yield { nodes, found: making.length };
}

/** A node of a value, an array or a structure that `path` leads to. */
async function node({ id, list, signal }: Under, path: string, name: string, found: Found): Promise<BrowseNode> {
  const template = found.template === null ? null : await list.template(found.template, signal);
  const bools = found.type === DWORD && found.dimensions.length === 1;
  const base = template?.name ?? (found.template !== null ? 'structure' : bools ? 'BOOL' : typeName(found.type));
  const sizes = bools ? [found.dimensions[0]! * 32] : found.dimensions;
  const isArray = sizes.length > 0;
  const isText = template?.isText === true;
  const leaf = !isArray && (found.template === null || isText);
  const type = isText ? 'string' : dataType(found.type)?.as[0];
  const common = { id: `${id}|${path}`, deviceId: id, name, fullName: path };
  if (!canBeAsked(path)) {
    return { ...common, description: 'No tag can have this name: it is not read.', hasChildren: false, address: null };
  }
  return {
    ...common,
    typeName: `${base}${isArray ? `[${sizes.join(',')}]` : ''}`,
    description: descriptionOf(sizes, template),
    hasChildren: !leaf,
    address: leaf ? path : null,
    ...(leaf && type !== undefined ? { type } : {}),
  };
}

/** A controller may name its tags as it likes; what does not come back as the same name is not offered. */
function canBeAsked(path: string): boolean {
  try {
    return formatAddress(parseAddress(path).address) === path;
  } catch {
    return false;
  }
}

function descriptionOf(sizes: readonly number[], template: Template | null): string {
  if (sizes.length > 0) return `${sizes.reduce((product, size) => product * size, 1)} elements`;
  if (template === null) return '';
  return template.isText ? 'text' : `structure of ${template.members.length} members`;
}

/** What lies in an array or a structure. */
async function* placePages(under: Under, path: string, part: string | undefined): AsyncGenerator<BrowsePage> {
  const { id, list, signal } = under;
  const found = yield* resolve(parseAddress(path).address.path, list, signal);
  if (found === null) return;
  const { dimensions } = found;
  if (dimensions.length === 0) {
    const template = found.template === null ? null : await list.template(found.template, signal);
    yield* pages(
      under,
      (template?.members ?? []).map(
        (member): Making =>
          () =>
            node(under, `${path}.${member.name}`, member.name, member.found),
      ),
    );
    return;
  }
  const bools = found.type === DWORD && dimensions.length === 1 && found.template === null;
  const size = bools ? dimensions[0]! * 32 : dimensions[0]!;
  const [from = 0, count = part === undefined ? size : MOST_ELEMENTS] = part?.split('/').map(Number) ?? [];
  const end = Math.min(size, from + count);
  const length = Math.max(0, end - from);
  if (length > MOST_ELEMENTS) {
    let step = MOST_ELEMENTS;
    while (length / step > BROWSE_PAGE) step *= BROWSE_PAGE;
    yield* pages(
      under,
      Array.from({ length: Math.ceil(length / step) }, (_, index): Making => {
        const first = from + index * step;
        const name = `[${first}] to [${Math.min(end, first + step) - 1}]`;
        const range = step === MOST_ELEMENTS ? `${first}` : `${first}/${step}`;
        return () => ({ id: `${id}|${path}#${range}`, deviceId: id, name, hasChildren: true, address: null });
      }),
    );
    return;
  }
  const element: Found = bools
    ? { type: BOOL, template: null, dimensions: [] }
    : { ...found, dimensions: dimensions.slice(1) };
  yield* pages(
    under,
    Array.from({ length }, (_, index): Making => {
      const at = path.endsWith(']') ? `${path.slice(0, -1)},${from + index}]` : `${path}[${from + index}]`;
      return () => node(under, at, at.slice(at.lastIndexOf('[')), element);
    }),
  );
}

/** What a path leads to; indices may be fewer than dimensions. Null for what is not there. */
async function* resolve(
  path: EipAddress['path'],
  list: TagList,
  signal: AbortSignal,
): AsyncGenerator<BrowsePage, Found | null> {
  const scoped = path[0]!.name.startsWith('Program:');
  const found = yield* whileCounting(list.symbols(scoped ? path[0]!.name : null, signal));
  if (found.kind === 'refused') return null;
  const steps = scoped ? path.slice(1) : path;
  let at = null as Found | null;
  for (const [level, { name, index }] of steps.entries()) {
    const wanted = name.toLowerCase();
    if (level === 0) at = found.byName.get(wanted)?.found ?? null;
    else {
      const template: Template | null =
        at === null || at.template === null ? null : await list.template(at.template, signal);
      at = template?.members.find((one) => one.name.toLowerCase() === wanted)?.found ?? null;
    }
    if (at === null || index.length > at.dimensions.length) return null;
    at = { ...at, dimensions: at.dimensions.slice(index.length) };
  }
  return at;
}
