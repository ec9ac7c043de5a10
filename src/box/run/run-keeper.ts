import { type Clock, hours, type Random, seconds } from '../../kit/runtime/clock.ts';
import { messageOf, Problem } from '../../kit/runtime/errors.ts';
import { derived, type Fact, OwnedFact } from '../../kit/runtime/fact.ts';
import type { Health } from '../../kit/runtime/health.ts';
import type { Log } from '../../kit/log/log.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import { defaultBackoff } from '../../kit/runtime/retry.ts';
import type { Service } from '../../kit/runtime/service.ts';
import { type AuditNote, boxNote } from '../audit-notes.ts';
import { copyRemedy } from '../../protocol/run-api.ts';
import type { HomeNetwork, Standing } from '../facts.ts';
import type { ZoneClient } from '../zone/zone-client.ts';
import type { RunMemory } from './run-memory.ts';

export interface RunKeeperOptions {
  /** Of its own: a call of it is under way nearly all the time. */
  client: Pick<ZoneClient, 'stand' | 'endRun' | 'reconnect' | 'close'>;
  memory: Pick<RunMemory, 'notes' | 'tell'>;
  network: Fact<HomeNetwork>;
  log: Log;
  clock: Clock;
  random: Random;
  health: Health;
}

/** The dns-server holds the call for so long; routers forget a connection that is quiet for longer. */
const waitSeconds = 120;
/** The dns-server may have to find out first whether another run lives. */
const firstAnswerMs = seconds(10);
export const standTimeoutMs = seconds(waitSeconds + 20);
/** Who waits for an answer of this run does not wait long. */
const backoff = { ...defaultBackoff, initialMs: 100, capMs: seconds(15) };
const condition = 'identity.copied';

/**
 * Owner of the fact whether another box has the same identity: holds a call at the dns-server, which answers when another run
 * appears. What the parts do about it is theirs; what a person can do is the condition `identity.copied`.
 */
export class RunKeeper implements Service {
  readonly name = 'run';
  /** Another box was there first; `undefined` while nobody knows, for a moment at the start. */
  readonly copy: Fact<boolean | undefined>;
  readonly #options: RunKeeperOptions;
  readonly #standing = new OwnedFact<Standing>({ kind: 'unknown', since: undefined });
  readonly #notes: OwnedFact<readonly AuditNote[]>;
  readonly #loop: Reconciler;
  #unsubscribe: (() => void) | undefined;

  constructor(options: RunKeeperOptions) {
    this.#options = options;
    this.copy = derived([this.#standing], () => {
      const { kind } = this.#standing.value;
      return kind === 'unknown' ? undefined : kind === 'copy';
    });
    this.#notes = new OwnedFact(options.memory.notes);
    this.#loop = new Reconciler({
      ...options,
      name: this.name,
      watch: [],
      reconcile: (signal) => this.#ask(signal),
      goodbye: (signal) => options.client.endRun(signal),
      backoff,
    });
  }

  get standing(): Fact<Standing> {
    return this.#standing;
  }

  /** The event, for the audit log. */
  get notes(): Fact<readonly AuditNote[]> {
    return this.#notes;
  }

  async start(): Promise<void> {
    const { network, client } = this.#options;
    let before = network.value.addresses;
    this.#unsubscribe = network.subscribe(({ addresses }) => {
      // A call over an address that is gone would wait for nobody, and this run seem dead.
      if (before.some((address) => !addresses.includes(address))) void client.reconnect();
      before = addresses;
      this.#loop.nudge();
    });
    await this.#loop.start();
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    await this.#loop.stop();
    await this.#options.client.close();
    this.#options.health.clear(condition);
  }

  async #ask(signal: AbortSignal): Promise<number> {
    const { client } = this.#options;
    const knows = this.#standing.value.kind;
    // The others wait for the first answer, and need not have it.
    const patience =
      knows === 'unknown' ? AbortSignal.any([signal, AbortSignal.timeout(firstAnswerMs)]) : signal;
    try {
      const { standing, since, againInSeconds } = await client.stand({ waitSeconds, knows }, patience);
      await this.#stands({ kind: standing, since: since ?? undefined });
      return seconds(againInSeconds);
    } catch (error) {
      if (knows === 'unknown') this.#standing.set({ kind: 'alone', since: undefined });
      // A dns-server from before runs were known.
      if (error instanceof Problem && error.status === 404) return hours(1);
      throw error;
    }
  }

  async #stands(standing: Standing & { kind: keyof typeof told | 'alone' }): Promise<void> {
    const { memory, clock, health, log } = this.#options;
    if (standing.kind !== this.#standing.value.kind)
      log.info(`the dns-server says of this run: ${standing.kind}`);
    this.#standing.set(standing);
    if (standing.kind === 'alone') health.clear(condition);
    else {
      const { severity, message, remedy } = told[standing.kind];
      health.set(condition, severity, message, remedy);
    }
    try {
      await memory.tell(standing.kind, () => boxNote('identity-copied', standing.kind, clock.now()));
      this.#notes.set(memory.notes);
    } catch (error) {
      log.warn(`the audit log may not have it: ${messageOf(error)}`);
    }
  }
}

const told = {
  first: {
    severity: 'warning',
    message: 'a second box has the identity of this one, because its card was copied; it is kept out',
    remedy: `${copyRemedy}; or switch it off`,
  },
  copy: {
    severity: 'error',
    message:
      'another box with the identity of this one is connected, because a card was copied; this box works at home only',
    remedy: `${copyRemedy}; if this is the one to stay, switch the other off, and minutes later this one is connected`,
  },
} as const;
