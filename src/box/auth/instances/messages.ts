import { codeOf, Problem } from '../../../kit/runtime/errors.ts';
import type { Log } from '../../../kit/log/log.ts';
import type { Cleaning } from './cleaning.ts';
import type { MailboxMessage, Mailbox } from './mailbox.ts';

/** Writes to app instances, and sees to it that nothing stays in a mailbox for longer than it is worth something. */
export class Messages {
  readonly #mailboxes: readonly Mailbox[];
  readonly #cleaning: Cleaning;
  readonly #log: Log;
  readonly #closed = new AbortController();

  constructor(options: { mailboxes: readonly Mailbox[]; cleaning: Cleaning; log: Log }) {
    this.#mailboxes = options.mailboxes;
    this.#cleaning = options.cleaning;
    this.#log = options.log;
  }

  /** The one of this name, or the first. Throws `mailbox-unknown`. */
  mailbox(name?: string): Mailbox {
    const found = this.#mailboxes.find((mailbox) => name === undefined || mailbox.name === name);
    if (found !== undefined) return found;
    const known =
      this.#mailboxes.map((mailbox) => mailbox.name).join(', ') || 'none, which its settings change';
    throw new Problem('mailbox-unknown', `this box has no mailbox ${name ?? ''}; it has: ${known}`, {
      status: 422,
      retryable: false,
    });
  }

  /** Throws `mailbox-failed`. */
  async put(mailbox: Mailbox, message: MailboxMessage): Promise<void> {
    try {
      await mailbox.put(message, this.#closed.signal);
    } catch (error) {
      this.#log.warn({ err: error, code: codeOf(error) }, `the mailbox ${mailbox.name} took no letter`);
      // What the mailbox said is for the box's owner, not for strangers.
      throw new Problem('mailbox-failed', 'the mailbox cannot be written to now; try again in a minute', {
        status: 503,
        retryAfterSeconds: 60,
        cause: error,
      });
    }
    this.#cleaning.written(mailbox, message);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    for (const mailbox of this.#mailboxes) await mailbox.close();
  }
}
