import type { Command } from '../../kit/config/command.ts';
import { choicesOf, configFileSetting, type Setting } from '../../kit/config/settings.ts';

/** A flag, and what can follow it: nothing, a file, one of some words, or something that nobody can guess. */
export interface Flag {
  /** With its dashes. */
  name: string;
  meaning: string;
  value: 'none' | 'file' | 'any' | readonly string[];
}

/** What a shell can complete on the line of a command. */
export interface Line {
  name: string;
  summary: string;
  flags: readonly Flag[];
  /** Words that may follow: `allow`, `apply`. */
  operands: readonly string[];
  takesFiles: boolean;
}

const configFile: Flag = {
  name: `--${configFileSetting.flag}`,
  meaning: 'read the settings from this file',
  value: 'file',
};

export function lineOf(command: Command): Line {
  const { operands, switches, settings } = command.words();
  const plain = Object.entries(switches).map(([name, meaning]): Flag => flag(name, meaning, 'none'));
  return {
    name: command.name,
    summary: command.summary.replace(/\.$/, ''),
    flags: [...plain, configFile, ...settings.flatMap(flagsOf)],
    // In a usage line, what stands for something is in capitals.
    operands: operands.match(/(?<![\w-])[a-z][a-z-]*/g) ?? [],
    takesFiles: /\b(FILE|BUNDLE)\b/.test(operands),
  };
}

function flagsOf(setting: Setting): Flag[] {
  const { flags, kind, description, schema } = setting;
  if (kind === 'boolean')
    return flags.flatMap((name) => [
      flag(name, description, 'none'),
      flag(`no-${name}`, `not: ${description}`, 'none'),
    ]);
  const value = kind === 'choice' ? (choicesOf(schema) ?? []) : isPath(setting) ? 'file' : 'any';
  return flags.map((name) => flag(name, description, value));
}

const flag = (name: string, meaning: string, value: Flag['value']): Flag => ({
  name: `--${name}`,
  meaning,
  value,
});

/** By its name, as the settings are called whose value is a path. */
const isPath = ({ key, kind }: Setting): boolean =>
  kind === 'text' && /(^|[.-])(file|folder|state|pins)$/.test(key);
