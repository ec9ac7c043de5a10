import { minutes } from '../runtime/clock.ts';
import type { Health } from '../runtime/health.ts';
import type { TimeTrust, TrustedClock } from './trusted-clock.ts';

const name = 'clock';
/** A time server or the cloud is asked at the start, and the answer takes a moment. */
const patienceMs = minutes(2);

const remedy =
  'give it a way to a time server (timedatectl set-ntp true) or to the internet; it goes on by itself once the time is confirmed';

/** Keeps the condition `clock` as the clock is; ends with what it answers. */
export function reportTrust(health: Health, clock: TrustedClock): () => void {
  const report = (trust: TimeTrust): void => {
    const message = doubtIn(trust, clock);
    if (message === undefined) health.clear(name);
    else health.set(name, 'warning', message, remedy);
  };
  report(clock.trust.value);
  return clock.trust.subscribe(report);
}

/** What people are told, in days: finer times would change all the while. */
function doubtIn(trust: TimeTrust, clock: TrustedClock): string | undefined {
  if ('by' in trust) return undefined;
  const [wall, counts] = [day(clock.wall()), day(clock.now())];
  const meanwhile = `until it is confirmed, the box goes on from the last time it knew (${counts}), and nothing is ended early`;
  if (trust.doubt === 'unconfirmed' && trust.forMs < patienceMs) return undefined;
  return `the clock ${said[trust.doubt](wall)}; ${meanwhile}`;
}

const said: Record<Extract<TimeTrust, { forMs: number }>['doubt'], (wall: string) => string> = {
  behind: (wall) => `says ${wall}, which has passed already`,
  ahead: (wall) => `says ${wall}, which is far from the last time that was known`,
  jumped: (wall) => `has jumped, to ${wall}`,
  unconfirmed: (wall) => `says ${wall}, and nobody has confirmed it since the start`,
};

const day = (time: number): string => new Date(time).toISOString().slice(0, 10);
