import { days, hours, minutes } from '../../kit/runtime/clock.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import type { Release } from '../../protocol/update-api.ts';
import { compareVersions } from './versions.ts';

/** A release that was tried and rolled back: how often, and when last (ms since the epoch). */
interface Setback {
  times: number;
  at: number;
  reason: string;
}
export type Setbacks = Readonly<Record<string, Setback>>;

/** By itself the box tries a release that was rolled back once more, later: maybe it was only an outage that day. */
const triesByItself = 2;
const pauseAfterSetbackMs = days(7);

interface Choice {
  releases: readonly Release[];
  /** The machine’s, as RAUC has it. */
  compatible: string;
  /** The version that runs. */
  running: string;
}

/** The newest release for this machine that is newer than what runs. */
export function newestRelease({ releases, compatible, running }: Choice): Release | undefined {
  return releases
    .filter((release) => release.compatible === compatible && compareVersions(release.version, running) > 0)
    .toSorted((a, b) => compareVersions(b.version, a.version))[0];
}

/** What the box takes unasked: the newest, but not what it has just rolled back. */
export function releaseToTake(choice: Choice & { setbacks: Setbacks; now: number }): Release | undefined {
  const { releases, setbacks, now } = choice;
  const allowed = releases.filter(({ version }) => {
    const setback = setbacks[version];
    if (setback === undefined) return true;
    return setback.times < triesByItself && now - setback.at >= pauseAfterSetbackMs;
  });
  return newestRelease({ ...choice, releases: allowed });
}

/**
 * Throws when a bundle whose signature is good is still not for this box: made for another kind of machine, or older than
 * what runs. The same version again is allowed: it repairs a slot.
 */
export function checkBundle(options: {
  bundle: { version: string; compatible: string };
  compatible: string;
  running: string;
  allowDowngrade: boolean;
}): void {
  const { bundle, compatible, running, allowDowngrade } = options;
  if (bundle.compatible !== compatible) {
    const message = `this bundle is for “${bundle.compatible}”, and this box is “${compatible}”; take the one for this kind of box`;
    throw new Problem('bundle-refused', message, { status: 422, retryable: false });
  }
  if (!allowDowngrade && compareVersions(bundle.version, running) < 0) {
    const message = `version ${bundle.version} is older than ${running}, which runs; ask for a downgrade if that is what you want`;
    throw new Problem('downgrade-refused', message, { status: 409, retryable: false });
  }
}

/**
 * Until the next look at the release folder: soon after a start, then daily; spread out, so that boxes that started
 * together (after a power cut in a city) do not ask together. `random` is in [0, 1).
 */
export function checkDelayMs(first: boolean, random: number): number {
  return first ? minutes(5) + random * minutes(30) : hours(18) + random * hours(12);
}

/** Local hours of the day in which the box may restart by itself, `to` not included; `22` to `4` goes over midnight. */
export interface RestartHours {
  from: number;
  to: number;
}

/** `2-5` as hours; `undefined` for *at any time*. */
export function restartHoursOf(text: string): RestartHours | undefined {
  const match = /^(\d{1,2})-(\d{1,2})$/.exec(text);
  return match === null ? undefined : { from: Number(match[1]), to: Number(match[2]) };
}

/**
 * How long until the box restarts into what was installed: to a moment within the hours, the same for the same `share`
 * (in [0, 1), each box has its own). With a wrong clock the hour is a wrong one, and still comes within a day.
 * `minuteOfDay` is local time.
 */
export function restartDelayMs(
  minuteOfDay: number,
  allowed: RestartHours | undefined,
  share: number,
): number {
  if (allowed === undefined) return minutes(1);
  const length = (allowed.to - allowed.from + 24) % 24 || 24;
  const moment = allowed.from * 60 + Math.floor(share * length * 60);
  return minutes((moment - minuteOfDay + 2 * 1440 - 1) % 1440) + minutes(1);
}

/**
 * What has become of a release that was written to a slot. Slots by their boot names: the one that runs, the one that is
 * started next, the one that has yet to prove itself.
 */
export function fateOf(
  attempt: { slot: string; installed: boolean },
  slots: { booted: string; next: string; onTrial: string | undefined },
): 'waiting' | 'trial' | 'kept' | 'rolled-back' | 'never-written' {
  if (slots.booted === attempt.slot) return slots.onTrial === slots.booted ? 'trial' : 'kept';
  if (slots.next === attempt.slot) return 'waiting';
  return attempt.installed ? 'rolled-back' : 'never-written';
}
