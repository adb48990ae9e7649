import type { DriverContext } from '#engine/protocols/protocol.ts';
import type { ModbusConfig } from './config.ts';
import type { Link } from './link.ts';
import { paced } from './pace.ts';
import { openRtuLink } from './rtu-link.ts';
import { openTcpLink } from './tcp-link.ts';

/** Throws `protocol.connect-failed`, `protocol.timeout`, or the signal's reason. */
export async function openLink(config: ModbusConfig, context: DriverContext, signal: AbortSignal): Promise<Link> {
  const link = await (config.framing === 'tcp' ? openTcpLink : openRtuLink)(config, context, signal);
  return config.requestsPerSecond === 0 ? link : paced(link, config.requestsPerSecond, context.clock);
}
