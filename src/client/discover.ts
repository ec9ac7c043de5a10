import { Problem } from '../kit/runtime/errors.ts';
import type { Endpoints } from '../protocol/access-api.ts';
import { type BoxId, isBoxId, sharedAddressHeader } from '../protocol/constants.ts';
import { askJson } from './answers.ts';
import { type Runtime, runtimeFrom } from './runtime.ts';
import { shownName } from './shown-name.ts';
import { parseEndpointsOf } from './endpoints.ts';

export interface DiscoverOptions {
  /** Origin of the registration-server. */
  registration: string;
  /** The zone root of the operator; with it, boxes of other zones are dropped too. */
  zoneRoot?: string | undefined;
  /** Short code of one box, as a person types it, where many boxes share the public address. */
  code?: string | undefined;
  signal?: AbortSignal | undefined;
  runtime?: Partial<Runtime> | undefined;
}

/** A box that shares the caller's public address. */
export interface FoundBox {
  id: BoxId;
  name: string;
  /** An owner exists. */
  claimed: boolean;
  ways: Endpoints;
  /** The home's resolver drops private addresses: the main name will not lead there. */
  rebindingFilter: boolean;
  /** `.local` name, to be offered where DNS does not lead to the box. */
  mdnsHost: string | undefined;
  /** Last announcement, ms since the epoch. */
  seenAt: number;
}

export interface Discovery {
  boxes: readonly FoundBox[];
  /** More boxes share this public address than are listed: ask the person for the short code. */
  sharedAddress: boolean;
}

/**
 * Which boxes share the caller's public address. What the registration-server says is not believed: an entry of the wrong
 * shape, or of a box with names outside its own zone, is left out. Throws `Problem`: `unreachable`, `bad-answer` (no list at
 * all), and what the server refuses with: `rate-limited` with `retryAfterSeconds`; `origin-not-listed`, see `chooseUrl`.
 */
export async function discover(options: DiscoverOptions): Promise<Discovery> {
  const runtime = runtimeFrom(options.runtime);
  const url = new URL('/ping', options.registration);
  if (options.code !== undefined) url.searchParams.set('code', options.code);
  const { value: entries, headers } = await askJson(url.href, {}, { runtime, signal: options.signal });
  if (!Array.isArray(entries)) {
    throw new Problem('bad-answer', `${options.registration} did not answer with a list of boxes`, {
      status: 502,
    });
  }
  const newest = new Map<BoxId, FoundBox>();
  for (const box of entries.slice(0, maxEntries).map((entry) => boxOf(entry, options.zoneRoot))) {
    if (box !== undefined && !(box.seenAt < (newest.get(box.id)?.seenAt ?? 0))) newest.set(box.id, box);
  }
  const boxes = [...newest.values()].toSorted((a, b) => (a.name + a.id < b.name + b.id ? -1 : 1));
  return { boxes, sharedAddress: headers.get(sharedAddressHeader) === '?1' };
}

const maxEntries = 100;

/** The box in an entry of the registration-server's answer, `undefined` unless everything about it is right. */
export function boxOf(entry: unknown, zoneRoot?: string): FoundBox | undefined {
  const { client, message, timestamp } = fieldsOf(entry);
  if (typeof client !== 'string' || !isBoxId(client) || !Number.isSafeInteger(timestamp)) return undefined;
  const said = fieldsOf(typeof message === 'string' ? parsed(message) : undefined);
  const ways = parseEndpointsOf(
    {
      main: said['local_origin'],
      mirrors: said['mirror_origins'],
      tunnel: said['tunnel_origin'],
      address: null,
    },
    client,
    zoneRoot,
  );
  const { name, claimed, mdns_host: mdnsHost } = said;
  if (ways === undefined || typeof name !== 'string' || typeof claimed !== 'boolean') return undefined;
  const shown = shownName(name);
  if (shown === '') return undefined;
  return {
    id: client,
    name: shown,
    claimed,
    ways,
    rebindingFilter: said['rebinding_filter'] === true,
    mdnsHost:
      typeof mdnsHost === 'string' && /^[a-z0-9-]{1,63}\.local$/.test(mdnsHost) ? mdnsHost : undefined,
    seenAt: (timestamp as number) * 1000,
  };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
