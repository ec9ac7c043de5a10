import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Bonjour, type Service } from 'bonjour-service';
import { isAbort, messageOf, Problem } from '../../kit/runtime/errors.ts';
import { canonicalAddress, isHomeAddress, isLoopback } from '../../protocol/addresses.ts';
import { mdnsService } from '../../protocol/mdns.ts';
import { boxIdFromDigest } from '../../protocol/names.ts';
import { shownName } from '../shown-name.ts';

/** A box on this network, as it says itself: who it is is proven only by a connection that checks `fingerprint`. */
export interface LocalBox {
  /** What its owner calls it. */
  name: string;
  id: string;
  /** `.local` name. */
  host: string;
  port: number;
  /** Of the console there. */
  path: string;
  addresses: readonly string[];
  /** SHA-256 of the identity's certificate, lower-case hex. */
  fingerprint: string;
}

/** What bonjour-service tells of a service that was found. */
export type FoundService = Pick<Service, 'fqdn' | 'host' | 'port' | 'txt' | 'addresses' | 'referer'>;

/** Once is not enough on Wi-Fi (RFC 6762, 5.2). */
const againMs = [1000, 3000, 9000];

/**
 * The boxes that answer on this network within `ms`, by mDNS and with no cloud at all, on every link; those of this very
 * machine too, whose home network is the loopback link (`npm start`). Leaves out what is no box, and whose id is not of its
 * fingerprint. Throws `mdns-unavailable`.
 */
export async function findBoxes(options: { ms: number; signal?: AbortSignal }): Promise<LocalBox[]> {
  const found = new Map<string, LocalBox>();
  const take = (service: FoundService): void => {
    const box = localBox(service);
    if (box !== undefined) found.set(`${box.id} ${box.host}`, box);
  };
  const links = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family }) => family === 'IPv4');
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const browsing = links.map(({ address }) => browse(address, take, signal));
  // A link that cannot be asked is no reason to leave out the others.
  const failures: unknown[] = [];
  for (const each of browsing) each.catch((error: unknown) => failures.push(error));
  await sleep(options.ms, undefined, { signal }).catch(() => undefined);
  ended.abort();
  await Promise.allSettled(browsing);
  options.signal?.throwIfAborted();
  if (failures.length === links.length && failures.length > 0) throw unavailable(failures[0]);
  return [...found.values()].toSorted((a, b) => (a.name + a.id < b.name + b.id ? -1 : 1));
}

/** Asks on the link with this address of ours, again and again, until `signal` aborts. */
async function browse(
  address: string,
  take: (service: FoundService) => void,
  signal: AbortSignal,
): Promise<void> {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  // With `interface` alone it would hear nothing on Linux, hence `bind`.
  const options = { interface: address, bind: '0.0.0.0' } as ConstructorParameters<typeof Bonjour>[0];
  const bonjour = new Bonjour(options, reject);
  const { server } = bonjour as unknown as {
    server: { mdns: { on(event: 'error', listener: (error: unknown) => void): void } };
  };
  server.mdns.on('error', reject);
  try {
    const browser = bonjour.find({ type: mdnsService.type, protocol: mdnsService.protocol });
    browser.on('up', take).on('txt-update', take).on('srv-update', take);
    const asking = (async () => {
      for (const ms of againMs) {
        await sleep(ms, undefined, { signal });
        browser.update();
      }
      await sleep(2 ** 31 - 1, undefined, { signal });
    })();
    await Promise.race([failed, asking]);
  } catch (error) {
    if (!isAbort(error)) throw error;
  } finally {
    await new Promise<void>((resolve) => bonjour.destroy(() => resolve()));
  }
}

/** The box that a service is, `undefined` unless everything it says of itself fits. */
export function localBox(service: FoundService): LocalBox | undefined {
  const { id, fp, path = '/' } = (service.txt ?? {}) as Record<string, unknown>;
  const host = service.host.toLowerCase().replace(/\.$/, '');
  const { port } = service;
  if (typeof fp !== 'string' || !/^[0-9a-f]{64}$/.test(fp) || typeof path !== 'string') return undefined;
  if (id !== boxIdFromDigest(Buffer.from(fp, 'hex'))) return undefined;
  if (!/^[a-z0-9-]{1,63}\.local$/.test(host) || !Number.isInteger(port) || port < 1 || port > 65_535)
    return undefined;
  // The one it answered from, for those that leave their addresses out.
  const sender = service.referer?.address;
  // Only who speaks from this machine may lead to it: a stranger's 127.0.0.1 would be some service of ours.
  const ours = sender !== undefined && isLoopback(sender);
  const usable = (address: string): boolean => isHomeAddress(address) || (ours && isLoopback(address));
  const said = service.addresses?.filter(usable) ?? [];
  const from = sender === undefined ? [] : [sender].filter(usable);
  return {
    name:
      shownName(service.fqdn.slice(0, service.fqdn.toLowerCase().indexOf(`.${mdnsService.full}`))) || host,
    id,
    host,
    port,
    path: /^\/[\x21-\x7e]*$/.test(path) ? path : '/',
    addresses: [...new Set((said.length > 0 ? said : from).map(canonicalAddress))],
    fingerprint: fp,
  };
}

const unavailable = (error: unknown): Problem =>
  new Problem('mdns-unavailable', `cannot ask this network for boxes (mDNS, UDP 5353): ${messageOf(error)}`, {
    cause: error,
  });
