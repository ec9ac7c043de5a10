import type { Fact } from '../kit/runtime/fact.ts';
import type { Endpoints } from '../protocol/access-api.ts';
import { type Choice, type ChoiceEvent, decide, firstChoice, isResting } from './choice.ts';
import { Observable, until } from './observable.ts';
import { isOpen } from './ping.ts';
import type { Runtime } from './runtime.ts';
import { isLocal, type Endpoint } from './endpoints.ts';

export interface EndpointKeeperOptions {
  ways: Endpoints;
  localAllowed: boolean;
  preferTunnel: boolean;
  /** The ways as the registration-server knows them now; `undefined` when it does not. */
  refresh?: ((signal: AbortSignal) => Promise<Endpoints | undefined>) | undefined;
  runtime: Runtime;
}

/** How long a way may stay without an answer when a request on it has failed outright, and waits to be repeated. */
const verdictMs = (endpoint: Endpoint): number => (isLocal(endpoint) ? 250 : 5000);
const refreshEveryMs = 15_000;

/** Keeps the choice of the way: asks what choice.ts wants asked, and tells it what came of it. */
export class EndpointKeeper {
  readonly choice: Fact<Choice>;
  readonly #choice: Observable<Choice>;
  readonly #options: EndpointKeeperOptions;
  readonly #ended = new AbortController();
  #probing: { origin: string; abort: AbortController } | undefined;
  #timer: AbortController | undefined;
  #timerAt: number | undefined;
  #refreshedAt: number | undefined;
  #looks = false;

  constructor(options: EndpointKeeperOptions) {
    this.#options = options;
    this.#choice = new Observable(firstChoice(options, options.runtime.clock.monotonic()));
    this.choice = this.#choice;
  }

  /** From now on the way home is looked for, and a box that cannot be reached, although nobody asks for anything. */
  start(): void {
    this.#looks = true;
    this.#act();
  }

  close(): void {
    this.#ended.abort();
    this.#probing?.abort.abort();
    this.#timer?.abort();
  }

  apply(event: ChoiceEvent): void {
    if (this.#ended.signal.aborted) return;
    const { choice, refresh } = decide(this.#choice.value, event, this.#options.runtime.clock.monotonic());
    this.#choice.set(choice);
    this.#act();
    if (refresh) void this.#refresh();
  }

  /** The way over which a request goes now; `undefined` when there is none, or none that works. */
  get endpoint(): Endpoint | undefined {
    const choice = this.#choice.value;
    return isResting(choice) ? undefined : choice.current;
  }

  /** Resolves when an answer has come over the endpoint in use within the last `ms`; `undefined` when none gives any. */
  async proven(ms: number, signal: AbortSignal): Promise<Endpoint | undefined> {
    const since = this.#options.runtime.clock.monotonic() - ms;
    const isProven = ({ provenAt }: Choice): boolean => provenAt !== undefined && provenAt >= since;
    const { current } = this.#choice.value;
    if (current !== undefined && !isProven(this.#choice.value))
      this.apply({ type: 'suspect', origin: current.origin });
    const settled = (choice: Choice): boolean =>
      isProven(choice) || isResting(choice) || choice.current === undefined;
    const choice = await until(this.#choice, settled, signal);
    return isProven(choice) ? choice.current : undefined;
  }

  /** A request over `way` has failed: is it the way? Answers soon, and leaves the way when it is. */
  async stillOpen(endpoint: Endpoint, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#options.runtime;
    const { origin } = endpoint;
    const undecided = (choice: Choice): boolean => choice.probe?.origin === origin;
    this.apply({ type: 'suspect', origin });
    const done = new AbortController();
    const limit = clock.sleep(verdictMs(endpoint), AbortSignal.any([done.signal, this.#ended.signal]));
    limit.then(
      () => undecided(this.#choice.value) && this.apply({ type: 'dead', origin }),
      () => undefined,
    );
    try {
      const choice = await until(this.#choice, (choice) => !undecided(choice), signal);
      return choice.current?.origin === origin && choice.provenAt !== undefined;
    } finally {
      done.abort();
    }
  }

  /**
   * Resolves when requests over `way` that have no answer yet are to be given up: it was found dead, or is
   * a local name and another one is in use now.
   */
  async lost(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
    const isLost = ({ current, failed }: Choice): boolean =>
      failed.includes(endpoint.origin) || (isLocal(endpoint) && current?.origin !== endpoint.origin);
    await until(this.#choice, isLost, signal);
  }

  /** Makes what runs what the choice wants to run. */
  #act(): void {
    const { probe, lookAt } = this.#choice.value;
    if (probe?.origin !== this.#probing?.origin) {
      this.#probing?.abort.abort();
      this.#probing = undefined;
      if (probe !== undefined) void this.#ask(probe);
    }
    // One thing at a time: what is due during a probe is done after it.
    const wakeAt = this.#looks && probe === undefined ? lookAt : undefined;
    if (wakeAt === this.#timerAt) return;
    this.#timer?.abort();
    this.#timerAt = wakeAt;
    if (wakeAt !== undefined) void this.#wake(wakeAt);
  }

  async #ask(endpoint: Endpoint): Promise<void> {
    const abort = new AbortController();
    this.#probing = { origin: endpoint.origin, abort };
    const open = await isOpen(endpoint, this.#options.runtime, abort.signal);
    if (abort.signal.aborted) return;
    this.#probing = undefined;
    this.apply({ type: open ? 'answered' : 'dead', origin: endpoint.origin });
  }

  async #wake(at: number): Promise<void> {
    const { clock } = this.#options.runtime;
    const timer = new AbortController();
    this.#timer = timer;
    try {
      await clock.sleep(Math.max(0, at - clock.monotonic()), timer.signal);
    } catch {
      return;
    }
    this.#timerAt = undefined;
    this.apply({ type: 'tick' });
  }

  async #refresh(): Promise<void> {
    const { refresh, runtime } = this.#options;
    const now = runtime.clock.monotonic();
    if (refresh === undefined || now - (this.#refreshedAt ?? Number.NEGATIVE_INFINITY) < refreshEveryMs)
      return;
    this.#refreshedAt = now;
    const ways = await refresh(this.#ended.signal);
    if (ways !== undefined) this.apply({ type: 'ways', ways });
  }
}
