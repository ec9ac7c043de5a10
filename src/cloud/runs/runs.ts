import { isAbort, Problem } from '../../kit/runtime/errors.ts';
import { type Clock, minutes, seconds } from '../../kit/runtime/clock.ts';
import { copyRemedy, type StandingAnswer, type StandingRequest } from '../../protocol/run-api.ts';
import { type Claim, judge, type KnownRun, type RunTiming, runTiming } from './policy.ts';

interface Entry {
  known: KnownRun;
  /** Since when it is the one that may act, ms since the epoch; never twice the same. */
  since: number;
  /** Runs that were refused: since when (ms since the epoch), and last when (monotonic). */
  copies: Map<string, { since: number; at: number }>;
  /** Answers the call that is held back. */
  release: (() => void) | undefined;
  /** Those who wait for a sign of life, or for its end. */
  asking: Set<() => void>;
}

export interface RunsOptions {
  clock: Clock;
  timing?: Partial<RunTiming> | undefined;
  /** So many calls are held back at a time; the others are to come again now and then. */
  held?: number;
  /** A refused run is to ask again after this. */
  refusedAgainMs?: number;
}

/** Whose call is not held calls this often: more often than every `silenceMs`. */
const callAgainMs = minutes(5);
/** A copy that was not heard for so long is no longer spoken of. */
const copyForgottenMs = minutes(10);
const mostCopies = 8;
const mostBoxes = 100_000;

/** Which run of each box may act (`judge`), in memory: after a restart the first to call is it, and copies wait. */
export class Runs {
  readonly #options: RunsOptions;
  readonly #timing: RunTiming & { startedAt: number };
  readonly #entries = new Map<string, Entry>();
  #held = 0;

  constructor(options: RunsOptions) {
    this.#options = options;
    this.#timing = { ...runTiming, ...options.timing, startedAt: options.clock.monotonic() };
  }

  /** Boxes of which another run was refused. */
  get copied(): number {
    return [...this.#entries.values()].filter((entry) => this.#standing(entry).standing === 'first').length;
  }

  /** Lets the run act, or throws `copied-identity`; may ask the one that was there, and takes some seconds then. */
  async admit(boxId: string, claim: Claim): Promise<void> {
    if (await this.#isFirst(boxId, claim)) return;
    throw new Problem(
      'copied-identity',
      `another box with this identity is connected, because a card was copied; ${copyRemedy}`,
      { status: 409, retryable: false },
    );
  }

  /** Since when the run is the one that may act, ms since the epoch; `undefined`: it is not. */
  since(boxId: string, run: string): number | undefined {
    const entry = this.#entries.get(boxId);
    return entry?.known.run === run ? entry.since : undefined;
  }

  /** Answers how the run stands, when that is not what it knows, it is asked, or `closed`, or in time. */
  async stand(
    boxId: string,
    claim: Claim,
    { knows, waitSeconds }: StandingRequest,
    closed: AbortSignal,
  ): Promise<StandingAnswer> {
    if (!(await this.#isFirst(boxId, claim))) {
      const { refusedAgainMs = seconds(30) } = this.#options;
      const since = this.#entries.get(boxId)?.copies.get(claim.run)?.since ?? null;
      return { standing: 'copy', since, againInSeconds: refusedAgainMs / 1000 };
    }
    const entry = this.#entries.get(boxId);
    if (entry?.known.run !== claim.run || closed.aborted)
      return { standing: 'alone', since: null, againInSeconds: 0 };
    const { held = 2000 } = this.#options;
    const holds = waitSeconds > 0 && this.#held < held;
    entry.known.presence = holds ? 'between' : 'calls';
    if (holds && this.#standing(entry).standing === knows)
      await this.#hold(entry, claim.run, waitSeconds, closed);
    return { ...this.#standing(entry), againInSeconds: holds ? 0 : callAgainMs / 1000 };
  }

  /** The run is over. */
  end(boxId: string, run: string): void {
    const entry = this.#entries.get(boxId);
    if (entry === undefined) return;
    if (entry.copies.delete(run)) entry.release?.();
    if (entry.known.run !== run) return;
    entry.known.presence = 'ended';
    entry.known.heardAt = this.#now();
    this.#tell(entry);
  }

  async #isFirst(boxId: string, asked: Claim): Promise<boolean> {
    let askedAt: number | undefined;
    for (;;) {
      const entry = this.#entries.get(boxId);
      const before = asked.before ?? '';
      const copy = asked.copy || entry?.copies.has(asked.run) === true || entry?.copies.has(before) === true;
      const claim = { ...asked, copy, askedAt };
      const verdict = judge(entry?.known, claim, this.#now(), this.#timing);
      if (entry !== undefined && verdict === 'same') {
        this.#heard(boxId, entry);
        return true;
      }
      if (verdict === 'refuse') {
        if (entry !== undefined) this.#refused(entry, claim.run);
        return false;
      }
      if (entry !== undefined && verdict === 'ask') {
        askedAt ??= this.#now();
        await this.#ask(entry);
      } else {
        this.#replace(boxId, entry, claim, verdict);
        return true;
      }
    }
  }

  #heard(boxId: string, entry: Entry): void {
    entry.known.heardAt = this.#now();
    if (entry.known.presence === 'cut' || entry.known.presence === 'ended') entry.known.presence = 'calls';
    // The last of the map is who was heard last.
    this.#entries.delete(boxId);
    this.#entries.set(boxId, entry);
    this.#tell(entry);
  }

  #replace(boxId: string, before: Entry | undefined, { run }: Claim, verdict: string): void {
    const followed = verdict === 'follow' ? before?.known.run : undefined;
    const since = Math.max(Math.round(this.#options.clock.now()), (before?.since ?? 0) + 1);
    const copies = before?.copies ?? new Map<string, { since: number; at: number }>();
    copies.delete(run);
    const known: KnownRun = { run, heardAt: this.#now(), presence: 'calls', followed };
    const entry: Entry = { known, since, copies, release: undefined, asking: new Set() };
    if (verdict === 'take-back' && before !== undefined) this.#refused(entry, before.known.run);
    this.#entries.delete(boxId);
    this.#entries.set(boxId, entry);
    before?.release?.();
    if (before !== undefined) this.#tell(before);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > mostBoxes && oldest !== undefined) this.#entries.delete(oldest);
  }

  #refused(entry: Entry, run: string): void {
    const { copies } = entry;
    const since = copies.get(run)?.since ?? Math.round(this.#options.clock.now());
    copies.delete(run);
    copies.set(run, { since, at: this.#now() });
    const [oldest] = copies.keys();
    if (copies.size > mostCopies && oldest !== undefined) copies.delete(oldest);
    // It is told once: its next call knows.
    if (copies.size === 1) entry.release?.();
  }

  #standing(entry: Entry): Pick<StandingAnswer, 'standing' | 'since'> {
    const now = this.#now();
    for (const [run, { at }] of entry.copies) if (now - at > copyForgottenMs) entry.copies.delete(run);
    const [first] = entry.copies.values();
    return first === undefined
      ? { standing: 'alone', since: null }
      : { standing: 'first', since: first.since };
  }

  async #hold(entry: Entry, run: string, waitSeconds: number, closed: AbortSignal): Promise<void> {
    entry.release?.();
    const over = new AbortController();
    const release = (): void => over.abort();
    entry.release = release;
    entry.known.presence = 'holds';
    this.#held++;
    try {
      await this.#options.clock.sleep(seconds(waitSeconds), AbortSignal.any([over.signal, closed]));
    } catch (error) {
      if (!isAbort(error)) throw error;
    } finally {
      this.#held--;
      // A newer call of the same run may be held by now.
      if (entry.release === release) {
        entry.release = undefined;
        if (entry.known.run === run && entry.known.presence === 'holds') {
          entry.known.presence = closed.aborted ? 'cut' : 'between';
          entry.known.heardAt = closed.aborted ? this.#now() : entry.known.heardAt;
          if (closed.aborted) this.#tell(entry);
        }
      }
    }
  }

  /** Answers the call that is held, and waits for the next one; who does not come is gone. */
  async #ask(entry: Entry): Promise<void> {
    const told = new AbortController();
    const tell = (): void => told.abort();
    entry.asking.add(tell);
    entry.release?.();
    try {
      const { answerMs } = this.#timing;
      await this.#options.clock.sleep(answerMs, told.signal);
      entry.known.presence = 'cut';
      // A timer may be a moment early.
      entry.known.heardAt = Math.min(entry.known.heardAt, this.#now() - answerMs);
    } catch (error) {
      if (!isAbort(error)) throw error;
    } finally {
      entry.asking.delete(tell);
    }
  }

  #tell(entry: Entry): void {
    for (const tell of entry.asking) tell();
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}
