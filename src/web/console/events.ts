import type { BoxEvent } from '../../protocol/access-api.ts';
import { accessPaths, sessionEndedClose } from '../../protocol/constants.ts';

const firstWaitMs = 1000;
const longestWaitMs = 30_000;

/** How long to wait before the next try after `failures` in a row; `random` in [0, 1) spreads pages that fell together. */
export function waitBeforeTry(failures: number, random: number): number {
  return Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(failures, 10)) * (0.5 + random / 2);
}

/** The event in a message of the socket; `undefined` for what this page does not know. */
export function eventOf(data: unknown): BoxEvent | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null && 'type' in value ? (value as BoxEvent) : undefined;
  } catch {
    return undefined;
  }
}

export interface EventsOptions {
  /** The session is over, by the box's word. */
  onEnded: () => void;
  /** Something changed; also after the socket was away, when an event may have been missed. */
  onState: () => void;
  /** Somebody is waiting for an answer, or no longer; also after the socket was away. */
  onApprovals: () => void;
  /** The socket could not be opened or was lost: maybe the session is over. */
  onLost: () => void;
  url?: string;
}

/** Listens to the box for as long as it may; answers what ends it. */
export function listenToBox(options: EventsOptions): () => void {
  const { onEnded, onState, onApprovals, onLost, url = eventsUrl() } = options;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let socket: WebSocket;
  let over = false;

  const connect = (): void => {
    socket = new WebSocket(url);
    socket.addEventListener('open', () => {
      if (failures > 0) {
        onState();
        onApprovals();
      }
      failures = 0;
    });
    socket.addEventListener('message', ({ data }) => {
      const event = eventOf(data);
      if (event?.type === 'session-ended') end(onEnded);
      else if (event?.type === 'state') onState();
      else if (event?.type === 'approvals') onApprovals();
    });
    socket.addEventListener('close', ({ code }) => {
      if (over) return;
      if (code === sessionEndedClose) return end(onEnded);
      timer = setTimeout(connect, waitBeforeTry(failures, Math.random()));
      failures++;
      onLost();
    });
  };
  const end = (then?: () => void): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    socket.close();
    then?.();
  };
  connect();
  return () => end();
}

function eventsUrl(): string {
  const url = new URL(accessPaths.events, location.origin);
  url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
  return url.href;
}
