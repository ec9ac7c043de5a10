import { minutes, seconds } from '../../kit/runtime/clock.ts';

/** The run of a box that may act; see protocol/run-api.ts. Times are monotonic, ms. */
export interface KnownRun {
  run: string;
  /** The last sign of its life; of a connection that ended, its end. */
  heardAt: number;
  /**
   * A call of it is held back; one was answered and the next follows at once; it only calls now and then; its connection
   * ended, or it did not answer; it said goodbye.
   */
  presence: 'holds' | 'between' | 'calls' | 'cut' | 'ended';
  /** The run in whose place it is on its word alone: nobody saw that one go. */
  followed?: string | undefined;
}

export interface Claim {
  run: string;
  /** The run before it, as it stands on the card; the same on a copy of the card. */
  before?: string | undefined;
  /** It was refused before, or follows one that was. */
  copy: boolean;
  /** Since when the known one is asked whether it lives. */
  askedAt?: number | undefined;
}

export type Verdict =
  /** The one that is known. */
  | 'same'
  /** It is the one from now on: there was none, or that one is gone. */
  | 'take-over'
  /** The same, on its word: a restart looks like this. */
  | 'follow'
  /** The one whose place was taken so is alive after all: two boxes. */
  | 'take-back'
  /** Find out whether the known one is alive, then judge again. */
  | 'ask'
  | 'refuse';

export const runTiming = {
  /** Who is asked answers within this. For a copy, who was heard a moment ago is not asked again. */
  answerMs: seconds(4),
  /** Who only calls now and then is gone after this: two calls, and some. */
  silenceMs: minutes(12),
  /** A run known as a copy leaves the other one time to restart, or to be moved. */
  patienceMs: minutes(3),
} as const;
export type RunTiming = Record<keyof typeof runTiming, number>;

/** Who of two runs of one identity may act: the one that was there, for as long as it lives. `startedAt`: of this server. */
export function judge(
  known: KnownRun | undefined,
  claim: Claim,
  now: number,
  { answerMs, silenceMs, patienceMs, startedAt }: RunTiming & { startedAt: number },
): Verdict {
  // After a restart of the server the copy may be the first to call.
  if (known === undefined) return claim.copy && now - startedAt < patienceMs ? 'refuse' : 'take-over';
  if (known.run === claim.run) return 'same';
  if (known.followed === claim.run) return 'take-back';
  const silentMs = now - known.heardAt;
  const follows = claim.before === known.run;
  if (known.presence === 'calls') {
    if (follows && !claim.copy) return 'follow';
    return silentMs < silenceMs ? 'refuse' : 'take-over';
  }
  if (known.presence === 'holds' || known.presence === 'between') {
    // A machine that was off for seconds is no copy: that the other one was heard a moment ago says nothing.
    const heardSince = claim.askedAt ?? (claim.copy ? now - answerMs : Number.POSITIVE_INFINITY);
    return known.heardAt >= heardSince ? 'refuse' : 'ask';
  }
  if (claim.copy) return silentMs < patienceMs ? 'refuse' : 'take-over';
  // A line that dropped comes back in a moment; a process that ended has closed its connection, and says who it was.
  return known.presence === 'ended' || follows || silentMs >= answerMs ? 'take-over' : 'ask';
}
