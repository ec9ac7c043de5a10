import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { codeOf } from '../../kit/runtime/errors.ts';
import { addressFamily, canonicalAddress } from '../../protocol/addresses.ts';

/**
 * What one server said. `no-data`: the name exists without such records; `no-name`: NXDOMAIN; `refused`: it answered
 * with a failure; `silent`: it did not answer (properly) at all.
 */
export interface DnsReply {
  outcome: 'found' | 'no-data' | 'no-name' | 'refused' | 'silent';
  /** Canonical texts, sorted. */
  addresses: readonly string[];
}

export interface DnsQuestion {
  /** The server to ask: `host`, `host:port` or `[v6]:port`; port 53 when absent. */
  server: string;
  name: string;
  signal: AbortSignal;
}

/** The second try waits twice as long: three seconds in all. */
const timeoutMs = 1000;
const tries = 2;

/** Asks one server for the A (4) or AAAA (6) records of a name, past the system's resolver and its caches. */
export function askAddresses(question: DnsQuestion, family: 4 | 6): Promise<DnsReply> {
  return ask(question, async (resolver) => {
    const found = await (family === 4 ? resolver.resolve4(question.name) : resolver.resolve6(question.name));
    return found.filter((address) => addressFamily(address) !== undefined).map(canonicalAddress);
  });
}

/** Asks one server whether it knows of the zone: SOA records are of no interest to any filter of addresses. */
export function askSoa(question: DnsQuestion): Promise<DnsReply> {
  return ask(question, async (resolver) => {
    await resolver.resolveSoa(question.name);
    return [];
  });
}

async function ask(
  question: DnsQuestion,
  action: (resolver: Resolver) => Promise<string[]>,
): Promise<DnsReply> {
  const { server, signal } = question;
  signal.throwIfAborted();
  const address = await numeric(server).catch(() => undefined);
  if (address === undefined) return { outcome: 'silent', addresses: [] };
  const resolver = new Resolver({ timeout: timeoutMs, tries });
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    resolver.setServers([address]);
    return { outcome: 'found', addresses: (await action(resolver)).toSorted() };
  } catch (error) {
    signal.throwIfAborted();
    return { outcome: outcomes[codeOf(error)] ?? 'silent', addresses: [] };
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

const outcomes: Record<string, DnsReply['outcome']> = {
  ENODATA: 'no-data',
  ENOTFOUND: 'no-name',
  ESERVFAIL: 'refused',
  EREFUSED: 'refused',
  ENOTIMP: 'refused',
  EFORMERR: 'refused',
};

/** `server` with the address in place of a name. */
async function numeric(server: string): Promise<string> {
  if (isIP(server) !== 0 || server.startsWith('[')) return server;
  const [host = '', port = '53'] = server.split(':');
  if (isIP(host) !== 0) return server;
  const { address, family } = await lookup(host);
  return family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
