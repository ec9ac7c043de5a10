import { lookup, Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { type Clock, seconds } from '../../kit/runtime/clock.ts';
import { codeOf, Problem } from '../../kit/runtime/errors.ts';

export interface DnsCheck {
  /** `_acme-challenge.<zone>`. */
  name: string;
  values: readonly string[];
  /** `host:port` (`[address]:port` for IPv6) of every authoritative server. */
  servers: readonly string[];
  /** Gives up after this long. */
  patienceMs?: number;
  clock: Clock;
  signal: AbortSignal;
}

const answerMs = 1500;

/** A server that was silent so often in a row cannot be reached from here. */
const silences = 3;

/**
 * Resolves when every authoritative server serves every value: the CA may ask any of them. Asked are the servers
 * themselves, never the home's resolver, which would remember an answer that came too early. One that cannot be reached
 * says nothing as long as another serves: homes have one family of addresses where name servers have two.
 * Throws `challenge-not-served`, which names the servers.
 */
export async function untilServed(check: DnsCheck): Promise<void> {
  const { servers, values, name, patienceMs = seconds(60), clock, signal } = check;
  const end = clock.monotonic() + patienceMs;
  let pending = servers.map((server) => ({ server, silent: 0 }));
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 2000)) {
    const looked = await Promise.all(
      pending.map(async ({ server, silent }) => {
        const served = await isServed(server, name, values, signal);
        return { server, served, silent: served === undefined ? silent + 1 : 0 };
      }),
    );
    signal.throwIfAborted();
    pending = looked.filter(({ served }) => served !== true);
    const anyServes = pending.length < servers.length;
    if (anyServes && pending.every(({ silent }) => silent >= silences)) return;
    if (clock.monotonic() >= end || servers.length === 0) break;
    await clock.sleep(delayMs, signal);
  }
  const who =
    servers.length === 0
      ? 'no authoritative server is known that serves'
      : `${pending.map(({ server }) => server).join(', ')} does not serve`;
  throw new Problem('challenge-not-served', `${who} the TXT values at ${name}; check the dns-server`, {
    status: 504,
  });
}

/** Of a server's addresses at least one must serve all values and none may lack one; `undefined` when none answers. */
async function isServed(
  server: string,
  name: string,
  values: readonly string[],
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const answers = await Promise.all(
    (await addressesOf(server, signal)).map(async (address) => {
      const served = await textValues(address, name, signal);
      return served && values.every((value) => served.includes(value));
    }),
  );
  return answers.includes(false) ? false : answers.find((answer) => answer === true);
}

/** It answered, if only that it will not: a CA that asks it learns no more. */
const answersWithout: ReadonlySet<string> = new Set([
  'ENOTFOUND',
  'ENODATA',
  'ESERVFAIL',
  'EREFUSED',
  'ENOTIMP',
  'EFORMERR',
]);

/** The TXT values one server has at `name`; `undefined` when it does not answer. */
async function textValues(server: string, name: string, signal: AbortSignal): Promise<string[] | undefined> {
  // A resolver for each question: it would answer a second one from its cache.
  const resolver = new Resolver({ timeout: answerMs, tries: 1 });
  const cancel = (): void => resolver.cancel();
  resolver.setServers([server]);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return (await resolver.resolveTxt(name)).map((strings) => strings.join(''));
  } catch (error) {
    return answersWithout.has(codeOf(error)) ? [] : undefined;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

async function addressesOf(server: string, signal: AbortSignal): Promise<string[]> {
  const { hostname, port } = new URL(`dns://${server}`);
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(literal) !== 0) return [server];
  const found = new AbortController();
  try {
    // The system's resolver cannot be told to stop; on abort nobody waits for it.
    const aborted = once(signal, 'abort', { signal: found.signal }).then(() => []);
    const addresses = await Promise.race([lookup(hostname, { all: true }), aborted]);
    return addresses.map(({ address, family }) =>
      family === 6 ? `[${address}]:${port}` : `${address}:${port}`,
    );
  } catch {
    return [];
  } finally {
    found.abort();
  }
}
