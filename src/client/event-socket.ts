import { codeOf } from '../kit/runtime/errors.ts';
import { backoffDelay } from '../kit/runtime/retry.ts';
import type { BoxEvent } from '../protocol/access-api.ts';
import { accessPaths, sessionEndedClose } from '../protocol/constants.ts';
import { boxEvent } from './box-event.ts';
import { until } from './observable.ts';
import type { Runtime } from './runtime.ts';
import type { TokenKeeper } from './tokens.ts';
import type { Endpoint } from './endpoints.ts';
import type { EndpointKeeper } from './endpoint-keeper.ts';

export interface EventSocketOptions {
  ways: EndpointKeeper;
  tokens: TokenKeeper;
  onEvent: (event: BoxEvent) => void;
  runtime: Runtime;
}

const backoff = { initialMs: 250, factor: 2, capMs: 30_000, jitter: 0.5 } as const;
/** A socket that lived this long was a success: the next attempt is the first again. */
const livedMs = 5000;
/** A socket says nothing when its peer has gone: the way is asked this often. */
const askEveryMs = 15_000;
const openMs = 5000;

/** Keeps one events socket open over the endpoint in use, and opens the next when it changes or the socket fails. */
export class EventSocket {
  readonly #options: EventSocketOptions;

  constructor(options: EventSocketOptions) {
    this.#options = options;
  }

  /** Ends when `signal` aborts or the session is over. */
  async run(signal: AbortSignal): Promise<void> {
    const { ways, tokens, runtime } = this.#options;
    const { clock, random } = runtime;
    for (let failures = 0; !signal.aborted;) {
      try {
        const endpoint = await provenEndpoint(ways, signal);
        const token = await tokens.access(signal);
        const openedAt = clock.monotonic();
        const end = await this.#live(endpoint, token, signal);
        if (end === 'moved') continue;
        if (end === 'refused') await tokens.renewed(token, signal);
        else ways.apply({ type: 'suspect', origin: endpoint.origin });
        if (clock.monotonic() - openedAt >= livedMs) failures = 0;
      } catch (error) {
        // Whatever else it was: events are late then, and not lost for ever.
        if (signal.aborted || codeOf(error) === 'logged-out') return;
      }
      failures++;
      await clock.sleep(backoffDelay(backoff, failures, random), signal).catch(() => undefined);
    }
  }

  /** Resolves when the socket is closed: by the box or the network, refused, or by us because another way is in use. */
  async #live(
    endpoint: Endpoint,
    token: string,
    signal: AbortSignal,
  ): Promise<'closed' | 'refused' | 'moved'> {
    const { ways, runtime, onEvent } = this.#options;
    const socket = runtime.openSocket(endpoint.origin.replace('https:', 'wss:') + accessPaths.events);
    const done = new AbortController();
    const over = AbortSignal.any([signal, done.signal]);
    const closed = new Promise<'closed' | 'refused'>((resolve) => {
      socket.addEventListener('open', () => socket.send(JSON.stringify({ accessToken: token })));
      socket.addEventListener('message', ({ data }) => {
        const event = boxEvent(data);
        if (event !== undefined) onEvent(event);
      });
      // Before every close that is a failure; nothing is said about it in a browser.
      socket.addEventListener('error', () => undefined);
      socket.addEventListener('close', ({ code }) =>
        resolve(code === sessionEndedClose ? 'refused' : 'closed'),
      );
    });
    const moved = until(ways.choice, ({ current }) => current?.origin !== endpoint.origin, over);
    const asking = this.#askAgain(endpoint, socket, over);
    try {
      return await Promise.race([closed, moved.then(() => 'moved' as const), asking]);
    } finally {
      done.abort();
      socket.close();
      await Promise.allSettled([moved, asking]);
    }
  }

  async #askAgain({ origin }: Endpoint, socket: WebSocket, signal: AbortSignal): Promise<never> {
    const { ways, runtime } = this.#options;
    await runtime.clock.sleep(openMs, signal);
    if (socket.readyState === connecting) socket.close();
    for (;;) {
      await runtime.clock.sleep(askEveryMs, signal);
      ways.apply({ type: 'suspect', origin });
    }
  }
}

const connecting = 0;

async function provenEndpoint(ways: EndpointKeeper, signal: AbortSignal): Promise<Endpoint> {
  const { current } = await until(
    ways.choice,
    (choice) => choice.current !== undefined && choice.provenAt !== undefined,
    signal,
  );
  if (current === undefined) throw new Error('a way that is none was proven');
  return current;
}
