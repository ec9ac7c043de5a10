import { hostName } from '../../kit/http/http-text.ts';
import type { ZoneNames } from '../../protocol/names.ts';
import { isOwnHost } from '../origins.ts';

/*
 * Whose a request is. The name that TLS was asked for (SNI) says how the connection got here (the relay passes it on by that
 * name, and a browser believes what it proves), the name in the request what is wanted. Where they are not of one site,
 * somebody enters by a name that leads elsewhere.
 */

export interface Asked {
  /** Of the ClientHello; absent where the client named none. */
  serverName: string | undefined;
  /** `Host` or `:authority`; absent in HTTP/1.0. */
  host: string | undefined;
  through: 'home' | 'tunnel';
}

export type Choice =
  | { kind: 'own' }
  | { kind: 'service'; label: string }
  /** Below the zone, and nothing. */
  | { kind: 'unknown'; name: string }
  /** RFC 9110, 15.5.20. */
  | { kind: 'misdirected' };

/** Each service answers under its own name only; at home also where a client names none to TLS. */
export function chosen(
  { serverName, host, through }: Asked,
  names: ZoneNames,
  services: ReadonlySet<string>,
): Choice {
  const wanted = siteOf(host, names, services);
  const opened = serverName === undefined ? undefined : siteOf(serverName, names, services);
  const mismatched =
    opened === undefined ? wanted.kind === 'service' && through === 'tunnel' : !isSame(wanted, opened);
  if (mismatched) return { kind: 'misdirected' };
  // A name that is given to the box by somebody else's DNS leads to its own pages, which look at it themselves.
  return wanted.kind === 'foreign' ? { kind: 'own' } : wanted;
}

type Site = Exclude<Choice, { kind: 'misdirected' }> | { kind: 'foreign'; name: string };

function siteOf(host: string | undefined, names: ZoneNames, services: ReadonlySet<string>): Site {
  if (host === undefined || isOwnHost(host, names)) return { kind: 'own' };
  const name = hostName(host);
  const suffix = `.${names.main}`;
  if (!name.endsWith(suffix)) return { kind: 'foreign', name };
  const label = name.slice(0, -suffix.length);
  return services.has(label) ? { kind: 'service', label } : { kind: 'unknown', name };
}

function isSame(one: Site, other: Site): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
