import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import { execFile, isThere } from '../../support/programs.ts';
import { porchlight } from '../run.ts';

const run = promisify(execFile);
const folder = temporaryFolder();
const shells = ['bash', 'zsh', 'fish'] as const;
const file = (shell: string): string => join(folder, `porchlight.${shell}`);
const missing = shells.filter((shell) => !isThere(shell));
for (const shell of missing) process.stderr.write(`SKIPPED: completions of ${shell}: it is not there\n`);

const begin = {
  bash: `bind 'set show-all-if-ambiguous on'; bind 'set bell-style none'; source ${file('bash')}`,
  zsh: `autoload -Uz compinit; compinit -D -u; source ${file('zsh')}`,
};
const interactive = { bash: ['bash', '--noprofile', '--norc', '-i'], zsh: ['zsh', '-f', '-i'] };

/** What the terminal shows when lines are typed, each until it shows what is expected. */
async function typed(shell: 'bash' | 'zsh', lines: readonly (readonly [string, string])[]): Promise<string> {
  const words = [begin[shell], JSON.stringify(lines), ...interactive[shell]];
  const script = join(import.meta.dirname, 'at-a-terminal.py');
  return (await run('python3', [script, ...words], { cwd: folder })).stdout;
}

/** Keys, and what stands on the line then: a command, a flag, a setting, its words, a switch, files, words of commands. */
const lines = [
  ['stat\t', 'status '],
  ['status --js\t', 'status --json'],
  ['box --web.http\t', '--web.http-port'],
  ['box --log.level de\t', '--log.level debug'],
  ['box --log.level=tr\t', '--log.level=trace'],
  ['box --no-tun\t', '--no-tunnel.enabled'],
  ['box --config my-\t', '--config my-box.toml'],
  ['restore my-\t', 'restore my-box.toml'],
  ['approvals for\t', 'approvals forget'],
].map(([keys = '', shown = '']) => [`porchlight ${keys}`, shown.replaceAll('.', '\\.')] as const);

async function inFish(line: string): Promise<string[]> {
  const script = `source ${file('fish')}; complete -C ${JSON.stringify(line)}`;
  const { stdout } = await run('fish', ['--no-config', '-c', script], { cwd: folder });
  return stdout.split('\n').flatMap((one) => (one === '' ? [] : [one.split('\t')[0] ?? '']));
}

let commands: string[] = [];

beforeAll(async () => {
  for (const shell of shells) {
    writeFileSync(file(shell), (await porchlight(['completions', shell])).out);
  }
  writeFileSync(join(folder, 'my-box.toml'), '');
  const { out } = await porchlight(['--help']);
  commands = [...out.matchAll(/^ {2}([a-z][a-z-]*) {2}/gm)].map((match) => match[1] ?? '');
});

it('says which shells there are', async () => {
  expect(await porchlight(['completions', 'csh'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('say bash, zsh or fish') as string,
  });
});

describe.each(['bash', 'zsh'] as const)('in %s, at a terminal', (shell) => {
  it.skipIf(missing.includes(shell))('completes commands, flags, words and files', async () => {
    await expect(typed(shell, lines)).resolves.toContain('porchlight ');
  });

  it.skipIf(missing.includes(shell))('lists the commands', async () => {
    const last = commands.toSorted().at(-1) ?? '';
    // Zsh says what each is for.
    const screen = await typed(shell, [
      ['porchlight \t\t', shell === 'zsh' ? `\\n${last} +-- ` : `\\s${last}\\s`],
    ]);
    for (const name of commands) expect(screen).toMatch(new RegExp(`\\s${name}\\s`));
  });
});

describe.skipIf(missing.includes('fish'))('in fish', () => {
  it('completes commands, flags, words and files', async () => {
    expect(await inFish('porchlight ')).toEqual(expect.arrayContaining(commands));
    expect(await inFish('porchlight status --js')).toEqual(['--json']);
    expect(await inFish('porchlight box --log.level ')).toEqual(['debug', 'error', 'info', 'trace', 'warn']);
    expect(await inFish('porchlight box --no-tun')).toEqual(['--no-tunnel.enabled']);
    expect(await inFish('porchlight box --config my-')).toEqual(['my-box.toml']);
    expect(await inFish('porchlight restore my-')).toEqual(['my-box.toml']);
    expect(await inFish('porchlight approvals for')).toEqual(['forget']);
  });
});
