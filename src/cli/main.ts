#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, exitCode, type Io } from '../kit/config/command.ts';
import { codeOf, messageOf } from '../kit/runtime/errors.ts';
import { suggestion } from '../kit/config/suggest.ts';
import { wrapped } from '../kit/runtime/wrapped.ts';
import { protocolVersion } from '../protocol/version.ts';

const cloudCommands = async (): Promise<readonly Command[]> =>
  (await import('../cloud/main.ts')).cloudCommands;

const backupCommands = async (): Promise<readonly Command[]> => (await import('./backup.ts')).backupCommands;

/** Where each command is. Loaded when used: a box has none of the cloud's code in its memory, nor waits for it. */
const commands = new Map<string, () => Promise<readonly Command[]>>([
  ['box', async () => [(await import('../box/main.ts')).boxCommand]],
  ['status', async () => [(await import('./status.ts')).statusCommand]],
  ['doctor', async () => [(await import('./doctor/command.ts')).doctorCommand]],
  ['sessions', async () => [(await import('./access/sessions.ts')).sessionsCommand]],
  ['revoke', async () => [(await import('./access/revoke.ts')).revokeCommand]],
  ['approvals', async () => [(await import('./access/approvals.ts')).approvalsCommand]],
  ['audit', async () => [(await import('./access/audit.ts')).auditCommand]],
  ['id', async () => [(await import('./id.ts')).idCommand]],
  ['backup', backupCommands],
  ['restore', backupCommands],
  ['reset', backupCommands],
  ['card', async () => [(await import('./card.ts')).cardCommand]],
  ['agent', async () => [(await import('./agent.ts')).agentCommand]],
  ['find', async () => [(await import('./find.ts')).findCommand]],
  ['update', async () => [(await import('./update.ts')).updateCommand]],
  ['confirm', async () => [(await import('./confirm.ts')).confirmCommand]],
  ['cloud', cloudCommands],
  ['dns-server', cloudCommands],
  ['registration-server', cloudCommands],
  ['mailbox', cloudCommands],
  ['relay', cloudCommands],
  ['app', cloudCommands],
  ['home', async () => [(await import('./home/command.ts')).homeCommand]],
  ['completions', async () => [(await import('./completions/command.ts')).completionsCommand(everyCommand)]],
]);

/** Names that commands had before; they work until the next major version. */
const formerNames: Readonly<Record<string, string>> = { frontend: 'relay' };

async function commandNamed(name: string | undefined): Promise<Command | undefined> {
  const some = await commands.get(name ?? '')?.();
  return some?.find((command) => command.name === name);
}

async function everyCommand(): Promise<Command[]> {
  const all = await Promise.all([...commands.keys()].map(commandNamed));
  return all.filter((command) => command !== undefined);
}

async function main(args: readonly string[], io: Io): Promise<number> {
  const [given, ...rest] = args;
  const name = given !== undefined && Object.hasOwn(formerNames, given) ? formerNames[given] : given;
  if (name !== given)
    io.err(
      `porchlight: warning: the command “${given}” is called “${name}” now; the old name works until the next major version\n`,
    );
  if (name === '--version')
    return (io.out(`porchlight ${version()} (protocol ${protocolVersion})\n`), exitCode.ok);
  if (name === '--help' || name === '-h') return (io.out(await overview()), exitCode.ok);
  if (name === 'help') return main([...rest.slice(0, 1), '--help'], io);
  const command = await commandNamed(name);
  if (command !== undefined) return command.run(rest, io);
  io.err(name === undefined ? await overview() : `porchlight: ${unknown(name)}\n`);
  return exitCode.usage;
}

function unknown(name: string): string {
  const near = suggestion(name, commands.keys());
  const what = name.startsWith('-') ? `name a command before ${name}` : `there is no command “${name}”`;
  return `${what}; ${near === undefined ? 'see porchlight --help' : `did you mean “${near}”?`}`;
}

async function overview(): Promise<string> {
  const width = Math.max(...[...commands.keys()].map((name) => name.length)) + 4;
  const lines = (await everyCommand()).map((command) =>
    wrapped(command.summary, ' '.repeat(width), `  ${command.name}`.padEnd(width)),
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
