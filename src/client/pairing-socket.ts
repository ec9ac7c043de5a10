import type { BoxEvent } from '../protocol/access-api.ts';
import {
  pairingPaths,
  pairingProtocol,
  sessionEndedClose,
  tokenProtocolPrefix,
} from '../protocol/constants.ts';
import type { SocketDetails } from '../protocol/pairing-api.ts';
import { boxEvent, parsed } from './box-event.ts';
import { isOpen } from './ping.ts';
import type { Runtime } from './runtime.ts';
import { shownName } from './shown-name.ts';

export interface PairingSocketOptions {
  origin: string;
  serverId: string;
  token: string;
  /** The box has taken the token; as what the owner let this client in. */
  onOpen: (label: string) => void;
  onEvent: (event: BoxEvent) => void;
  runtime: Runtime;
}

const openMs = 10_000;
/** A socket says nothing when its peer has gone: the box is asked this often. */
const askEveryMs = 15_000;

/** Resolves when the socket is over: `ended` with the session, by the box's word, or `lost`. */
export async function livePairingSocket(
  { origin, serverId, token, onOpen, onEvent, runtime }: PairingSocketOptions,
  signal: AbortSignal,
): Promise<'ended' | 'lost'> {
  const url = origin.replace('https:', 'wss:') + pairingPaths.socket;
  // A browser can send no header with it; in the URL the token would be written down on the way.
  const socket = runtime.openSocket(url, [pairingProtocol, tokenProtocolPrefix + token]);
  const done = new AbortController();
  const over = AbortSignal.any([signal, done.signal]);
  const { promise: end, resolve } = Promise.withResolvers<'ended' | 'lost'>();
  let open = false;
  socket.addEventListener('message', ({ data }) => {
    if (over.aborted) return;
    if (open) {
      const event = boxEvent(data);
      if (event !== undefined) onEvent(event);
      return;
    }
    const details = (parsed(data) ?? {}) as Record<keyof SocketDetails, unknown>;
    const { clientLabel } = details;
    if (details.type !== 'socket' || details.serverId !== serverId || typeof clientLabel !== 'string')
      return resolve('lost');
    open = true;
    onOpen(shownName(clientLabel));
  });
  // Before every close that is a failure; nothing is said about it in a browser.
  socket.addEventListener('error', () => undefined);
  socket.addEventListener('close', ({ code }) => resolve(code === sessionEndedClose ? 'ended' : 'lost'));
  const watch = async (): Promise<'lost'> => {
    await runtime.clock.sleep(openMs, over);
    if (!open) return 'lost';
    // With the patience for a far one: which way it is, nobody knows here.
    const box = { kind: 'tunnel', origin } as const;
    do await runtime.clock.sleep(askEveryMs, over);
    while (await isOpen(box, runtime, over));
    return 'lost';
  };
  const watching = watch().catch(() => 'lost' as const);
  try {
    return await Promise.race([end, watching]);
  } finally {
    done.abort();
    socket.close();
    await watching;
  }
}
