import { type BoxId, isBoxId } from '../../protocol/constants.ts';
import type { Ways } from '../../protocol/access-api.ts';

/** By which of its names the window goes to a box. */
export type Road = 'home' | 'tunnel' | 'local-name';

/** What is known of a box before it has let this app in. */
export interface Destination {
  id: BoxId;
  name: string;
  claimed: boolean;
  ways: Ways;
  rebindingFilter: boolean;
  mdnsHost: string | undefined;
}

/** The window was sent to a box, and may not have got there. Lives as long as the tab. */
export interface Departure {
  box: Destination;
  road: Road;
  state: string;
  /** ms since the epoch. */
  at: number;
}

/** The roads to a box, the most promising first. A new box has no tunnel, and is set up from its own network only. */
export function roadsTo(box: Destination): [Road, ...Road[]] {
  const tunnel: Road[] = box.claimed && box.ways.tunnel !== null ? ['tunnel'] : [];
  const local: Road[] = box.mdnsHost === undefined ? [] : ['local-name'];
  return box.rebindingFilter && tunnel.length > 0
    ? ['tunnel', 'home', ...local]
    : ['home', ...tunnel, ...local];
}

/** Origin for a road. A `.local` name stands for the same listener as the main name. */
export function originOf(box: Destination, road: Road): string {
  if (road === 'tunnel') return box.ways.tunnel ?? box.ways.main;
  if (road === 'home' || box.mdnsHost === undefined) return box.ways.main;
  const { port } = new URL(box.ways.main);
  return `https://${box.mdnsHost}${port === '' ? '' : `:${port}`}`;
}

const key = 'porchlight:departure';
/** After this long nobody waits for that page any more. */
const longestMs = 30 * 60_000;

export function saveDeparture(departure: Departure): void {
  sessionStorage.setItem(key, JSON.stringify(departure));
}

export function forgetDeparture(): void {
  sessionStorage.removeItem(key);
}

/** Written by this page alone, in this tab: only an older version of it could have written something else. */
export function loadDeparture(now: number): Departure | undefined {
  try {
    const departure = JSON.parse(sessionStorage.getItem(key) ?? '') as Departure;
    return isBoxId(departure.box.id) && now - departure.at < longestMs ? departure : undefined;
  } catch {
    return undefined;
  }
}
