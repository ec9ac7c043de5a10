import type { InstanceEntry } from '../../../protocol/instance-api.ts';

/** Whose mailbox, and what is to be put there. */
export interface MailboxMessage {
  /** Of the app instance, at this mailbox. */
  uid: string;
  name: InstanceEntry;
  value: string;
  /** Worthless after so long. */
  seconds: number;
}

/**
 * A place that the box can write to and only one app instance can read: the side channel by which an instance shows that it
 * is one. What both sides rely on: who reads is signed in there under the unique id, and only boxes write.
 */
export interface Mailbox {
  /** How an instance names it in its request. */
  readonly name: string;
  /** What a unique id there looks like. */
  readonly uidPattern: RegExp;
  /** Messages are gone by themselves when they are read or over; else the box has to remove them. */
  readonly forgets: boolean;
  /** Replaces what the box left there under the name. Throws a `Problem`; trying again may help. */
  put(message: MailboxMessage, signal: AbortSignal): Promise<void>;
  remove(message: Pick<MailboxMessage, 'uid' | 'name'>, signal: AbortSignal): Promise<void>;
  /** Removes all that this box ever left there, also before it was started. */
  clear(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
