import { Type } from 'typebox';
import { type Command, command, exitCode } from '../../kit/config/command.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { bashCompletions } from './bash.ts';
import { fishCompletions } from './fish.ts';
import { lineOf } from './lines.ts';
import { zshCompletions } from './zsh.ts';

const shells = { bash: bashCompletions, zsh: zshCompletions, fish: fishCompletions };

/** `porchlight completions`; `all`: every command that there is. */
export function completionsCommand(all: () => Promise<readonly Command[]>): Command {
  return command({
    name: 'completions',
    summary: 'Prints what makes a shell complete the commands, flags and settings of porchlight.',
    operands: 'bash|zsh|fish',
    config: Type.Object({}),
    action: async ({ operands: [shell = '', ...more] }, io) => {
      if (!Object.hasOwn(shells, shell) || more.length > 0)
        throw new Problem('usage', 'say bash, zsh or fish');
      io.out(shells[shell as keyof typeof shells]((await all()).map(lineOf)));
      return exitCode.ok;
    },
  });
}
