import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { PairedBox } from '../../agent/paired-box.ts';
import { BoxConnection, type RememberedBox, type RememberedBoxes, type Store } from '../../client/index.ts';
import { jsonOf } from '../../client/answers.ts';
import { type Runtime, runtimeFrom } from '../../client/runtime.ts';
import { type Clock, seconds } from '../../kit/runtime/clock.ts';
import { codeOf, Problem } from '../../kit/runtime/errors.ts';
import type { Log } from '../../kit/log/log.ts';
import {
  agentBoxPaths,
  AgentView,
  SessionSignInAnswer,
  type SessionSignInRequest,
} from '../../protocol/agent-api.ts';

export interface PairedAccountOptions {
  box: RememberedBox;
  boxes: RememberedBoxes;
  /** Keeps what the box said, for a time when it cannot be asked. */
  store: Store;
  registration: string | undefined;
  runtime: Partial<Runtime>;
  clock: Clock;
  log: Log;
}

const refreshEveryMs = seconds(10);
const patienceMs = 20_000;

/** The session of this agent at one box, kept by the SDK. */
export class PairedAccount implements PairedBox {
  readonly #options: PairedAccountOptions;
  readonly #connection: BoxConnection;
  #view: AgentView | undefined;
  #askedAt = -Infinity;
  #asking: Promise<void> | undefined;

  constructor(options: PairedAccountOptions) {
    this.#options = options;
    this.#connection = new BoxConnection({ ...options, localAllowed: true });
  }

  get id(): string {
    return this.#options.box.id;
  }

  get name(): string {
    return this.#options.box.name;
  }

  get view(): AgentView | undefined {
    return this.#view;
  }

  get isOver(): boolean {
    return this.#connection.state.value.phase === 'logged-out';
  }

  /** Stays connected, so that tokens are renewed in time; `onOver` is told when the box ends the session. */
  async start(onOver: () => void): Promise<void> {
    this.#view = await this.#stored();
    this.#connection.state.subscribe(({ phase }) => {
      if (phase === 'logged-out') onOver();
      else if (phase === 'connected') void this.refresh();
    });
    this.#connection.start();
    void this.refresh();
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async signIn(request: SessionSignInRequest, signal: AbortSignal): Promise<SessionSignInAnswer> {
    return this.#ask(agentBoxPaths.signIn, SessionSignInAnswer, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
      signal,
    });
  }

  async refresh(): Promise<void> {
    const { clock, log } = this.#options;
    if (this.#asking === undefined && clock.monotonic() - this.#askedAt < refreshEveryMs) return;
    this.#askedAt = clock.monotonic();
    this.#asking ??= this.load()
      .then(
        () => undefined,
        (error: unknown) => log.debug({ err: error }, `${this.name} was not asked: ${codeOf(error)}`),
      )
      .finally(() => (this.#asking = undefined));
    await this.#asking;
  }

  /** Asks the box for its view, and keeps it. Throws what the box answers, `unreachable`, `logged-out`. */
  async load(): Promise<AgentView> {
    const { store, runtime } = this.#options;
    const view = await this.#ask(agentBoxPaths.view, AgentView, {});
    if (view.boxId !== this.id) throw notAgreed();
    this.#view = view;
    // Another process may learn the same at the same time.
    const { exclusive } = runtimeFrom(runtime);
    await exclusive(keyOf(this.id), () => store.save(keyOf(this.id), JSON.stringify(view)));
    return view;
  }

  /** Ends the session at the box, with every page that was signed in, and forgets it. Throws when the box cannot be told. */
  async signOut(): Promise<void> {
    const { boxes, store } = this.#options;
    try {
      await this.load();
      await this.#connection.signOut();
    } catch (error) {
      if (codeOf(error) !== 'logged-out') throw error;
    }
    await boxes.forget(this.id);
    await store.remove(keyOf(this.id));
  }

  async #ask<S extends TSchema>(path: string, answer: S, init: RequestInit): Promise<Static<S>> {
    const limit = AbortSignal.timeout(patienceMs);
    const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit;
    const value = await jsonOf(await this.#connection.fetch(path, { ...init, signal }));
    if (!Value.Check(answer, value)) throw notAgreed();
    return value;
  }

  async #stored(): Promise<AgentView | undefined> {
    try {
      const view: unknown = JSON.parse((await this.#options.store.load(keyOf(this.id))) ?? '');
      return Value.Check(AgentView, view) ? view : undefined;
    } catch {
      return undefined;
    }
  }
}

const keyOf = (id: string): string => `agent:${id}`;

const notAgreed = (): Problem =>
  new Problem('bad-answer', 'the box answered what was not agreed; is it up to date?', { status: 502 });
