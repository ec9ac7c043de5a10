import { Problem } from '../kit/runtime/errors.ts';
import type { Fact } from '../kit/runtime/fact.ts';
import type { BoxEvent, Endpoints } from '../protocol/access-api.ts';
import { accessPaths } from '../protocol/constants.ts';
import { jsonOf } from './answers.ts';
import { type Choice, isResting } from './choice.ts';
import { discover } from './discover.ts';
import { EventSocket } from './event-socket.ts';
import { Observable, tellAll } from './observable.ts';
import type { RememberedBox, RememberedBoxes } from './remembered.ts';
import { type Runtime, runtimeFrom } from './runtime.ts';
import { safePath } from './safe-path.ts';
import { type BoxRequest, Sender } from './sender.ts';
import { TokenKeeper } from './tokens.ts';
import { type TokenAnswer, tokenAnswer } from './token-answer.ts';
import { EndpointKeeper } from './endpoint-keeper.ts';
import { isLocal, parseEndpoints, type Endpoint, zoneOf } from './endpoints.ts';

export interface BoxConnectionOptions {
  /** One of `boxes`. */
  box: RememberedBox;
  boxes: RememberedBoxes;
  /**
   * Names of the home network may be touched: always in Node and for a page that comes from the home network itself; for a
   * page from the internet only once the person has agreed, because the browser would ask for a permission.
   */
  localAllowed: boolean;
  /** Origin of the registration-server, where the ways are learned of again when they fail. */
  registration?: string | undefined;
  runtime?: Partial<Runtime> | undefined;
}

export interface ConnectionState {
  /**
   * `looking`: no answer yet. `connected`: the box answers. `unreachable`: by no way, which is tried again and again.
   * `no-way`: there is only the home network, which this page may not use. `logged-out`: the session is over.
   */
  phase: 'looking' | 'connected' | 'unreachable' | 'no-way' | 'logged-out';
  /** The way over which the last answer came; `undefined` while there is none. */
  endpoint: 'home' | 'mirror' | 'tunnel' | undefined;
}

export interface BoxRequestInit extends RequestInit {
  /** This POST or PATCH may be done twice: it is repeated on the next way when its own fails. */
  idempotent?: boolean;
}

/** A box, and not an origin: requests and events go over whichever of its ways is open. */
export class BoxConnection {
  readonly state: Fact<ConnectionState>;
  readonly #state: Observable<ConnectionState>;
  readonly #box: RememberedBox;
  readonly #boxes: RememberedBoxes;
  readonly #endpoints: EndpointKeeper;
  readonly #sender: Sender;
  readonly #tokens: TokenKeeper;
  readonly #events: EventSocket;
  readonly #listeners = new Set<(event: BoxEvent) => void>();
  readonly #ended = new AbortController();
  #signedOut: boolean;
  #outside: boolean;
  #running: Promise<void> | undefined;

  constructor(options: BoxConnectionOptions) {
    const { box, boxes, localAllowed, registration } = options;
    const runtime = runtimeFrom(options.runtime);
    this.#box = box;
    this.#boxes = boxes;
    this.#signedOut = box.tokens === null;
    this.#outside = box.outside;
    this.#endpoints = new EndpointKeeper({
      ways: box.ways,
      localAllowed,
      preferTunnel: box.outside,
      refresh: registration === undefined ? undefined : (signal) => this.#ask(registration, runtime, signal),
      runtime,
    });
    this.#sender = new Sender({ ways: this.#endpoints, runtime });
    this.#tokens = new TokenKeeper({
      box,
      boxes,
      exchange: (form) => this.#exchange(form, runtime.clock.now()),
      onRenewed: (answer) => this.#renewed(answer),
      onEnded: () => this.#sessionEnded(),
      runtime,
    });
    this.#events = new EventSocket({
      ways: this.#endpoints,
      tokens: this.#tokens,
      onEvent: (event) => this.#event(event),
      runtime,
    });
    this.#state = new Observable(this.#view());
    this.state = this.#state;
    this.#endpoints.choice.subscribe(() => this.#endpointChanged());
  }

  /** Opens the events socket, and looks for endpoints in the background, until `close`. */
  start(): void {
    if (this.#running !== undefined) return;
    this.#endpoints.start();
    this.#running = this.#signedOut ? Promise.resolve() : this.#events.run(this.#ended.signal);
  }

  /** Ends the connection, not the session. */
  async close(): Promise<void> {
    this.#ended.abort(new Problem('closed', 'the connection to the box was closed', { retryable: false }));
    this.#endpoints.close();
    await this.#running;
  }

  /**
   * As the platform's `fetch`, but against the box: `path` begins with `/`. GET, HEAD, PUT and DELETE, and what is marked
   * `idempotent`, is repeated on the next way when its own fails; the body of a repeated request is not a stream. Throws
   * `Problem`: `unreachable`, `no-way`, `request-failed`, `request-not-repeated`, `logged-out`.
   */
  async fetch(path: string, init: BoxRequestInit = {}): Promise<Response> {
    const { idempotent, signal: given, ...rest } = init;
    const signal = given ? AbortSignal.any([given, this.#ended.signal]) : this.#ended.signal;
    const streamed = rest.body instanceof ReadableStream;
    const method = (rest.method ?? 'GET').toUpperCase();
    const repeatable = !streamed && (idempotent ?? idempotentMethods.has(method));
    const send = (token: string): Promise<Response> => {
      const headers = new Headers(rest.headers);
      headers.set('authorization', `Bearer ${token}`);
      const request: BoxRequest = {
        path: safePath(path),
        init: { credentials: 'omit', ...rest, method, headers, ...(streamed ? { duplex: 'half' } : {}) },
        repeatable,
      };
      return this.#sender.send(request, signal);
    };
    const token = await this.#tokens.access(signal);
    const response = await send(token);
    // Nothing was done that could not be repeated: the box did not take the token.
    if (response.status !== 401 || streamed) return response;
    await response.body?.cancel();
    return send(await this.#tokens.renewed(token, signal));
  }

  /** Events of the box from now on, until `signal` aborts or the session is over, which is the last of them. */
  async *events(signal: AbortSignal = this.#ended.signal): AsyncGenerator<BoxEvent, void> {
    const queue: BoxEvent[] = [];
    const both = AbortSignal.any([signal, this.#ended.signal]);
    let wake = Promise.withResolvers<void>();
    const stop = (): void => wake.resolve();
    const unsubscribe = this.onEvent((event) => {
      if (queue.push(event) > mostQueued) queue.shift();
      wake.resolve();
    });
    both.addEventListener('abort', stop, { once: true });
    try {
      for (;;) {
        for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
          yield event;
          if (event.type === 'session-ended') return;
        }
        if (both.aborted) return;
        await wake.promise;
        wake = Promise.withResolvers();
      }
    } finally {
      unsubscribe();
      both.removeEventListener('abort', stop);
    }
  }

  /** As `events`, for those who rather be called. Returns what ends it. */
  onEvent(listener: (event: BoxEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The person agreed, or no longer, that this page talks to the home network. */
  allowLocal(allowed: boolean): void {
    this.#endpoints.apply({ type: 'local-allowed', allowed });
  }

  /** Call when the device has come to another network, or online (`online` and `connection.change` events). */
  networkChanged(): void {
    this.#endpoints.apply({ type: 'network-changed' });
  }

  /** Ends the session at the box (RFC 7009), and here in any case. */
  async signOut(): Promise<void> {
    const token = this.#tokens.refreshToken;
    if (token !== undefined) {
      const form = { token, token_type_hint: 'refresh_token', client_id: this.#box.clientId };
      await this.#post(accessPaths.revoke, form).catch(() => undefined);
    }
    await this.#tokens.end();
  }

  #post(path: string, form: Record<string, string>): Promise<Response> {
    // An answer with tokens that was lost with its way is given again, if it is asked for at once.
    const request: BoxRequest = {
      path,
      init: { method: 'POST', body: new URLSearchParams(form), cache: 'no-store', credentials: 'omit' },
      repeatable: true,
      careful: true,
    };
    return this.#sender.send(request, this.#ended.signal);
  }

  async #exchange(form: Record<string, string>, now: number): Promise<TokenAnswer> {
    const response = await this.#post(accessPaths.token, { ...form, client_id: this.#box.clientId });
    return tokenAnswer(await jsonOf(response), { id: this.#box.id, zone: zoneOf(this.#box.ways), now });
  }

  #renewed({ name, ways }: TokenAnswer): void {
    this.#endpoints.apply({ type: 'ways', ways });
    this.#remember({ name, ways });
  }

  #event(event: BoxEvent): void {
    if (event.type === 'token') return unsaved(this.#tokens.take(event.accessToken, event.expiresIn));
    if (event.type === 'session-ended') return unsaved(this.#tokens.end());
    if (event.type === 'ways') {
      const ways = parseEndpoints(event.ways, zoneOf(this.#box.ways));
      if (ways === undefined) return;
      this.#endpoints.apply({ type: 'ways', ways });
      this.#remember({ ways });
    }
    this.#tell(event);
  }

  #remember(changes: Partial<RememberedBox>): void {
    unsaved(this.#boxes.change(this.#box.id, (box) => ({ ...box, ...changes })));
  }

  #tell(event: BoxEvent): void {
    tellAll(this.#listeners, event);
  }

  #sessionEnded(): void {
    if (this.#signedOut) return;
    this.#signedOut = true;
    this.#state.set(this.#view());
    this.#tell({ type: 'session-ended' });
  }

  #endpointChanged(): void {
    this.#state.set(this.#view());
    const { current, provenAt } = this.#endpoints.choice.value;
    if (current === undefined || provenAt === undefined || isLocal(current) !== this.#outside) return;
    const outside = !isLocal(current);
    this.#outside = outside;
    this.#remember({ outside });
  }

  #view(): ConnectionState {
    const choice = this.#endpoints.choice.value;
    const endpoint = choice.provenAt === undefined ? undefined : choice.current;
    return {
      phase: this.#signedOut ? 'logged-out' : phaseOf(choice),
      endpoint: endpoint && shownAs[endpoint.kind],
    };
  }

  async #ask(registration: string, runtime: Runtime, signal: AbortSignal): Promise<Endpoints | undefined> {
    try {
      const { boxes } = await discover({ registration, runtime, signal });
      const found = boxes.find(({ id }) => id === this.#box.id);
      if (found === undefined || zoneOf(found.ways) !== zoneOf(this.#box.ways)) return undefined;
      // It does not know address names; the one of before may lead nowhere now.
      return found.ways;
    } catch {
      return undefined;
    }
  }
}

const idempotentMethods = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']);
const mostQueued = 1000;
const shownAs: Record<Endpoint['kind'], 'home' | 'mirror' | 'tunnel'> = {
  main: 'home',
  address: 'home',
  mirror: 'mirror',
  tunnel: 'tunnel',
};

function phaseOf(choice: Choice): ConnectionState['phase'] {
  if (choice.current === undefined) return 'no-way';
  if (choice.provenAt !== undefined) return 'connected';
  return isResting(choice) ? 'unreachable' : 'looking';
}

/** A store that fails costs the next visit something, and not this one. */
function unsaved(saving: Promise<void>): void {
  saving.catch(() => undefined);
}
