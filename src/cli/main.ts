#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { boxCommand } from '../box/main.ts';
import { cloudCommands } from '../cloud/main.ts';
import { type Command, exitCode, type Io } from '../kit/command.ts';
import { suggestion } from '../kit/suggest.ts';
import { protocolVersion } from '../protocol/version.ts';
import { doctorCommand } from './doctor/command.ts';
import { homeCommand } from './home/command.ts';
import { idCommand } from './id.ts';
import { statusCommand } from './status.ts';

const commands: readonly Command[] = [
  boxCommand,
  statusCommand,
  doctorCommand,
  idCommand,
  ...cloudCommands,
  homeCommand,
];

async function main(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--version')
    return (io.out(`porchlight ${version()} (protocol ${protocolVersion})\n`), exitCode.ok);
  if (name === '--help' || name === 'help') return (io.out(overview()), exitCode.ok);
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return command.run(rest, io);
  const near = suggestion(
    name ?? '',
    commands.map((known) => known.name),
  );
  const said = name === undefined ? 'name a command' : `there is no command “${name}”`;
  io.err(`porchlight: ${said}${near === undefined ? '' : `; did you mean “${near}”?`}\n\n${overview()}`);
  return exitCode.usage;
}

function overview(): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(20)} ${summary}`);
  return `Usage: porchlight COMMAND [settings]\n\n${lines.join('\n')}\n\n  --help, COMMAND --help, --version\n`;
}

function version(): string {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}

process.exit(
  await main(process.argv.slice(2), {
    env: process.env,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    terminal: process.stdout.isTTY,
  }),
);
