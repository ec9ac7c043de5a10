import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Random } from '../../kit/runtime/clock.ts';
import { codeOf, Problem } from '../../kit/runtime/errors.ts';
import type { Fact } from '../../kit/runtime/fact.ts';
import type { Condition, Health } from '../../kit/runtime/health.ts';
import type { Log } from '../../kit/log/log.ts';
import type { BoxConfig } from '../config.ts';
import { BundleFolder } from './bundle-folder.ts';
import { UpdateHistory } from './history.ts';
import { Rauc } from './rauc.ts';
import { ReleaseFolder } from './release-folder.ts';
import { forgetStateBefore } from './state-before.ts';
import { TrialMarks } from './trial-marks.ts';
import { restartHoursOf } from './update-policy.ts';
import { UpdateMemory } from './update-record.ts';
import { machineFolder } from '../state/folders.ts';
import { Updater } from './updater.ts';

export interface UpdatesOptions {
  config: BoxConfig['update'];
  /** PEM certificates to trust for the update server instead of the system’s. */
  ca: string | undefined;
  stateFolder: string;
  version: string;
  conditions: Fact<readonly Condition[]>;
  /** Where requests to the machine are left (`/run/porchlight`); absent where nobody takes them. */
  runtimeFolder: string | undefined;
  health: Health;
  clock: Clock;
  random: Random;
  log: Log;
}

/** The part as the box composes it. */
export function updates(options: UpdatesOptions): Updater {
  const { config, ca, stateFolder, version, runtimeFolder, clock, random, log } = options;
  const memory = new UpdateMemory({ stateFolder, log });
  const bundles = new BundleFolder(join(stateFolder, machineFolder));
  const releases =
    config.server === '' ? undefined : new ReleaseFolder({ url: config.server, ca, bundles, clock, random });
  return new Updater({
    ...options,
    rauc: new Rauc({ config: config.raucConfig, clock }),
    bundles,
    memory,
    history: new UpdateHistory({
      memory,
      marks: new TrialMarks(),
      version,
      onKept: () => forgetStateBefore(stateFolder),
      clock,
      log,
    }),
    releases,
    configured: { channel: config.channel, paused: !config.enabled },
    restartHours: restartHoursOf(config.restartHours),
    restart: () => requestReboot(runtimeFolder),
  });
}

/** A file that a unit of root’s waits for (`porchlight-reboot.path`): the box itself has no right to restart the machine. */
async function requestReboot(runtimeFolder: string | undefined): Promise<void> {
  try {
    if (runtimeFolder === undefined) throw new Error('no runtime folder');
    await access(runtimeFolder);
    await mkdir(join(runtimeFolder, 'requests'), { recursive: true });
    await writeFile(join(runtimeFolder, 'requests/reboot'), '');
  } catch (error) {
    const message = `this box cannot restart the machine (${codeOf(error)}); restart it by hand`;
    throw new Problem('restart-not-possible', message, { status: 409, cause: error });
  }
}
