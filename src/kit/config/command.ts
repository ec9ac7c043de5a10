import type { Static, TObject } from 'typebox';
import { type DeepReadonly, helpOf, loadConfig } from './config.ts';
import { codeOf, messageOf, Problem } from '../runtime/errors.ts';
import { journalWriter } from '../log/journal.ts';
import { createLog, type Log, type LogLevel } from '../log/log.ts';
import { type Setting, settingsOf } from './settings.ts';
import { wrapped } from '../runtime/wrapped.ts';

/** Exit codes of every command, as docs/CLI.md lists them. */
export const exitCode = { ok: 0, failed: 1, usage: 2, unhealthy: 3, restart: 4 } as const;

/** What a command may touch of the process it runs in. */
export interface Io {
  env: Readonly<Record<string, string | undefined>>;
  out: (text: string) => void;
  err: (text: string) => void;
  /** stdout is a terminal: a person reads it. */
  terminal: boolean;
}

export interface Command {
  name: string;
  /** One line for `porchlight --help`. */
  summary: string;
  /** Runs with the arguments after its name; answers the exit code. */
  run(args: readonly string[], io: Io): Promise<number>;
  /** What may stand on its line, for shells that complete it. */
  words(): CommandWords;
}

interface CommandWords {
  /** As the usage line has them: `FILE`, `[allow CODE | refuse CODE]`. */
  operands: string;
  /** Flags without a value, with what they do. */
  switches: Readonly<Record<string, string>>;
  settings: readonly Setting[];
}

export interface CommandOptions<S extends TObject> {
  name: string;
  summary: string;
  /** What stands between the name and the settings in the usage line. */
  operands?: string;
  /** Flags without a value, with what they do. */
  switches?: Readonly<Record<string, string>>;
  config: S;
  /** The file read when it is there and no other is named; or what knows it when the command runs. */
  file?: string | (() => string);
  action: (given: Given<S>, io: Io) => Promise<number>;
}

interface Given<S extends TObject> {
  config: DeepReadonly<Static<S>>;
  operands: readonly string[];
  switches: ReadonlySet<string>;
}

/** A command with settings: `--help`, configuration from all sources, and errors said once, in words, all have in common. */
export function command<S extends TObject>(options: CommandOptions<S>): Command {
  const switches = { help: 'show this', ...options.switches };
  const help = (): string => {
    const flags = Object.entries(switches).map(([name, meaning]) => `  --${name.padEnd(12)} ${meaning}`);
    const operands = options.operands === undefined ? '' : ` ${options.operands}`;
    return `Usage: porchlight ${options.name}${operands} [settings]\n\n${wrapped(options.summary)}\n\n${flags.join('\n')}\n\n${helpOf(options.config)}`;
  };
  return {
    name: options.name,
    summary: options.summary,
    words: () => ({ operands: options.operands ?? '', switches, settings: settingsOf(options.config) }),
    run: async (args, io) => {
      try {
        // Help is help, whatever else is wrong on the line.
        if (args.includes('--help') || args.includes('-h')) return (io.out(help()), exitCode.ok);
        const file = typeof options.file === 'function' ? options.file() : options.file;
        const {
          config,
          rest,
          switches: given,
          deprecations,
        } = loadConfig(options.config, {
          ...(file === undefined ? {} : { file }),
          env: io.env,
          args,
          switches: Object.keys(switches),
        });
        for (const each of deprecations) io.err(`porchlight ${options.name}: warning: ${each}\n`);
        if (rest.length > 0 && options.operands === undefined) {
          throw new Problem('usage', `it takes no “${rest[0]}”; see porchlight ${options.name} --help`);
        }
        return await options.action({ config, operands: rest, switches: given }, io);
      } catch (error) {
        io.err(`porchlight ${options.name}: ${messageOf(error)}\n`);
        if (isDefect(error)) io.err(`${error.stack}\n`);
        const usage = error instanceof Problem && ['usage', 'bad-config'].includes(error.code);
        return usage ? exitCode.usage : exitCode.failed;
      }
    },
  };
}

/** Neither a `Problem` nor a refusal of the system's (`EACCES: …`): a mistake of ours, whose place is worth knowing. */
function isDefect(error: unknown): error is Error {
  return error instanceof Error && !(error instanceof Problem) && !/^E[A-Z]+$/.test(codeOf(error));
}

/** A terminal, and the person has not said otherwise (https://no-color.org). */
export function mayColour({ env, terminal }: Io): boolean {
  return terminal && !env['NO_COLOR'];
}

/** The log that the settings `log.level` and `log.format` describe. `also` is given every line as JSON. */
export function logFor(
  settings: { level: string; format: string },
  io: Io,
  also?: (line: string) => void,
): Log {
  const format = settings.format === 'auto' ? (io.terminal ? 'terminal' : 'journal') : settings.format;
  return createLog({
    level: settings.level as LogLevel,
    format: format as 'journal',
    write: io.out,
    journal: journalWriter(io.env, process.pid),
    coloured: mayColour(io),
    ...(also === undefined ? {} : { also }),
  });
}
