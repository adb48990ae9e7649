import type { BrowseNode } from '#engine/protocols/protocol.ts';
import { isAppError } from '#shared/errors.ts';
import { type EipAddress, parseAddress } from './address.ts';
import { identityText } from './cip.ts';
import type { Controller } from './controller.ts';
import { BOOL, DWORD, typeName } from './data-type.ts';
import { askIdentity } from './identity.ts';
import { createTagList, type Found, type TagList, type TagSymbol, type Template } from './tag-list.ts';

/** What may be looked at in one connection. */
export interface Browsed {
  readonly id: string;
  readonly controller: Controller;
}

/** Elements of an array that are shown under one node; longer arrays have nodes of so many. */
const MOST_ELEMENTS = 500;

/**
 * Ids of nodes are `device`, `device|Program:Main`, `device|Line.Reels[2]`, and `device|Arr#500` for the elements of a
 * long array from 500 on; they mean the same on the next connection.
 */
export function createBrowser(devices: readonly Browsed[]) {
  const lists = new Map<string, TagList>();

  return async (parent: string | null, signal: AbortSignal): Promise<readonly BrowseNode[]> => {
    if (parent === null) {
      lists.clear();
      const nodes: BrowseNode[] = [];
      for (const { id, controller } of devices) nodes.push(await deviceNode(id, controller, signal));
      return nodes;
    }
    const cut = parent.indexOf('|');
    const id = cut < 0 ? parent : parent.slice(0, cut);
    const place = cut < 0 ? '' : parent.slice(cut + 1);
    const device = devices.find((one) => one.id === id);
    if (device === undefined) return [];
    const list = lists.get(id) ?? createTagList(device.controller);
    lists.set(id, list);
    const [path = '', from] = place.split('#');
    if (path === '' || /^Program:\w+$/.test(path)) {
      const program = path === '' ? null : path;
      const found = await list.symbols(program, signal);
      if (found.kind === 'refused') return [refusedNode(parent, found.reason)];
      return symbolNodes(id, program, found.symbols, list, signal);
    }
    return placeNodes(id, path, from === undefined ? null : Number(from), list, signal);
  };
}

async function deviceNode(id: string, controller: Controller, signal: AbortSignal): Promise<BrowseNode> {
  const { route } = controller.settings;
  const where = route === '' ? '' : ` at ${route}`;
  try {
    const found = await askIdentity(controller, signal);
    const who =
      found.kind === 'identity' ? identityText(found.identity) : `Controller${where} that does not tell what it is`;
    return { id, name: who, hasChildren: true, address: null };
  } catch (error) {
    if (!isAppError(error, 'protocol.timeout')) throw error;
    return { id, name: `Controller${where} that does not answer`, hasChildren: false, address: null };
  }
}

const refusedNode = (parent: string, reason: string): BrowseNode => ({
  id: `${parent}|?`,
  name: `The list of tags can't be had: ${reason}. Write the names of tags by hand; they are read all the same.`,
  hasChildren: false,
  address: null,
});

async function symbolNodes(
  id: string,
  program: string | null,
  symbols: readonly TagSymbol[],
  list: TagList,
  signal: AbortSignal,
): Promise<readonly BrowseNode[]> {
  const nodes: BrowseNode[] = [];
  for (const { name, found } of symbols) {
    if (found === null) nodes.push({ id: `${id}|${name}`, name, hasChildren: true, address: null });
    else nodes.push(await node(id, program === null ? name : `${program}.${name}`, name, found, list, signal));
  }
  return nodes;
}

/** A node of a value, an array or a structure that `path` leads to. */
async function node(
  id: string,
  path: string,
  name: string,
  found: Found,
  list: TagList,
  signal: AbortSignal,
): Promise<BrowseNode> {
  const template = found.template === null ? null : await list.template(found.template, signal);
  const bools = found.type === DWORD && found.dimensions.length === 1;
  const base = template?.name ?? (found.template !== null ? 'structure' : bools ? 'BOOL' : typeName(found.type));
  const sizes = bools ? [found.dimensions[0]! * 32] : found.dimensions;
  const isArray = sizes.length > 0;
  const leaf = !isArray && (found.template === null || template?.isText === true);
  return {
    id: `${id}|${path}`,
    name: `${name}: ${base}${isArray ? `[${sizes.join(',')}]` : ''}`,
    hasChildren: !leaf,
    address: leaf ? path : null,
  };
}

/** What lies in an array or a structure. */
async function placeNodes(
  id: string,
  path: string,
  from: number | null,
  list: TagList,
  signal: AbortSignal,
): Promise<readonly BrowseNode[]> {
  const found = await resolve(parseAddress(path).address.path, list, signal);
  if (found === null) return [];
  const { dimensions } = found;
  if (dimensions.length === 0) {
    const template = found.template === null ? null : await list.template(found.template, signal);
    if (template === null) return [];
    const nodes: BrowseNode[] = [];
    for (const member of template.members) {
      nodes.push(await node(id, `${path}.${member.name}`, member.name, member.found, list, signal));
    }
    return nodes;
  }
  const bools = found.type === DWORD && dimensions.length === 1 && found.template === null;
  const size = bools ? dimensions[0]! * 32 : dimensions[0]!;
  if (size > MOST_ELEMENTS && from === null) {
    return Array.from({ length: Math.ceil(size / MOST_ELEMENTS) }, (_, part) => {
      const first = part * MOST_ELEMENTS;
      const last = Math.min(size, first + MOST_ELEMENTS) - 1;
      return { id: `${id}|${path}#${first}`, name: `[${first}] to [${last}]`, hasChildren: true, address: null };
    });
  }
  const first = from ?? 0;
  const element: Found = bools
    ? { type: BOOL, template: null, dimensions: [] }
    : { ...found, dimensions: dimensions.slice(1) };
  const nodes: BrowseNode[] = [];
  for (let index = first; index < Math.min(size, first + MOST_ELEMENTS); index++) {
    const at = path.endsWith(']') ? `${path.slice(0, -1)},${index}]` : `${path}[${index}]`;
    const name = at.slice(at.lastIndexOf('['));
    nodes.push(await node(id, at, name, element, list, signal));
  }
  return nodes;
}

/** What a path leads to; indices may be fewer than dimensions. Null for what is not there. */
async function resolve(path: EipAddress['path'], list: TagList, signal: AbortSignal): Promise<Found | null> {
  const scoped = path[0]!.name.startsWith('Program:');
  const found = await list.symbols(scoped ? path[0]!.name : null, signal);
  if (found.kind === 'refused') return null;
  const steps = scoped ? path.slice(1) : path;
  let at = null as Found | null;
  for (const [level, { name, index }] of steps.entries()) {
    const wanted = name.toLowerCase();
    if (level === 0) at = found.symbols.find((one) => one.name.toLowerCase() === wanted)?.found ?? null;
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
