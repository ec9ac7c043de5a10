import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { command, exitCode, logFor } from '../kit/command.ts';
import { messageOf, Problem } from '../kit/errors.ts';
import { runUntilEnded } from '../kit/run.ts';
import { serviceManager } from '../kit/systemd.ts';
import { Box } from './box.ts';
import { BoxConfig } from './config.ts';

/** Where the appliance keeps its settings. */
export const boxConfigFile = '/etc/porchlight/box.toml';

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

/** The private CAs that a configuration names, PEM. */
export async function trustOf(config: BoxConfig): Promise<{ cloud?: string; acme?: string }> {
  const { cloud, acme } = config;
  return {
    ...(cloud.caFile === '' ? {} : { cloud: await pem(cloud.caFile, 'cloud.ca-file') }),
    ...(acme.caFile === '' ? {} : { acme: await pem(acme.caFile, 'acme.ca-file') }),
  };
}

async function pem(path: string, setting: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Problem('bad-config', `${setting} cannot be read: ${messageOf(error)}`, {
      retryable: false,
      cause: error,
    });
  }
}

/** A clock that says an earlier time than that of our own files is wrong. */
export async function builtAt(): Promise<number> {
  return (await stat(join(import.meta.dirname, '../../package.json'))).mtimeMs;
}
