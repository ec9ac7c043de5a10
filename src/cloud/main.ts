import { command, type Command, exitCode, logFor } from '../kit/config/command.ts';
import { builtAt } from '../kit/runtime/program.ts';
import { runUntilEnded } from '../kit/runtime/run.ts';
import { serviceManager } from '../kit/runtime/systemd.ts';
import { Cloud, type CloudPart, cloudParts } from './cloud.ts';
import { CloudConfig } from './config.ts';

function cloudCommand(name: string, summary: string, parts: readonly CloudPart[]): Command {
  return command({
    name,
    summary,
    config: CloudConfig,
    file: '/etc/porchlight/cloud.toml',
    action: async ({ config }, io) => {
      const log = logFor(config.log, io);
      const boot = io.env['BOOT_ID'];
      await runUntilEnded(
        new Cloud({ config, parts, manager: serviceManager(io.env), log, builtAt: await builtAt(), boot }),
      );
      return exitCode.ok;
    },
  });
}

export const cloudCommands: readonly Command[] = [
  cloudCommand(
    'cloud',
    'Runs the whole cloud in one process: dns-server, registration-server, mailbox, relay and app.',
    cloudParts,
  ),
  cloudCommand(
    'dns-server',
    'Runs the dns-server: boxes edit their zones here, and resolvers ask for them.',
    ['dns-server'],
  ),
  cloudCommand(
    'registration-server',
    'Runs the registration-server: boxes announce themselves, apps find them.',
    ['registration-server'],
  ),
  cloudCommand('mailbox', 'Runs the mailbox: boxes leave there what only one app instance may read.', [
    'mailbox',
  ]),
  cloudCommand(
    'relay',
    'Runs the relay (a PageKite front-end) through which boxes are reached from outside.',
    ['relay'],
  ),
  cloudCommand('app', 'Serves the hosted app, in which people find their boxes.', ['app']),
];
