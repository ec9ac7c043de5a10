import { hours, minutes, seconds } from '../../kit/runtime/clock.ts';
import { type Check, failure, type Finding, ok, warning } from './check.ts';
import { serverTime } from './tls.ts';

export interface ClockReading {
  now: number;
  builtAt: number;
  /** What servers say, by name; their times are cut to whole seconds. */
  servers: readonly { name: string; time: number }[];
}

/** Is the time right? Every certificate, order and tunnel secret depends on it. */
export const clockCheck: Check = {
  name: 'clock',
  run: async ({ config, clock, builtAt, timeoutMs, signal }) => {
    const asked = [
      { name: 'the dns-server', url: config.cloud.zoneApi },
      { name: 'the CA', url: config.acme.directory },
    ];
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const differences = await Promise.all(
      asked.map(async ({ name, url }) => {
        const time = await serverTime(url, limit);
        // Compared at the moment of the answer, not of the slowest one.
        return time === undefined ? [] : [{ name, ahead: clock.now() - time }];
      }),
    );
    const now = clock.now();
    const servers = differences.flat().map(({ name, ahead }) => ({ name, time: now - ahead }));
    return judgeClock({ now, builtAt, servers });
  },
};

/** One server that agrees is enough: then it is the other one's clock that is wrong. */
export function judgeClock({ now, builtAt, servers }: ClockReading): Finding {
  const shown = `${new Date(now).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const nearest = servers.toSorted((a, b) => Math.abs(now - a.time) - Math.abs(now - b.time))[0];
  if (nearest === undefined) {
    if (now < builtAt) return failure(`it says ${shown}, which is before this program was built`, setTime);
    return warning(`${shown} is plausible, but no server could be asked`, 'see the lines below');
  }
  const ahead = now - nearest.time;
  const off = Math.abs(ahead);
  // Half a round trip and the second that the header cuts off.
  if (off < seconds(5)) return ok(`${shown}, as ${nearest.name} says`);
  const found = `${shown} is ${duration(off)} ${ahead > 0 ? 'ahead of' : 'behind'} ${nearest.name}`;
  if (off < minutes(1)) return ok(found);
  return off < hours(1) ? warning(found, setTime) : failure(found, setTime);
}

const setTime = 'take the time from the network: timedatectl set-ntp true';

function duration(ms: number): string {
  const units = [
    ['days', 86_400_000],
    ['hours', 3_600_000],
    ['minutes', 60_000],
  ] as const;
  const [unit, size] = units.find(([, size]) => ms >= 2 * size) ?? ['seconds', 1000];
  return `${Math.round(ms / size)} ${unit}`;
}
