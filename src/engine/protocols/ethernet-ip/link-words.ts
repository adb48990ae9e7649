/** What went wrong below EtherNet/IP, and what to do, in words. */
export interface LinkTrouble {
  readonly sentence: string;
  readonly advice: string;
}

/** Node's error code of a failed name look-up, connection attempt or link; tries inside an AggregateError. */
export function errorCode(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0]);
  const code: unknown = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : 'unknown';
}

export function connectTrouble(error: unknown, endpoint: string, localAddress: string): LinkTrouble {
  const code = errorCode(error);
  switch (code) {
    case 'ECONNREFUSED':
      return {
        sentence: `${endpoint} refused the connection: the host is there, but no program listens on this port.`,
        advice: 'Check that EtherNet/IP is enabled in the controller and that the port is right.',
      };
    case 'ENOTFOUND':
    case 'EAI_NONAME':
      return {
        sentence: `The name in ${endpoint} is not known.`,
        advice: 'Check the spelling, or use the IP address of the device.',
      };
    case 'EAI_AGAIN':
      return {
        sentence: `The name in ${endpoint} could not be looked up: no name server answered.`,
        advice: 'Use the IP address of the device; plant networks often have no name server.',
      };
    case 'EHOSTUNREACH':
    case 'EHOSTDOWN':
      return {
        sentence: `${endpoint} can't be reached: no host with this address answers on the network.`,
        advice: 'Check that the device is powered, the cable is plugged in and the address is right.',
      };
    case 'ENETUNREACH':
      return {
        sentence: `${endpoint} can't be reached: this computer has no route to its network.`,
        advice: 'Give this computer an address in the network of the device, or set a route.',
      };
    case 'ETIMEDOUT':
      return {
        sentence: `${endpoint} did not answer the connection request.`,
        advice: 'Check address and cable, and that no firewall in between drops the port.',
      };
    case 'EADDRNOTAVAIL':
      return {
        sentence: `This computer has no address ${localAddress === '' ? 'for this connection' : localAddress}.`,
        advice: 'Choose one of its own addresses in the connection, or leave it empty.',
      };
    case 'ECONNRESET':
      return {
        sentence: `${endpoint} ended the connection while it was being made.`,
        advice: 'Many controllers allow few connections. Close other programs that are connected to the device.',
      };
    case 'EACCES':
    case 'EPERM':
      return {
        sentence: `This computer does not allow a connection to ${endpoint}.`,
        advice: 'Check the firewall and security settings of this computer.',
      };
    default:
      return {
        sentence: `The connection to ${endpoint} failed (${code}).`,
        advice: 'Check address, port and cable.',
      };
  }
}
