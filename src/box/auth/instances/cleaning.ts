import { type Clock, minutes, type Random, seconds } from '../../../kit/runtime/clock.ts';
import { messageOf } from '../../../kit/runtime/errors.ts';
import type { Health } from '../../../kit/runtime/health.ts';
import type { Log } from '../../../kit/log/log.ts';
import { Reconciler } from '../../../kit/runtime/reconcile.ts';
import type { Service } from '../../../kit/runtime/service.ts';
import type { InstanceTable } from './instance-table.ts';
import type { MailboxMessage, Mailbox } from './mailbox.ts';
import type { PendingRequests } from './pending.ts';

/** A message in a mailbox that does not forget by itself. */
interface Outstanding {
  mailbox: Mailbox;
  message: Pick<MailboxMessage, 'uid' | 'name'>;
  /** Of the clock that only moves forward. */
  endsAt: number;
}

export interface CleaningOptions {
  pending: PendingRequests;
  table: InstanceTable;
  mailboxes: readonly Mailbox[];
  clock: Clock;
  random: Random;
  health: Health;
  log: Log;
}

const condition = 'access.instances';
const pauseMs = minutes(10);
const busyPauseMs = seconds(30);

/**
 * The job that removes what is over: one-time passwords and other messages, here and in the mailboxes, and credentials that
 * nobody uses. Its condition says when it last ran and what it has removed since the start.
 */
export class Cleaning implements Service {
  readonly name = 'access.instances.cleaning';
  readonly #options: CleaningOptions;
  readonly #loop: Reconciler;
  readonly #outstanding = new Map<string, Outstanding>();
  readonly #removed = { passwords: 0, credentials: 0 };
  #cleared = false;
  /** Looks again soon, whatever comes. */
  #busy = false;

  constructor(options: CleaningOptions) {
    this.#options = options;
    this.#loop = new Reconciler({
      ...options,
      name: this.name,
      watch: [],
      reconcile: (signal) => this.#clean(signal),
      onFailure: (error) => this.#failed(error),
    });
  }

  start(): Promise<void> {
    return this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    this.#options.health.clear(condition);
  }

  /** A message was written: it is to be gone when it is over, or sooner. */
  written(mailbox: Mailbox, { uid, name, seconds: lifetime }: MailboxMessage): void {
    const endsAt = this.#options.clock.monotonic() + seconds(lifetime);
    const key = keyOf(mailbox, { uid, name });
    if (!mailbox.forgets) this.#outstanding.set(key, { mailbox, message: { uid, name }, endsAt });
    if (!this.#busy) this.#loop.nudge();
  }

  /** A message has done its work. */
  done(mailbox: Mailbox, message: Pick<MailboxMessage, 'uid' | 'name'>): void {
    if (message.name === 'otp') this.#removed.passwords++;
    const found = this.#outstanding.get(keyOf(mailbox, message));
    if (found !== undefined) found.endsAt = -Infinity;
  }

  /** Before sessions end by themselves, so that these are counted. */
  endDormant(): void {
    this.#removed.credentials += this.#options.table.endDormant();
  }

  async #clean(signal: AbortSignal): Promise<number> {
    const { pending, mailboxes, clock } = this.#options;
    if (!this.#cleared) for (const mailbox of mailboxes) await mailbox.clear(signal);
    this.#cleared = true;
    this.#removed.passwords += pending.sweep();
    this.endDormant();
    for (const [key, { mailbox, message, endsAt }] of this.#outstanding) {
      if (endsAt > clock.monotonic()) continue;
      await mailbox.remove(message, signal);
      this.#outstanding.delete(key);
    }
    this.#tell();
    this.#busy = this.#outstanding.size + pending.size > 0;
    return this.#busy ? busyPauseMs : pauseMs;
  }

  #tell(): void {
    const { health, clock } = this.#options;
    const { passwords, credentials } = this.#removed;
    const at = new Date(clock.now()).toISOString().slice(0, 19);
    const what = `one-time passwords: ${passwords}, dormant credentials: ${credentials}`;
    health.set(condition, 'ok', `cleaned up last at ${at}Z; removed since the start: ${what}`);
  }

  #failed(error: unknown): void {
    this.#options.health.set(
      condition,
      'warning',
      `what is over cannot be removed from the mailbox: ${messageOf(error)}`,
      'check the settings of the mailbox and the network; the job tries again by itself',
    );
  }
}

const keyOf = ({ name }: Mailbox, message: Pick<MailboxMessage, 'uid' | 'name'>): string =>
  `${name} ${message.uid} ${message.name}`;
