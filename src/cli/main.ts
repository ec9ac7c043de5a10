#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { boxCommand } from '../box/main.ts';
import { cloudCommands } from '../cloud/main.ts';
import { type Command, exitCode, type Io } from '../kit/command.ts';
import { codeOf, messageOf } from '../kit/errors.ts';
import { suggestion } from '../kit/suggest.ts';
import { wrapped } from '../kit/wrapped.ts';
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
  if (name === '--help' || name === '-h') return (io.out(overview()), exitCode.ok);
  if (name === 'help') return main([...rest.slice(0, 1), '--help'], io);
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return command.run(rest, io);
  io.err(name === undefined ? overview() : `porchlight: ${unknown(name)}\n`);
  return exitCode.usage;
}

function unknown(name: string): string {
  const near = suggestion(
    name,
    commands.map((command) => command.name),
  );
  const what = name.startsWith('-') ? `name a command before ${name}` : `there is no command “${name}”`;
  return `${what}; ${near === undefined ? 'see porchlight --help' : `did you mean “${near}”?`}`;
}

function overview(): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 4;
  const lines = commands.map(({ name, summary }) =>
    wrapped(summary, ' '.repeat(width), `  ${name}`.padEnd(width)),
  );
  return `Usage: porchlight COMMAND [settings]

${lines.join('\n')}

  porchlight COMMAND --help says what a command does, and its settings.
  porchlight --version
`;
}

function version(): string {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}

/** A reader that has seen enough (`| head`) is no failure, and the box does not end with the reader of its log. */
let unwritten = false;
process.stdout.on('error', (error) => {
  if (codeOf(error) === 'EPIPE' || unwritten) return;
  unwritten = true;
  process.stderr.write(`porchlight: cannot write the output: ${messageOf(error)}\n`);
});
process.stderr.on('error', () => undefined);

const code = await main(process.argv.slice(2), {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  terminal: process.stdout.isTTY,
});
// Called back when everything before it is written, or could not be.
await new Promise((resolve) => process.stdout.write('', resolve));
process.exit(unwritten && code === exitCode.ok ? exitCode.failed : code);
