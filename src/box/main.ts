import { command, exitCode, logFor } from '../kit/command.ts';
import { runUntilEnded } from '../kit/run.ts';
import { serviceManager } from '../kit/systemd.ts';
import { Box } from './box.ts';
import { BoxConfig } from './config.ts';
import { boxConfigFile, builtAt, trustOf } from './installation.ts';

export const boxCommand = command({
  name: 'box',
  summary: 'Runs the box: its name, certificate, page, tunnel and announcements, until it is told to end.',
  config: BoxConfig,
  file: boxConfigFile,
  action: async ({ config }, io) => {
    const log = logFor(config.log, io);
    const box = new Box({
      config,
      trust: await trustOf(config),
      builtAt: await builtAt(),
      manager: serviceManager(io.env),
      log,
    });
    await runUntilEnded(box);
    return exitCode.ok;
  },
});
