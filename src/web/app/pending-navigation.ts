import { type BoxId, isBoxId } from '../../protocol/constants.ts';
import type { Endpoints } from '../../protocol/access-api.ts';

/** By which of its names the window goes to a box. */
export type Route = 'home' | 'tunnel' | 'local-name';

/** What is known of a box before it has let this app in. */
export interface Destination {
  id: BoxId;
  name: string;
  claimed: boolean;
  ways: Endpoints;
  rebindingFilter: boolean;
  mdnsHost: string | undefined;
}

/** The window was sent to a box, and may not have got there. Lives as long as the tab. */
export interface PendingNavigation {
  box: Destination;
  route: Route;
  state: string;
  /** ms since the epoch. */
  at: number;
}

/** The routes to a box, the most promising first. A new box has no tunnel, and is set up from its own network only. */
export function routesTo(box: Destination): [Route, ...Route[]] {
  const tunnel: Route[] = box.claimed && box.ways.tunnel !== null ? ['tunnel'] : [];
  const local: Route[] = box.mdnsHost === undefined ? [] : ['local-name'];
  return box.rebindingFilter && tunnel.length > 0
    ? ['tunnel', 'home', ...local]
    : ['home', ...tunnel, ...local];
}

/** Origin for a route. A `.local` name stands for the same listener as the main name. */
export function originOf(box: Destination, route: Route): string {
  if (route === 'tunnel') return box.ways.tunnel ?? box.ways.main;
  if (route === 'home' || box.mdnsHost === undefined) return box.ways.main;
  const { port } = new URL(box.ways.main);
  return `https://${box.mdnsHost}${port === '' ? '' : `:${port}`}`;
}

const key = 'porchlight:departure';
/** After this long nobody waits for that page any more. */
const longestMs = 30 * 60_000;

export function savePending(pending: PendingNavigation): void {
  sessionStorage.setItem(key, JSON.stringify(pending));
}

export function forgetPending(): void {
  sessionStorage.removeItem(key);
}

/** Written by this page alone, in this tab: only an older version of it could have written something else. */
export function loadPending(now: number): PendingNavigation | undefined {
  try {
    const pending = JSON.parse(sessionStorage.getItem(key) ?? '') as PendingNavigation;
    return isBoxId(pending.box.id) && now - pending.at < longestMs ? pending : undefined;
  } catch {
    return undefined;
  }
}
