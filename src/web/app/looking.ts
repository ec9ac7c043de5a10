import { isAbort, Problem } from '../../kit/runtime/errors.ts';

/** At first a box that was just plugged in is waited for; then nobody hurries, neither the person nor the server. */
export const pace = { firstMs: 3000, factor: 1.5, capMs: 60_000 } as const;

/** Ms until the next look, after so many; `random` in [0, 1) spreads those who opened the app together. */
export function nextLookMs(looks: number, random: number, retryAfterSeconds = 0): number {
  const wait = Math.min(pace.capMs, pace.firstMs * pace.factor ** Math.min(looks, 30)) * (0.9 + 0.2 * random);
  return Math.max(wait, retryAfterSeconds * 1000);
}

export interface Look<T> {
  /** What was found last; stays while later looks fail. */
  found: T | undefined;
  /** Why the last look failed. */
  problem: unknown;
}

interface LookingOptions<T> {
  look: (signal: AbortSignal) => Promise<T>;
  onChange: (look: Look<T>) => void;
}

/**
 * Looks again and again, ever less often, and only while a person can see the page. What may have changed things (the page
 * is seen again, the device is online again, the person asks) starts over.
 */
export class Looking<T> {
  readonly #options: LookingOptions<T>;
  #state: Look<T> = { found: undefined, problem: undefined };
  #round: AbortController | undefined;
  #running = false;

  constructor(options: LookingOptions<T>) {
    this.#options = options;
  }

  start(): void {
    this.#running = true;
    document.addEventListener('visibilitychange', this.now);
    addEventListener('online', this.now);
    this.now();
  }

  stop(): void {
    this.#running = false;
    this.#round?.abort();
    document.removeEventListener('visibilitychange', this.now);
    removeEventListener('online', this.now);
  }

  /** Starts over, at once; only stops while the page is hidden. */
  readonly now = (): void => {
    this.#round?.abort();
    if (!this.#running || document.visibilityState === 'hidden') return;
    const round = new AbortController();
    this.#round = round;
    void this.#run(round.signal);
  };

  async #run(signal: AbortSignal): Promise<void> {
    for (let looks = 0; !signal.aborted; looks++) {
      let retryAfter: number | undefined;
      try {
        const found = await this.#options.look(signal);
        if (!signal.aborted) this.#set({ found, problem: undefined });
      } catch (problem) {
        if (signal.aborted || isAbort(problem)) return;
        retryAfter = problem instanceof Problem ? problem.retryAfterSeconds : undefined;
        this.#set({ problem });
      }
      await sleep(nextLookMs(looks, Math.random(), retryAfter), signal);
    }
  }

  #set(change: Partial<Look<T>>): void {
    this.#state = { ...this.#state, ...change };
    this.#options.onChange(this.#state);
  }
}

/** Resolves early when `signal` aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
