import { days, hours, minutes, seconds } from '../runtime/clock.ts';

/**
 * What time it is, as far as anybody can know: functions of what the clock says, what was known before, and who agrees.
 *
 * The *time that counts* is never the wall clock as it stands. It goes on from the last time that was known, by the clock that
 * only moves forward, and is set to the wall clock once somebody has vouched for that. Until then it is a time that has passed
 * for certain: what has expired by it has expired, and a wall clock that is years ahead ends nothing.
 *
 * All times are ms; wall-clock times since the Unix epoch, `uptime` since the machine was started.
 */

/** Who said that the clock is right: a time server; the cloud or the CA; or it has run evenly, near to what was known. */
export type Voucher = 'time-server' | 'server' | 'itself';

/** Things that were made while the clock was in doubt: from `since` on, by the time that counted then. */
export interface Doubt {
  /** One period of doubt, also over several starts. */
  id: string;
  since: number;
}

/** How all that was made in a period of doubt is dated again. */
export interface Correction extends Doubt {
  /** What was made after this is dated right. */
  until: number;
  /** Added to the dates. */
  step: number;
}

/** What was written down last. */
export interface Known {
  time: number;
  uptime: number;
  /** Which start of the machine it was; absent: nobody could tell. */
  boot?: string | undefined;
  /** Written while stopping: nothing was made after it. */
  clean: boolean;
  voucher?: Voucher | undefined;
  doubt?: Doubt | undefined;
}

export const timeLimits = {
  /** How far the wall clock may move against the other one without being noticed: what time servers correct by. */
  driftMs: seconds(2),
  saveEveryMs: minutes(5),
  /** A server's `Date` has whole seconds, and the answer was on its way for a while. */
  serverAgreesMs: minutes(1),
  /** With nobody to ask, the clock is believed when it is so near to the last time known… */
  nearMs: days(7),
  /** …and has run evenly for so long, ahead of that time or behind it. */
  evenMs: hours(1),
  evenBehindMs: days(1),
  /** A program that is older than this was not built: the clock of a first start is wrong. */
  programMs: days(3650),
} as const;

export interface Start {
  wall: number;
  uptime: number;
  boot?: string | undefined;
  /** When this program was built: no time is before. */
  builtAt: number;
  known?: Known | undefined;
  /** Without `known`: when the newest of the state was written, for a state that is older than this file. */
  newest?: number | undefined;
}

export interface Beginning {
  /** The time that counts. */
  time: number;
  voucher?: Voucher | undefined;
  /** Since when the clock is in doubt, when it is; `goesOn`: as it was before this start. */
  doubt?: { since: number; goesOn: boolean } | undefined;
}

/** The time that counts at a start. */
export function beginning(start: Start): Beginning {
  const { wall, builtAt, known } = start;
  if (known === undefined) return firstTime(start);
  const doubt = known.doubt && { since: known.doubt.since, goesOn: true };
  if (isSameBoot(start, known)) {
    const time = known.time + start.uptime - known.uptime;
    const even = Math.abs(wall - time) <= timeLimits.driftMs;
    if (doubt !== undefined || known.voucher === undefined)
      return { time, doubt: doubt ?? { since: time, goesOn: false } };
    return even ? { time: wall, voucher: known.voucher } : { time, doubt: { since: time, goesOn: false } };
  }
  // Cut off, it may have run on until just before the next writing, and what it made meanwhile has its right date.
  const last = known.time + (known.clean ? 0 : timeLimits.saveEveryMs + minutes(1));
  const time = Math.max(builtAt, last);
  return { time, doubt: doubt ?? { since: time, goesOn: false } };
}

function firstTime({ wall, builtAt, newest }: Start): Beginning {
  if (newest !== undefined) {
    const time = Math.max(builtAt, newest + 1);
    return { time, doubt: { since: time, goesOn: false } };
  }
  const likely = wall >= builtAt && wall <= builtAt + timeLimits.programMs;
  const time = likely ? wall : builtAt;
  return { time, doubt: { since: time, goesOn: false } };
}

function isSameBoot({ boot, uptime }: Start, known: Known): boolean {
  return boot !== undefined && boot === known.boot && uptime >= known.uptime;
}

export interface Observation {
  wall: number;
  /** The time that counts now. */
  time: number;
  builtAt: number;
  /** How long the wall clock has kept the same distance to the time that counts. */
  evenForMs: number;
  /** A time server has set it, as far as the system knows. */
  synchronized: boolean;
  /** How far it is ahead of servers that have proven who they are. */
  aheadOfServers: readonly number[];
}

/** What speaks against a clock. `behind`: of what is known to have passed. `ahead`: further than a box is likely to be off. */
export type Reason = 'behind' | 'ahead' | 'unconfirmed';

export type Verdict = { voucher: Voucher } | { reason: Reason };

/** Whether the wall clock can be believed. */
export function judge(seen: Observation): Verdict {
  const { wall, time, builtAt, evenForMs } = seen;
  const { driftMs, serverAgreesMs, nearMs, evenMs, evenBehindMs } = timeLimits;
  // Whoever vouches for a time before this program was made is wrong, too.
  const possible = wall >= builtAt - days(1);
  if (possible && seen.synchronized) return { voucher: 'time-server' };
  if (possible && seen.aheadOfServers.some((ahead) => Math.abs(ahead) <= serverAgreesMs))
    return { voucher: 'server' };
  const ahead = wall - time;
  const near = possible && Math.abs(ahead) <= nearMs;
  if (near && evenForMs >= (ahead >= -driftMs ? evenMs : evenBehindMs)) return { voucher: 'itself' };
  if (ahead < -driftMs) return { reason: 'behind' };
  return { reason: ahead > nearMs ? 'ahead' : 'unconfirmed' };
}

/** What is to be added to the dates of what was made in doubt, now that `wall` is right; `undefined`: nothing. */
export function correction(doubt: Doubt, time: number, wall: number): Correction | undefined {
  const step = Math.round(wall - time);
  if (Math.abs(step) <= timeLimits.driftMs) return undefined;
  // What is made from now on has dates from `wall` on: with room for what is made while this is written down.
  const room = step > 0 ? Math.min(minutes(1), Math.floor(step / 2)) : minutes(1);
  return { ...doubt, until: time + room, step };
}

/**
 * What time it probably is, for talking with others whose clocks are right: the wall clock where nothing speaks against it, also
 * before anybody has vouched for it.
 */
export function likelyTime(seen: Pick<Observation, 'wall' | 'time' | 'builtAt'>): number {
  const likely = seen.wall >= seen.time && seen.wall <= seen.builtAt + timeLimits.programMs;
  return likely ? seen.wall : seen.time;
}
