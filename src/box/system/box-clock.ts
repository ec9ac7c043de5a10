import { join } from 'node:path';
import type { Clock, Random } from '../../kit/runtime/clock.ts';
import type { Log } from '../../kit/log/log.ts';
import { systemSources, type TimeSources } from '../../kit/trusted-time/sources.ts';
import { TrustedClock } from '../../kit/trusted-time/trusted-clock.ts';
import type { BoxConfig } from '../config.ts';

export interface BoxClockOptions {
  config: BoxConfig;
  trust: { cloud?: string; acme?: string };
  builtAt: number;
  /** The machine's. */
  clock: Clock;
  /** Absent: the machine's, and what the cloud and the CA say. */
  timeSources?: TimeSources | undefined;
  /** Which start of the machine this is, where it cannot be looked up. */
  boot?: string | undefined;
  random: Random;
  log: Log;
}

/** The clock of the box, open: what expires goes by it. */
export async function boxClock(options: BoxClockOptions, signal: AbortSignal): Promise<TrustedClock> {
  const { config, trust, boot } = options;
  const servers = [
    { url: config.cloud.zoneApi, ca: trust.cloud },
    { url: config.acme.directory, ca: trust.acme },
  ];
  const sources = options.timeSources ?? systemSources({ boot, servers });
  const clock = new TrustedClock({
    ...options,
    sources,
    folder: config.state,
    stores: [join(config.state, 'access')],
    log: options.log.child({ part: 'clock' }),
  });
  await clock.open(signal);
  return clock;
}
