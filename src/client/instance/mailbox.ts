/** A mailbox, as the app instance sees it: it signs in anonymously, and reads what boxes left for it and nobody else. */
export interface InstanceMailbox {
  /** As boxes call it. */
  readonly name: string;
  /** The unique id of the instance, for as long as this object lives. */
  signIn(signal?: AbortSignal): Promise<string>;
  /** What the box left under `entry`, as soon as it is there. Throws `not-found` when it is not within half a minute. */
  read(boxId: string, entry: string, signal?: AbortSignal): Promise<string>;
}

/** Longer than a box takes to write. */
export const readPatienceMs = 30_000;
