import type { Endpoints } from '../protocol/access-api.ts';
import { type BoxId, mirrorLabelPattern, tunnelLabel } from '../protocol/constants.ts';

/**
 * One endpoint. `main`, `mirror` and `address` are names of the same address on the home network; `tunnel` leads through the
 * relay from anywhere.
 */
export interface Endpoint {
  kind: 'main' | 'mirror' | 'address' | 'tunnel';
  origin: string;
}

export const isLocal = (endpoint: Endpoint): boolean => endpoint.kind !== 'tunnel';

/** Every way there is, in the order of the list. */
export function allEndpoints(ways: Endpoints): Endpoint[] {
  const { main, mirrors, address, tunnel } = ways;
  return [
    { kind: 'main', origin: main },
    ...mirrors.map((origin): Endpoint => ({ kind: 'mirror', origin })),
    ...(address === null ? [] : [{ kind: 'address', origin: address } as const]),
    ...(tunnel === null ? [] : [{ kind: 'tunnel', origin: tunnel } as const]),
  ];
}

const originPattern = /^https:\/\/((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+)(?::([1-9]\d{0,4}))?$/;
const mirrorLabel = new RegExp(mirrorLabelPattern);
/** `192-168-1-20`, `fd00--1`. Only the box itself tells its address name, so the shape is check enough. */
const addressLabel = /^(?=.*-)[0-9a-f-]{4,39}$/;
const maxMirrors = 8;

/** Host of an origin as the protocol writes them, or `undefined`. */
function hostOf(origin: unknown): string | undefined {
  if (typeof origin !== 'string' || origin.length > 270) return undefined;
  const [, host, port = '443'] = originPattern.exec(origin) ?? [];
  return Number(port) <= 65_535 ? host : undefined;
}

/**
 * The endpoints of `value`, which may be anything, if every one is the name of its kind in `zone`; else `undefined`. A token is
 * sent wherever these lead: a name outside the zone, or of a service published in it, must never be among them.
 */
export function parseEndpoints(value: unknown, zone: string): Endpoints | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { main, mirrors, tunnel, address } = value as Record<keyof Endpoints, unknown>;
  const label = (origin: unknown): string | undefined => {
    const host = hostOf(origin);
    return host?.endsWith(`.${zone}`) === true ? host.slice(0, -zone.length - 1) : undefined;
  };
  const named = (origin: unknown, fits: (label: string) => boolean): origin is string => {
    const name = label(origin);
    return name !== undefined && fits(name);
  };
  if (hostOf(main) !== zone || !Array.isArray(mirrors) || mirrors.length > maxMirrors) return undefined;
  if (!mirrors.every((origin) => named(origin, (name) => mirrorLabel.test(name)))) return undefined;
  if (tunnel !== null && !named(tunnel, (name) => name === tunnelLabel)) return undefined;
  if (address !== null && !named(address, (name) => addressLabel.test(name))) return undefined;
  return { main: main as string, mirrors, tunnel, address };
}

/** As `parseWays`, where the zone is not known yet: it is the main name's, and must be the zone of the box with this id. */
export function parseEndpointsOf(value: unknown, id: BoxId, zoneRoot?: string): Endpoints | undefined {
  const zone = hostOf((value as Partial<Endpoints> | null | undefined)?.main);
  const fits =
    zoneRoot === undefined ? zone?.startsWith(`${id}.`) === true : zone === `${id}.${zoneRoot.toLowerCase()}`;
  return zone !== undefined && fits ? parseEndpoints(value, zone) : undefined;
}

/** The zone that checked ways are in. */
export const zoneOf = (ways: Endpoints): string => new URL(ways.main).hostname;
