import { abortable } from './abortable.ts';
import { type Clock, type Random, seconds } from './clock.ts';
import { codeOf, isAbort, messageOf, Problem } from './errors.ts';
import type { Fact } from './fact.ts';
import type { Log } from '../log/log.ts';
import { type Backoff, backoffDelay, defaultBackoff } from './retry.ts';
import type { Service } from './service.ts';
import { StorageProblem } from '../disk/problem.ts';

export interface ReconcilerOptions {
  name: string;
  /** A change of any of these starts a round at once (also in the middle of a back-off). */
  watch: readonly Fact<unknown>[];
  /**
   * One round: compute what should be, look at what is, close the difference. Must be safe to repeat.
   * Answers when to look again although nothing changed (ms), or nothing for *only on change*.
   */
  reconcile: (signal: AbortSignal) => Promise<number | undefined>;
  /** Runs once after the last round, while stopping; bounded by `goodbyeMs`. */
  goodbye?: (signal: AbortSignal) => Promise<void>;
  goodbyeMs?: number;
  onSuccess?: () => void;
  onFailure?: (error: unknown, failures: number, delayMs: number) => void;
  backoff?: Backoff;
  clock: Clock;
  random: Random;
  log: Log;
}

/** How often a write is tried that the disk did not take. */
const storagePaceMs = seconds(10);

/**
 * The level-triggered loop that every part of the box is built on. Rounds never overlap; changes that arrive during a
 * round are folded into one next round; a failed round is repeated with back-off. A lost event can only delay.
 */
export class Reconciler implements Service {
  readonly name: string;
  readonly #options: ReconcilerOptions;
  #abort: AbortController | undefined;
  #loop: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #wake: AbortController | undefined;
  #dirty = false;

  constructor(options: ReconcilerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Starts the loop and returns; the first round runs in the background, so that no part holds up another. */
  start(): Promise<void> {
    if (this.#abort !== undefined) return Promise.resolve();
    this.#abort = new AbortController();
    this.#loop = this.#run(this.#abort.signal);
    return Promise.resolve();
  }

  /** Ends the loop, says goodbye, and resolves when both are done; the round under way sees its signal abort. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end().finally(() => (this.#stopping = undefined));
    return this.#stopping;
  }

  async #end(): Promise<void> {
    if (this.#abort === undefined) return;
    this.#abort.abort();
    this.#wake?.abort();
    await this.#loop;
    this.#abort = undefined;
    const { goodbye, goodbyeMs = 2000, log } = this.#options;
    if (goodbye === undefined) return;
    const limit = AbortSignal.timeout(goodbyeMs);
    try {
      await abortable(goodbye(limit), limit);
    } catch (error) {
      log.info({ code: codeOf(error) }, `${this.name}: no goodbye: ${messageOf(error)}`);
    }
  }

  /** Asks for another round now, for a reason that is not one of the watched facts. */
  nudge(): void {
    this.#dirty = true;
    this.#wake?.abort();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { watch, clock } = this.#options;
    // When the time that counts moves by a step, what waited for a time may be due.
    const watched = clock.steps === undefined ? watch : [...watch, clock.steps];
    const unsubscribe = watched.map((fact) => fact.subscribe(() => this.nudge()));
    let failures = 0;
    while (!signal.aborted) {
      this.#dirty = false;
      let delayMs: number | undefined;
      try {
        delayMs = await this.#options.reconcile(signal);
        failures = 0;
        this.#options.onSuccess?.();
      } catch (error) {
        if (signal.aborted) break;
        failures++;
        delayMs = this.#failed(error, failures);
      }
      await this.#wait(delayMs, signal);
    }
    for (const end of unsubscribe) end();
  }

  #failed(error: unknown, failures: number): number | undefined {
    const { backoff = defaultBackoff, random, log, onFailure } = this.#options;
    const problem = error instanceof Problem ? error : undefined;
    // What cannot succeed by repetition is still looked at again, at the slowest pace: the world may have changed.
    const step = problem?.retryable === false ? Number.MAX_SAFE_INTEGER : failures;
    // A disk that takes writes again says so to nobody; to ask it costs little.
    const delayMs =
      error instanceof StorageProblem
        ? Math.min(backoffDelay(backoff, step, random), storagePaceMs)
        : backoffDelay(backoff, step, random, problem?.retryAfterSeconds);
    const fields = { ...problem?.details, code: codeOf(error), failures, retryInMs: Math.round(delayMs) };
    // A stack helps only where nobody foresaw the failure.
    const err = problem === undefined && !isAbort(error) ? { err: error } : {};
    log.warn({ ...fields, ...err }, `${this.name}: ${messageOf(error)}`);
    try {
      onFailure?.(error, failures, delayMs);
    } catch (mistake) {
      log.error({ err: mistake }, `${this.name}: onFailure failed`);
    }
    return delayMs;
  }

  async #wait(delayMs: number | undefined, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#dirty) return;
    this.#wake = new AbortController();
    try {
      await this.#options.clock.sleep(delayMs ?? Number.POSITIVE_INFINITY, this.#wake.signal);
    } catch (error) {
      if (!isAbort(error)) throw error;
    } finally {
      this.#wake = undefined;
    }
  }
}
