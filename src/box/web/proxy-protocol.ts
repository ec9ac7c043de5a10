import { addressFamily, canonicalAddress } from '../../protocol/addresses.ts';

/** Where a connection really comes from, when it reaches us through a relay. */
export interface HttpVisitor {
  address: string;
  port: number;
}

/** Longest header of version 1 with its CRLF (PROXY protocol, 2.1). */
const proxyHeaderLimit = 107;

export type ProxyHeader =
  | { state: 'incomplete' }
  | { state: 'invalid' }
  /** `length`: bytes of the header. `visitor` is absent for `PROXY UNKNOWN`. */
  | { state: 'complete'; length: number; visitor: HttpVisitor | undefined };

const header = /^PROXY (?:UNKNOWN.*|TCP[46] (?<address>[!-~]+) [!-~]+ (?<port>\d{1,5}) \d{1,5})$/;

/** Reads the human-readable header of the PROXY protocol, version 1, from the first bytes of a connection. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  const end = bytes.indexOf('\r\n');
  if (end === -1) return { state: bytes.length >= proxyHeaderLimit ? 'invalid' : 'incomplete' };
  if (end > proxyHeaderLimit - 2) return { state: 'invalid' };
  const match = header.exec(bytes.toString('latin1', 0, end));
  if (match === null) return { state: 'invalid' };
  const { address, port } = match.groups ?? {};
  const length = end + 2;
  if (address === undefined) return { state: 'complete', length, visitor: undefined };
  if (addressFamily(address) === undefined || Number(port) > 65_535) return { state: 'invalid' };
  return { state: 'complete', length, visitor: { address: canonicalAddress(address), port: Number(port) } };
}
