import { join } from 'node:path';
import { BoxConfig } from '../box/config.ts';
import { boxConfigFile } from '../box/installation.ts';
import { confirm } from '../box/update/confirm.ts';
import { busOf, Rauc } from '../box/update/rauc.ts';
import { TrialMarks } from '../box/update/trial-marks.ts';
import { machineFolder } from '../box/state/folders.ts';
import { minutes, systemClock } from '../kit/runtime/clock.ts';
import { command, exitCode } from '../kit/config/command.ts';

export const confirmCommand = command({
  name: 'confirm',
  summary:
    'After an update: keeps the new release when the box is healthy with it, else exits 3, and the one before comes back. For porchlight-confirm.service.',
  config: BoxConfig,
  file: boxConfigFile,
  action: async ({ config }, io) => {
    const { state, system, update } = config;
    const kept = await confirm(
      {
        rauc: new Rauc({ config: update.raucConfig, clock: systemClock, ...busOf(io.env) }),
        marks: new TrialMarks(io.env['STATE_DIRECTORY']),
        port: system.port,
        notes: join(state, machineFolder),
        runtimeFolder: io.env['RUNTIME_DIRECTORY'],
        limitMs: minutes(update.trialMinutes),
        clock: systemClock,
        say: (text) => io.out(`${text}\n`),
      },
      AbortSignal.timeout(minutes(2 * update.trialMinutes + 10)),
    );
    return kept ? exitCode.ok : exitCode.unhealthy;
  },
});
