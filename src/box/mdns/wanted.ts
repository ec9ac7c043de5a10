import { cutToFit } from '../../kit/runtime/text.ts';
import { addressFamily } from '../../protocol/addresses.ts';
import type { MdnsText } from '../../protocol/mdns.ts';
import { shortId, type BoxId } from '../../protocol/names.ts';
import type { HomeNetwork } from '../facts.ts';

/** What is to be announced on the home network, whoever does it. */
export interface WantedService {
  boxId: BoxId;
  /** What the owner calls the box, as a DNS-SD instance name: at most 63 bytes of UTF-8 (RFC 6763, 4.1.1). */
  name: string;
  port: number;
  text: MdnsText;
  links: readonly Link[];
}

/** A home interface. IPv4 is what mDNS is spoken over; IPv6 addresses are announced too. */
export interface Link {
  /** The interface's own IPv4 address. */
  source: string;
  addresses: readonly string[];
}

export interface MdnsAdapter {
  readonly kind: 'avahi' | 'bonjour';
  /** Makes `wanted` what is announced. Safe to repeat; `againMs`: wants to be called again then, although nothing changed. */
  publish(wanted: WantedService, signal: AbortSignal): Promise<Published>;
  /** Says goodbye and leaves nothing behind. Safe to repeat. */
  withdraw(): Promise<void>;
}

/** Which of our names somebody else uses, and who. */
export interface Conflict {
  what: 'instance' | 'host';
  /** The other's address. */
  from: string;
}

export interface Published {
  /** `undefined` while there is no link to announce on. */
  instance: string | undefined;
  host: string | undefined;
  againMs?: number;
  /** A name was lost to another device. */
  conflict?: Conflict;
}

/** The interfaces to announce on. One without IPv4 is left out: neither adapter nor most clients speak mDNS over IPv6 alone. */
export function linksOf(network: HomeNetwork): Link[] {
  return network.interfaces.flatMap(({ addresses }) => {
    const source = addresses.find((address) => addressFamily(address) === 4);
    return source === undefined ? [] : [{ source, addresses }];
  });
}

/** `name` as one DNS label of at most `bytes` of UTF-8, without what it may not hold (RFC 6763, 4.1.1). */
export function instanceName(name: string, bytes = 63): string {
  // oxlint-disable-next-line no-control-regex -- control characters are exactly what has to go
  const clean = name.replaceAll(/[\u0000-\u001F\u007F]/g, '').trim();
  return cutToFit(clean, (text) => Buffer.byteLength(text) <= bytes) || 'Porchlight';
}

/** A name that no other box has, so that conflicts are rare. A dot would end the label in bonjour-service. */
export function uniqueInstanceName(name: string, boxId: BoxId): string {
  const suffix = ` (${shortId(boxId)})`;
  return instanceName(name.replaceAll('.', '-'), 63 - suffix.length) + suffix;
}

/** `label` after so many others were lost to other devices: ` #2`, ` #3`, as avahi-daemon counts. */
export function numbered(label: string, lost: number): string {
  if (lost === 0) return label;
  const suffix = ` #${lost + 1}`;
  return cutToFit(label, (text) => Buffer.byteLength(text) <= 63 - suffix.length) + suffix;
}

/** avahi where it runs and takes our file, else bonjour-service: a person's own computer runs avahi, but not for us. */
export function chooseAdapter(
  setting: 'auto' | 'avahi' | 'bonjour' | 'off',
  machine: { avahiRuns: boolean; folderWritable: boolean },
): 'avahi' | 'bonjour' | 'off' {
  if (setting !== 'auto') return setting;
  return machine.avahiRuns && machine.folderWritable ? 'avahi' : 'bonjour';
}
