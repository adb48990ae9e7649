import { type Identity, parseIdentity, request, SERVICE, STATUS } from './cip.ts';
import type { Controller } from './controller.ts';
import { objectPath } from './path.ts';
import { statusText } from './status.ts';

const IDENTITY = objectPath(0x01, 1);

export type FoundIdentity =
  | { readonly kind: 'identity'; readonly identity: Identity }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly extended: readonly number[];
      readonly reason: string;
    };

/** Who a controller at the end of its path says it is. Throws `protocol.timeout` and what links throw. */
export async function askIdentity(controller: Controller, signal: AbortSignal): Promise<FoundIdentity> {
  const heard = await controller.askUnconnected(request(SERVICE.getAttributesAll, IDENTITY), signal);
  if (heard.kind !== 'reply') {
    return { kind: 'refused', status: 0, extended: [], reason: heard.kind === 'malformed' ? heard.reason : 'too long' };
  }
  const { status, extended, data } = heard.reply;
  const identity = status === STATUS.ok ? parseIdentity(data) : null;
  if (identity !== null) return { kind: 'identity', identity };
  return {
    kind: 'refused',
    status,
    extended,
    reason: status === STATUS.ok ? 'too short' : statusText(status, extended),
  };
}
