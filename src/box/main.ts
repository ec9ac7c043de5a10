import { systemClock } from '../kit/runtime/clock.ts';
import { builtPages, readBuiltFiles } from '../kit/http/built-files.ts';
import { command, exitCode, logFor } from '../kit/config/command.ts';
import { LogMemory } from '../kit/log/log-memory.ts';
import { aborted, runUntilEnded } from '../kit/runtime/run.ts';
import { serviceManager } from '../kit/runtime/systemd.ts';
import { Box } from './box.ts';
import { BoxConfig } from './config.ts';
import { builtAt, version } from '../kit/runtime/program.ts';
import { boxConfigFile, externalAccountOf, trustOf } from './installation.ts';
import { needsRescue, Rescue } from './rescue.ts';

export const boxCommand = command({
  name: 'box',
  summary: 'Runs the box: its name, certificate, page, tunnel and announcements, until it is told to end.',
  config: BoxConfig,
  file: boxConfigFile,
  action: async ({ config }, io) => {
    const logs = new LogMemory({ capacity: 2000 });
    const log = logFor(config.log, io, (line) => logs.add(line));
    const restarting = new AbortController();
    const manager = serviceManager(io.env);
    const restart = (): void => restarting.abort();
    const runtimeFolder = io.env['RUNTIME_DIRECTORY'];
    const box = new Box({
      restart,
      runtimeFolder,
      config,
      pages: await readBuiltFiles(builtPages('console')),
      logs,
      version: await version(),
      trust: await trustOf(config),
      externalAccount: await externalAccountOf(config),
      builtAt: await builtAt(),
      boot: io.env['BOOT_ID'],
      manager,
      log,
    });
    const until = (ended: AbortSignal): Promise<void> => aborted(AbortSignal.any([ended, restarting.signal]));
    try {
      await runUntilEnded(box, until);
    } catch (error) {
      if (!needsRescue(error)) throw error;
      const rescue = { config, problem: error, manager, runtimeFolder, restart, log, clock: systemClock };
      await runUntilEnded(new Rescue(rescue), until);
    }
    return restarting.signal.aborted ? exitCode.restart : exitCode.ok;
  },
});
