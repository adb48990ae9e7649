import type { EipFaults } from './faults.ts';
import { parsePath, type Segment } from './path.ts';
import { encode, type Services, STATUS, u32 } from './services.ts';

// The connection manager (CIP volume 1, chapter 3): unconnected sends to the controller in its slot, and connections.

interface Connection {
  readonly toTarget: number;
  readonly toOriginator: number;
  readonly serial: number;
  /** Bytes of a message on the connection, to the target and back; its sequence count is not among them. */
  readonly requestBytes: number;
  readonly replyBytes: number;
  readonly target: Target;
}
/** A controller behind the port. */
export interface Target {
  /** Null: the port is the controller's own. */
  readonly slot: number | null;
  readonly services: Services;
}
export type Connections = Map<number, Connection>;

export interface ManagerOptions {
  /** Answers what is asked of the port itself. */
  readonly first: Target;
  /** Controllers in other slots. */
  readonly others: readonly Target[];
  /** The way to their rack, pairs of port and slot or address; empty where the port stands in it. */
  readonly hops: readonly (readonly [port: number, link: number | string])[];
  readonly largestConnection: number;
  readonly faults: () => EipFaults;
}

export interface Manager {
  /** The whole answer to a request that came without a connection, at most `limit` bytes. `open`: the connections of its sender. */
  answer(open: Connections, request: Buffer, limit: number): { readonly bytes: Buffer; readonly by: Target };
}

export function createManager(options: ManagerOptions): Manager {
  const { first, others, hops } = options;
  let nextConnection = 0x2000_0001;
  /** Whom the request at hand is for. */
  let by = first;

  /** A request to the port's own message router: connection manager services, routed or answered here. */
  function router(open: Connections, request: Buffer, limit: number, routed: boolean): Buffer {
    const service = request[0] ?? 0;
    const path = request.subarray(2, 2 + (request[1] ?? 0) * 2);
    const data = request.subarray(2 + path.length);
    const toManager = path.length === 4 && path[0] === 0x20 && path[1] === 0x06 && path[2] === 0x24 && path[3] === 0x01;
    if (!toManager) {
      // Behind a port with a backplane the tags belong to the controller in its slot, not to the port.
      if (!routed && first.slot !== null && request.length > 2 && request[2] === 0x91) {
        return encode(service, { status: STATUS.pathUnknown, extended: 0 });
      }
      return by.services.answer(request, limit);
    }
    switch (service) {
      case 0x52: {
        if (data.length < 4) return encode(service, { status: STATUS.notEnoughData });
        const size = data.readUInt16LE(2);
        const inner = data.subarray(4, 4 + size);
        const routeAt = 4 + size + (size % 2);
        const route = data.subarray(routeAt + 2, routeAt + 2 + (data[routeAt] ?? 0) * 2);
        const target = targetOf(route);
        if (target === null) return encode(service, { status: STATUS.connectionFailure, extended: 0x0311 });
        by = target;
        return router(open, inner, limit, true);
      }
      case 0x54:
      case 0x5b:
        return forwardOpen(open, service, data);
      case 0x4e: {
        if (data.length < 10) return encode(service, { status: STATUS.notEnoughData });
        const serial = data.readUInt16LE(2);
        for (const [id, connection] of open) {
          if (connection.serial !== serial) continue;
          open.delete(id);
          return encode(service, { status: 0, data: Buffer.concat([data.subarray(2, 10), Buffer.of(0, 0)]) });
        }
        return encode(service, { status: STATUS.connectionFailure, extended: 0x0107 });
      }
      default:
        return encode(service, { status: STATUS.notSupported });
    }
  }

  function forwardOpen(open: Connections, service: number, data: Buffer): Buffer {
    const { refuseForwardOpen, noLargeForwardOpen } = options.faults();
    if (refuseForwardOpen !== undefined) {
      const [status, extended] = refuseForwardOpen;
      return encode(service, { status, extended });
    }
    const large = service === 0x5b;
    if (large && noLargeForwardOpen === true) return encode(service, { status: STATUS.notSupported });
    const parameters = large ? 4 : 2;
    const pathAt = 2 + 4 + 4 + 2 + 2 + 4 + 4 + 2 * (4 + parameters) + 1;
    if (data.length < pathAt + 1) return encode(service, { status: STATUS.notEnoughData });
    const toTarget = nextConnection++;
    const toOriginator = data.readUInt32LE(6);
    const serial = data.readUInt16LE(10);
    // A connection's size has the two bytes of the sequence count in it.
    const sizeAt = (at: number): number => (large ? data.readUInt32LE(at) & 0xffff : data.readUInt16LE(at) & 0x1ff);
    const toTargetSize = sizeAt(26);
    const toOriginatorSize = sizeAt(26 + parameters + 4);
    const path = data.subarray(pathAt + 1, pathAt + 1 + data[pathAt]! * 2);
    const route = path.length >= 4 ? path.subarray(0, path.length - 4) : path;
    const target = targetOf(route);
    if (target === null) return encode(service, { status: STATUS.connectionFailure, extended: 0x0311 });
    by = target;
    if (Math.max(toTargetSize, toOriginatorSize) > options.largestConnection) {
      return encode(service, { status: STATUS.connectionFailure, extended: 0x0109 });
    }
    open.set(toTarget, {
      toTarget,
      toOriginator,
      serial,
      requestBytes: toTargetSize - 2,
      replyBytes: toOriginatorSize - 2,
      target,
    });
    const rpi = data.subarray(22, 26);
    return encode(service, {
      status: 0,
      data: Buffer.concat([u32(toTarget), u32(toOriginator), data.subarray(10, 18), rpi, rpi, Buffer.of(0, 0)]),
    });
  }

  /** The controller that a route leads to: over all hops to its rack, then by port 1 (backplane) to its slot. */
  function targetOf(route: Buffer): Target | null {
    try {
      const path = parsePath(route);
      return [first, ...others].find(({ slot }) => isWay(path, slot === null ? hops : [...hops, [1, slot]])) ?? null;
    } catch {
      return null;
    }
  }

  return {
    answer(open, request, limit) {
      by = first;
      const bytes = router(open, request, limit, false);
      return { bytes, by };
    },
  };
}

const isWay = (path: readonly Segment[], way: ManagerOptions['hops']): boolean =>
  path.length === way.length &&
  path.every((hop, at) => {
    const [port, link] = way[at]!;
    const bytes = typeof link === 'number' ? Buffer.of(link) : Buffer.from(link, 'latin1');
    return hop.kind === 'port' && hop.port === port && hop.link.equals(bytes);
  });
