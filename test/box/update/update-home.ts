import { join } from 'node:path';
import { BundleFolder } from '../../../src/box/update/bundle-folder.ts';
import { UpdateHistory } from '../../../src/box/update/history.ts';
import { ReleaseFolder } from '../../../src/box/update/release-folder.ts';
import { TrialMarks } from '../../../src/box/update/trial-marks.ts';
import { UpdateMemory } from '../../../src/box/update/update-record.ts';
import { machineFolder } from '../../../src/box/state/folders.ts';
import { Updater } from '../../../src/box/update/updater.ts';
import { type Clock, systemClock } from '../../../src/kit/runtime/clock.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import type { RaucLab } from './rauc-lab.ts';

/** Between tries of the network nobody waits here. */
const impatient: Clock = { ...systemClock, sleep: () => systemClock.sleep(10) };

/** The part as the box composes it, on the machine of the lab. */
export function updaterOf(options: {
  lab: RaucLab;
  stateFolder: string;
  version: string;
  url?: string;
  clock?: Clock;
  health?: Health;
  restart?: () => Promise<void>;
}): Updater {
  const { lab, stateFolder, version, url, clock = systemClock, restart = async () => undefined } = options;
  const { health = new Health(clock) } = options;
  const common = { clock, log: silentLog, random: () => 0.5 };
  const memory = new UpdateMemory({ stateFolder, log: silentLog });
  const bundles = new BundleFolder(join(stateFolder, machineFolder));
  return new Updater({
    ...common,
    rauc: lab.rauc,
    bundles,
    memory,
    history: new UpdateHistory({
      ...common,
      memory,
      marks: new TrialMarks(lab.trialFolder),
      version,
      onKept: async () => undefined,
    }),
    releases:
      url === undefined ? undefined : new ReleaseFolder({ url, bundles, clock: impatient, random: () => 1 }),
    version,
    conditions: health.conditions,
    configured: { channel: 'stable', paused: false },
    restartHours: { from: 2, to: 5 },
    restart,
    health,
  });
}
