import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import * as lists from '../../src/cli/programs.mjs';
import { atEndOfTest } from '../support/at-end.ts';
import { execFile, execFileSync, spawnSync } from '../support/programs.ts';
import { startedBy } from '../support/wrappers.ts';
import { callsOf } from './calls.ts';
import { programsOfScript } from './shell.ts';

/**
 * A program that a machine has by accident is missed on the next one. Whatever src, test, image and systemd start is read
 * from their text (calls, what these hand on to shells and to `ip netns exec`, scripts, units) and has to be on the list.
 */
const root = resolve(import.meta.dirname, '../..');
const files = ['src', 'test', 'image', 'systemd', '.ci'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(join(root, path)).isFile())
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') })),
);
const sources = files.filter(({ path }) => /\.(ts|tsx|mjs|cjs)$/.test(path));
const scripts = files.filter(({ text }) => /^#!\S*\s?\S*\bsh\n/.test(text));

const {
  everyDebian,
  given,
  forStart,
  forTest,
  forNightly,
  forBench,
  forImage,
  forMachines,
  onTheBox,
  ifThere,
} = lists;
const base = { ...given, ...everyDebian, ...forTest };
const all = {
  ...base,
  ...forStart,
  ...forNightly,
  ...forBench,
  ...forImage,
  ...forMachines,
  ...onTheBox,
  ...ifThere,
};

/** The set-up that has run before this file does its work. */
function listFor({ path, text }: { path: string; text: string }): Record<string, string> {
  if (path.startsWith('test/bench/')) return { ...base, ...forBench };
  if (path.startsWith('test/nightly/')) return { ...base, ...forNightly, ...ifThere };
  // Starts virtual machines: `npm run test:image`.
  const machines =
    /from '\.\/(vm|vm-home|long|bundles)\.ts'/.test(text) || /\/(vm|vm-home|long|bundles)\.ts$/.test(path);
  if (path.startsWith('test/image/') && machines) return { ...base, ...forImage, ...forMachines };
  if (path.startsWith('test/')) return base;
  if (path.startsWith('src/cli/home')) return { ...given, ...everyDebian, ...forStart };
  if (path.startsWith('image/build/')) return { ...given, ...everyDebian, ...forImage };
  return all;
}

/** Functions of ours that start what they are given, found until there are no more of them. */
function allStarters(): Set<string> {
  const starters = new Set<string>();
  for (let before = -1; before < starters.size;) {
    before = starters.size;
    for (const { path, text } of sources)
      for (const name of callsOf(path, text, starters).starters) starters.add(name);
  }
  return starters;
}

/** By name or path; what only the running program knows in full (`$X`) is looked at when it is started. */
const isListed = (program: string, list: Readonly<Record<string, string>>): boolean =>
  program in list || program.replace(/^.*\//, '') in list || program.includes('$X');

/** `path:line program`, of everything that is started and not on the list for it. */
function unlisted(source: { path: string; text: string }, starters: ReadonlySet<string>): string[] {
  const known = listFor(source);
  const isKnown = (program: string): boolean =>
    program.replace(/^.*\//, '') in known ||
    program in known ||
    program.includes('$X') ||
    !/^[\w./+-]+$/.test(program);
  const { calls, scripts } = callsOf(source.path, source.text, starters);
  const inCalls = calls.flatMap(({ words, line }) => {
    const { programs, scripts } = startedBy(words);
    const inShell = scripts.flatMap((text) => programsOfScript(text, `${source.path}:${line}`));
    return [...programs, ...inShell]
      .filter((name) => !isKnown(name))
      .map((name) => `${source.path}:${line} ${name}`);
  });
  const inScripts = scripts.flatMap((text) => programsOfScript(text, source.path));
  return [...inCalls, ...inScripts.filter((name) => !isKnown(name)).map((name) => `${source.path} ${name}`)];
}

describe('programs that are started', () => {
  const starters = allStarters();
  it('are on the list, in the code', () => {
    const found = sources.flatMap((source) => unlisted(source, starters));
    expect(found, 'started, and not in a list of src/cli/programs.mjs that is installed for this').toEqual(
      [],
    );
  });

  it('are on the list, in shell scripts', () => {
    const found = scripts.flatMap(({ path, text }) =>
      programsOfScript(text, path)
        // Tests run all of them but the first one of a machine.
        .filter((name) => !isListed(name, path === 'image/initramfs/init' ? all : base))
        .filter((name) => !name.startsWith('/usr/lib/porchlight/'))
        .map((name) => `${path} ${name}`),
    );
    expect(scripts.length).toBeGreaterThan(5);
    expect(found, 'started, and not in a list of src/cli/programs.mjs that is installed for this').toEqual(
      [],
    );
  });

  it('that are missing are named with their package', async () => {
    vi.stubEnv('PATH', '/nowhere');
    atEndOfTest(() => vi.unstubAllEnvs());
    await expect(async () => promisify(execFile)('curl', ['x'])).rejects.toThrow('curl is missing');
    expect(() => spawnSync('curl', [])).toThrow("curl is missing; it is in Debian's package curl");
    expect(() => execFileSync('ip', ['netns', 'exec', 'x', 'pebble'])).toThrow(/^(ip|pebble) is missing/);
    expect(() => spawnSync(`sfdisk${process.pid}`, [])).toThrow(
      `sfdisk${process.pid} is not in src/cli/programs.mjs`,
    );
  });
});

describe('reading the sources', () => {
  it.each([
    ["import { spawn } from 'node:child_process'; spawn('one', ['x']);", ['one']],
    ["import { execFile as start } from '../support/programs.ts'; start('one', []);", ['one']],
    [
      "import { execFile } from 'node:child_process'; const run = promisify(execFile); run('one', []);",
      ['one'],
    ],
    ["import { spawn } from 'node:child_process'; spawn(x ? 'one' : 'two', []);", ['one', 'two']],
    ["box.exec('ip', ['netns', 'exec', 'a', 'one', '-x']);", ['ip', 'one']],
    [
      "box.spawn('setpriv', ['--pdeathsig', 'KILL', 'sh', '-ec', 'two | three']);",
      ['setpriv', 'sh', 'two', 'three'],
    ],
    ["manager.run('sh', '-c', `exec one $(two ${three})`);", ['sh', 'one', 'two']],
    [
      "const script = ['one', 'cd x && two'].join('\\n'); box.exec('unshare', ['-m', 'sh', '-c', script]);",
      ['unshare', 'sh', 'one', 'two'],
    ],
    [
      "import { Child } from '../../src/kit/runtime/child.ts'; new Child({ command: 'one', args: ['a'] });",
      ['one'],
    ],
    ['const script = `#!/bin/sh\\none`;', ['one']],
    ["steps.run('not a program', () => 1); regex.exec('text'); db.exec('SELECT 1');", []],
  ])('%s', (text, expected) => {
    const { calls, scripts } = callsOf('test/x/y.ts', text, new Set());
    const lines = calls.map(({ words }) => startedBy(words));
    const inShell = [...lines.flatMap((line) => line.scripts), ...scripts];
    expect([
      ...lines.flatMap((line) => line.programs),
      ...inShell.flatMap((script) => programsOfScript(script, 'x')),
    ]).toEqual(expected);
  });

  it('knows what a function starts that starts what it is given', () => {
    const text =
      "import { spawn } from 'node:child_process'; function go(program: string) { spawn(program, []); } go('one');";
    const { starters } = callsOf('test/x/y.ts', text, new Set());
    expect(starters).toEqual(['test/x/y.ts#go']);
    expect(callsOf('test/x/y.ts', text, new Set(starters)).calls.flatMap(({ words }) => words)).toContain(
      'one',
    );
    const other = "import { go as run } from './y.ts'; run('two');";
    expect(callsOf('test/x/z.ts', other, new Set(starters)).calls[0]?.words).toEqual(['two']);
  });
});
