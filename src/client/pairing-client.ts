import { codeOf, Problem } from '../kit/runtime/errors.ts';
import type { Fact } from '../kit/runtime/fact.ts';
import { backoffDelay } from '../kit/runtime/retry.ts';
import type { BoxEvent } from '../protocol/access-api.ts';
import { pairingLimits } from '../protocol/constants.ts';
import { Observable, tellAll } from './observable.ts';
import { authorise, serverInfo } from './pairing-calls.ts';
import { PairingMemory } from './pairing-memory.ts';
import { livePairingSocket } from './pairing-socket.ts';
import { type Runtime, runtimeFrom } from './runtime.ts';
import { safePath } from './safe-path.ts';
import type { Store } from './store.ts';
import { parseEndpointsOf } from './endpoints.ts';

export interface PairingClientOptions {
  /** Of the box, `https://…`. */
  origin: string;
  /** Which place this is, for a box that is reached at several origins; default: the origin. */
  place?: string | undefined;
  /** What the owner is shown of who asks. */
  name: string;
  kind?: 'client' | 'agent' | undefined;
  /** Keeps the id of the server and that of this client, which is a secret. */
  store: Store;
  runtime?: Partial<Runtime> | undefined;
}

export interface PairingState {
  /**
   * `connecting`, and `waiting` until the next try: it goes on by itself. `asking`: until an owner answers. `connected`.
   * The others wait for the person: `server-changed` for `trust`; `refused`, `expired` (nobody answered), `ended` (an owner
   * ended the session) and `idle` for `start`.
   */
  phase:
    | 'idle'
    | 'connecting'
    | 'asking'
    | 'connected'
    | 'waiting'
    | 'server-changed'
    | 'refused'
    | 'expired'
    | 'ended';
  /** The server that answers, as it says itself. */
  server?: { id: string; name: string; boxId: string };
  /** While it is `asking`: the owner sees the same, and the person compares them. */
  code?: string;
  /** As what an owner let this client in. */
  label?: string;
  /** Why it is `waiting`: the code of an error. */
  problem?: string;
}

const backoff = { initialMs: 500, factor: 2, capMs: 30_000, jitter: 0.5 } as const;
/** A connection that lived this long was a success: the next attempt is the first again. */
const livedMs = 5000;

/** What the person has to do something about. */
const final: Readonly<Record<string, PairingState['phase']>> = {
  'client-refused': 'refused',
  'approval-expired': 'expired',
};

/**
 * A client of a box that makes its own id, asks an owner once, and is known from then on. It looks who the server is before
 * it says who it is, each time it connects: another one than before is told nothing until the person says that it is right,
 * and then this client is a new one for it.
 */
export class PairingClient {
  readonly state: Fact<PairingState>;
  readonly #state = new Observable<PairingState>({ phase: 'idle' });
  readonly #options: PairingClientOptions;
  readonly #runtime: Runtime;
  readonly #memory: PairingMemory;
  readonly #listeners = new Set<(event: BoxEvent) => void>();
  #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #token: string | undefined;

  constructor(options: PairingClientOptions) {
    this.#options = options;
    this.#runtime = runtimeFrom(options.runtime);
    const { store, origin, place = origin } = options;
    this.#memory = new PairingMemory({ store, place, runtime: this.#runtime });
    this.state = this.#state;
  }

  /** Connects, and stays connected, until `close` or until there is something for the person to do. */
  start(): void {
    if (this.#running !== undefined) return;
    this.#stopping = new AbortController();
    this.#state.set({ phase: 'connecting' });
    this.#running = this.#run(this.#stopping.signal);
  }

  /** Ends the connection, not the session: the next `start` comes in without a question. */
  async close(): Promise<void> {
    this.#stopping.abort(new Problem('closed', 'the connection to the box was closed', { retryable: false }));
    await this.#running;
  }

  /**
   * The person was warned and says that `serverId`, of the state `server-changed`, is the right server all the same: it is
   * asked by a new client id, so that it never learns the one that the server before knew.
   */
  async trust(serverId: string): Promise<void> {
    await this.#memory.trust(serverId);
    this.start();
  }

  /** Ends the connection and forgets the server and who this client was there. */
  async forget(): Promise<void> {
    await this.close();
    await this.#memory.forget();
  }

  /** As the platform's, with the access token; `path` begins with `/`. Throws `not-connected`, `bad-path`. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    if (this.#token === undefined)
      throw new Problem('not-connected', 'there is no connection to the box now', { status: 503 });
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${this.#token}`);
    const sent = { credentials: 'omit', redirect: 'error', ...init, headers } as const;
    return this.#runtime.fetch(this.#options.origin + safePath(path), sent);
  }

  /** What is new at the box, while it is connected. Returns what ends it. */
  onEvent(listener: (event: BoxEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#runtime;
    let last: PairingState | undefined;
    for (let failures = 1; last === undefined && !signal.aborted; failures++) {
      const from = clock.monotonic();
      let retryAfter: number | undefined;
      try {
        last = await this.#connect(signal);
        if (clock.monotonic() - from >= livedMs) failures = 1;
      } catch (error) {
        if (signal.aborted) break;
        const problem = codeOf(error);
        const phase = final[problem];
        if (phase !== undefined) last = { ...this.#known, phase };
        else this.#state.set({ ...this.#known, phase: 'waiting', problem });
        retryAfter = error instanceof Problem ? error.retryAfterSeconds : undefined;
      }
      if (last === undefined)
        await clock.sleep(backoffDelay(backoff, failures, random, retryAfter), signal).catch(() => undefined);
    }
    this.#running = undefined;
    this.#state.set(last ?? { phase: 'idle' });
  }

  /** All of it, once. Answers where it ends for good, and `undefined` when the connection was lost. */
  async #connect(signal: AbortSignal): Promise<PairingState | undefined> {
    const { origin } = this.#options;
    this.#state.set({ ...this.#known, phase: 'connecting' });
    const { serverId, name, boxId } = await serverInfo(origin, { runtime: this.#runtime, signal });
    const server = { id: serverId, name, boxId };
    const pairing = await this.#memory.of(serverId);
    if (pairing.serverId !== serverId) return { phase: 'server-changed', server };
    this.#state.set({ phase: 'connecting', server });
    const token = await this.#letIn(pairing.clientId, server, signal);
    try {
      const end = await livePairingSocket(
        {
          origin,
          serverId,
          token,
          onOpen: (label) => {
            this.#token = token;
            this.#state.set({ phase: 'connected', server, label });
          },
          onEvent: (event) => this.#event(event, boxId),
          runtime: this.#runtime,
        },
        signal,
      );
      if (end === 'ended') return { phase: 'ended', server };
      this.#state.set({ phase: 'connecting', server });
      return undefined;
    } finally {
      this.#token = undefined;
    }
  }

  /** An access token, once an owner has said yes. The code of the question comes at once, the answer when there is one. */
  async #letIn(
    clientId: string,
    server: NonNullable<PairingState['server']>,
    signal: AbortSignal,
  ): Promise<string> {
    const { origin, name, kind = 'client' } = this.#options;
    let code: string | undefined;
    for (let wait = 0; ; wait = pairingLimits.waitSeconds) {
      const asking = { runtime: this.#runtime, signal, ms: (wait + 15) * 1000 };
      const answer = await authorise(origin, { clientId, name, kind, wait }, asking);
      if (!('status' in answer)) {
        if (answer.serverId === server.id) return answer.accessToken;
        throw new Problem('bad-answer', 'another server answered than the one that was asked', {
          status: 502,
        });
      }
      // Another question than before: that one was over without an answer.
      if (code !== undefined && answer.code !== code)
        throw new Problem('approval-expired', 'no owner of the box answered in time', { status: 410 });
      code = answer.code;
      this.#state.set({ phase: 'asking', server, code });
      if (wait > 0) await this.#runtime.clock.sleep(answer.retryAfterSeconds * 1000, signal);
    }
  }

  #event(event: BoxEvent, boxId: string): void {
    if (event.type === 'token') this.#token = event.accessToken;
    else if (event.type !== 'ways' || parseEndpointsOf(event.ways, boxId) !== undefined)
      tellAll(this.#listeners, event);
  }

  /** What of the state is true whatever comes next. */
  get #known(): Pick<PairingState, 'server'> {
    const { server } = this.#state.value;
    return server === undefined ? {} : { server };
  }
}
