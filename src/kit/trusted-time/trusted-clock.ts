import { randomUUID } from 'node:crypto';
import type { Clock, Random } from '../runtime/clock.ts';
import { minutes, seconds } from '../runtime/clock.ts';
import { codeOf, messageOf } from '../runtime/errors.ts';
import { type Fact, OwnedFact } from '../runtime/fact.ts';
import type { Log } from '../log/log.ts';
import { Reconciler } from '../runtime/reconcile.ts';
import type { Service } from '../runtime/service.ts';
import { newestIn, readKept, writeKept } from './memory.ts';
import {
  beginning,
  type Correction,
  correction,
  type Doubt,
  judge,
  likelyTime,
  type Reason,
  timeLimits,
  type Voucher,
} from './policy.ts';
import type { TimeSources } from './sources.ts';

export interface TrustedClockOptions {
  /** The machine's. */
  clock: Clock;
  sources: TimeSources;
  /** The state folder, where the last time that was known is kept. */
  folder: string;
  /** Whose files show how old the state is, when that is not known. */
  stores: readonly string[];
  /** When this program was built, ms since the epoch. */
  builtAt: number;
  random: Random;
  log: Log;
}

/** Whether the wall clock is believed, and why or why not. */
export type TimeTrust = { by: Voucher } | { doubt: Reason | 'jumped'; forMs: number };

const lookMs = seconds(10);
const lookInDoubtMs = seconds(3);
const askServersMs = seconds(15);
const askServersLongMs = minutes(5);
/** After this long between two looks the uptime is asked, which knows of sleep. */
const heldMs = seconds(30);
const keptCorrections = 16;

/**
 * The clock that everything which expires goes by (see `policy.ts`). `open` before anybody asks for the time; as a service it
 * looks after the wall clock: a jump is noticed, doubt ends when somebody vouches for it, and what is known is written down.
 */
export class TrustedClock implements Clock, Service {
  readonly name = 'clock';
  readonly #options: TrustedClockOptions;
  readonly #trust = new OwnedFact<TimeTrust>({ doubt: 'unconfirmed', forMs: 0 });
  readonly #corrections = new OwnedFact<readonly Correction[]>([]);
  readonly #steps = new OwnedFact(0);
  readonly #rounds: Reconciler;
  #anchor = { time: 0, uptime: 0, monotonic: 0 };
  #voucher: Voucher | undefined;
  #doubt:
    | (Doubt & { jump: { before: Voucher | undefined; wall: number } | undefined; at: number })
    | undefined;
  /** The distance that the wall clock keeps. */
  #even = { ahead: 0, uptime: 0 };
  #savedAt = 0;
  #saving: Promise<void> = Promise.resolve();
  #servers = { askedAt: -Infinity, pauseMs: askServersMs };

  constructor(options: TrustedClockOptions) {
    this.#options = options;
    const { clock, random, log } = options;
    this.#rounds = new Reconciler({
      name: this.name,
      watch: [],
      reconcile: (signal) => this.#look(signal, true),
      clock: { ...plain(clock) },
      random,
      log,
    });
  }

  now(): number {
    const { clock, sources } = this.#options;
    const held = clock.monotonic() - this.#anchor.monotonic;
    if (held > heldMs || held < 0) this.#hold(sources.uptime());
    return Math.floor(this.#anchor.time + clock.monotonic() - this.#anchor.monotonic);
  }

  monotonic(): number {
    return this.#options.clock.monotonic();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#options.clock.sleep(ms, signal);
  }

  wall(): number {
    return this.#options.clock.now();
  }

  likely(): number {
    // A clock that jumped while it was believed was right before.
    if (this.#doubt === undefined || this.#doubt.jump !== undefined) return this.now();
    return Math.floor(likelyTime({ wall: this.wall(), time: this.now(), builtAt: this.#options.builtAt }));
  }

  get doubtful(): boolean {
    return this.#doubt !== undefined;
  }

  get trust(): Fact<TimeTrust> {
    return this.#trust;
  }

  get steps(): Fact<unknown> {
    return this.#steps;
  }

  /** How what was made in doubt is dated again, oldest first. A store applies each once; see `redateOnce`. */
  get corrections(): Fact<readonly Correction[]> {
    return this.#corrections;
  }

  /** Finds the time that counts. Nothing of the state is read before. */
  async open(signal: AbortSignal): Promise<void> {
    const { clock, sources, folder, stores, builtAt } = this.#options;
    const kept = await readKept(folder);
    const newest = kept === undefined ? await Promise.all(stores.map((store) => newestIn(store))) : [];
    const known = newest.filter((time) => time !== undefined);
    const [wall, uptime] = [clock.now(), sources.uptime()];
    const start = beginning({
      wall,
      uptime,
      boot: sources.boot,
      builtAt,
      known: kept,
      newest: known.length === 0 ? undefined : Math.max(...known),
    });
    this.#anchor = { time: start.time, uptime, monotonic: clock.monotonic() };
    this.#even = { ahead: wall - start.time, uptime };
    this.#voucher = start.voucher;
    this.#corrections.set(kept?.corrections ?? []);
    if (start.doubt !== undefined) {
      const id = (start.doubt.goesOn ? kept?.doubt?.id : undefined) ?? randomUUID();
      // As after a jump: the one in the same run of the machine was believed.
      const sameRun = kept?.voucher !== undefined && kept.boot !== undefined && kept.boot === sources.boot;
      const jump = sameRun && !start.doubt.goesOn ? { before: kept.voucher, wall } : undefined;
      this.#doubt = { id, since: start.doubt.since, jump, at: clock.monotonic() };
    }
    await this.#look(signal, false);
    await this.#save(false);
  }

  async start(): Promise<void> {
    await this.#rounds.start();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
    await this.#save(true);
  }

  /** One look at the wall clock; answers when to look again. */
  async #look(signal: AbortSignal, askServers: boolean): Promise<number> {
    const { sources, builtAt } = this.#options;
    this.#hold(sources.uptime());
    this.#compare();
    if (this.#doubt !== undefined) {
      const synchronized = await sources.synchronized(this.#doubt.jump?.wall, signal);
      const aheadOfServers = askServers && !synchronized ? await this.#askServers(signal) : [];
      this.#hold(sources.uptime());
      const [wall, time] = [this.wall(), this.#exact()];
      const verdict = judge({
        wall,
        time,
        builtAt,
        evenForMs: sources.uptime() - this.#even.uptime,
        synchronized,
        aheadOfServers,
      });
      if ('voucher' in verdict) await this.#believe(verdict.voucher);
      else this.#doubted(verdict.reason);
    }
    if (this.#options.clock.monotonic() - this.#savedAt >= timeLimits.saveEveryMs) await this.#save(false);
    return this.#doubt === undefined ? lookMs : lookInDoubtMs;
  }

  /** Follows small differences; a large one is a jump. */
  #compare(): void {
    const { sources, clock, log } = this.#options;
    const ahead = this.wall() - this.#exact();
    const small = Math.abs(ahead) <= timeLimits.driftMs;
    if (Math.abs(ahead - this.#even.ahead) > timeLimits.driftMs) {
      this.#even = { ahead, uptime: sources.uptime() };
      this.#servers = { askedAt: -Infinity, pauseMs: askServersMs };
    }
    if (this.#doubt === undefined && small) this.#anchor.time += ahead;
    else if (this.#doubt === undefined) {
      log.warn({ aheadMs: Math.round(ahead) }, 'the clock of this machine has jumped; it is in doubt');
      const jump = { before: this.#voucher, wall: this.wall() };
      this.#doubt = { id: randomUUID(), since: this.now(), jump, at: clock.monotonic() };
      this.#voucher = undefined;
    } else if (small && this.#doubt.jump?.before !== undefined) {
      this.#voucher = this.#doubt.jump.before;
      this.#doubt = undefined;
      log.info('the clock of this machine is as it was before');
      this.#trust.set({ by: this.#voucher });
    }
  }

  async #askServers(signal: AbortSignal): Promise<number[]> {
    const { clock, sources } = this.#options;
    const { askedAt, pauseMs } = this.#servers;
    if (clock.monotonic() - askedAt < pauseMs) return [];
    this.#servers = { askedAt: clock.monotonic(), pauseMs: Math.min(askServersLongMs, pauseMs * 1.5) };
    return sources.aheadOfServers(() => this.wall(), signal);
  }

  async #believe(voucher: Voucher): Promise<void> {
    const doubt = this.#doubt;
    if (doubt === undefined) return;
    const { id, since } = doubt;
    const found = correction({ id, since }, this.#exact(), this.wall());
    const corrections = [...this.#corrections.value, ...(found === undefined ? [] : [found])];
    const kept = corrections.slice(-keptCorrections);
    // Written down first: stores that are not open now, or are cut off, date theirs at their next start.
    if (found !== undefined) await this.#save(false, { voucher, time: this.wall(), corrections: kept });
    const { sources, clock, log } = this.#options;
    this.#anchor = { time: this.wall(), uptime: sources.uptime(), monotonic: clock.monotonic() };
    this.#even = { ahead: 0, uptime: sources.uptime() };
    this.#doubt = undefined;
    this.#voucher = voucher;
    log.info({ by: voucher, stepMs: found?.step ?? 0 }, 'the time is known');
    this.#corrections.set(kept);
    this.#trust.set({ by: voucher });
    if (found !== undefined) this.#steps.set(this.#steps.value + 1);
    await this.#save(false);
  }

  #doubted(reason: Reason): void {
    const jumped = this.#doubt?.jump !== undefined;
    const forMs = this.monotonic() - (this.#doubt?.at ?? 0);
    this.#trust.set({ doubt: jumped ? 'jumped' : reason, forMs });
  }

  /** The time that counts, to the fraction of a millisecond. */
  #exact(): number {
    return this.#anchor.time + this.monotonic() - this.#anchor.monotonic;
  }

  /** From here on by the uptime of the machine: the other clock stands still while that sleeps. */
  #hold(uptime: number): void {
    const byUptime = this.#anchor.time + Math.max(0, uptime - this.#anchor.uptime);
    const time = Math.abs(byUptime - this.#exact()) < seconds(1) ? this.#exact() : byUptime;
    this.#anchor = { time, uptime, monotonic: this.monotonic() };
  }

  /** One at a time, the newest last. */
  #save(clean: boolean, next?: Next): Promise<void> {
    this.#saving = this.#saving.then(() => this.#write(clean, next));
    return this.#saving;
  }

  /** A disk that takes nothing is others' to tell. */
  async #write(clean: boolean, next: Next | undefined): Promise<void> {
    const { sources, folder, clock, log } = this.#options;
    const voucher = next?.voucher ?? this.#voucher;
    const doubt = next === undefined ? this.#doubt : undefined;
    this.#savedAt = clock.monotonic();
    try {
      await writeKept(folder, {
        time: next?.time ?? this.#exact(),
        uptime: sources.uptime(),
        ...(sources.boot === undefined ? {} : { boot: sources.boot }),
        clean,
        ...(voucher === undefined ? {} : { voucher }),
        ...(doubt === undefined ? {} : { doubt: { id: doubt.id, since: doubt.since } }),
        corrections: [...(next?.corrections ?? this.#corrections.value)],
      });
    } catch (error) {
      log.info({ code: codeOf(error) }, `the time that is known is not kept: ${messageOf(error)}`);
    }
  }
}

/** What holds from now on, while it is being written down. */
interface Next {
  voucher: Voucher;
  time: number;
  corrections: readonly Correction[];
}

/** Only what the machine's clock has: its loop is not to be woken by its own steps. */
function plain(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
  };
}
