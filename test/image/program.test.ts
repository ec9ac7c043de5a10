import { execFileSync } from '../support/programs.ts';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bundle, installCompletions, launcher } from '../../image/build/program.ts';
import { temporaryFolder } from '../support/folder.ts';

const checkout = join(import.meta.dirname, '../..');

it('a stack trace of the program on a box names files and lines of the repository', async () => {
  const folder = join(temporaryFolder(), 'program/bin');
  await bundle(checkout, folder);
  // Says where the program is when it first prints something.
  const spy = join(folder, 'spy.cjs');
  writeFileSync(
    spy,
    `Error.stackTraceLimit = 50;
     const write = process.stdout.write;
     process.stdout.write = () => { process.stdout.write = write; write.call(process.stdout, new Error('here').stack + '\\n'); return true; };`,
  );
  const flags = /bin\/node (.*) \/usr\/lib/.exec(launcher)?.[1]?.split(' ') ?? [];
  const stack = execFileSync(
    process.execPath,
    [...flags, '--require', spy, join(folder, 'main.js'), '--help'],
    {
      encoding: 'utf8',
    },
  );
  const named = [...stack.matchAll(/(src\/[^:\s()]+\.ts):(\d+)/g)];
  expect(named.map(([, path]) => path)).toContain('src/cli/main.ts');
  for (const [, path = '', line] of named) {
    expect(readFileSync(join(checkout, path), 'utf8').split('\n').length).toBeGreaterThanOrEqual(
      Number(line),
    );
  }
  // Where it was built is nowhere in it, so that the same sources make the same bytes; and the sources stay at home.
  const maps = readdirSync(folder).filter((name) => name.endsWith('.map'));
  expect(maps).toContain('main.js.map');
  for (const name of maps) {
    const text = readFileSync(join(folder, name), 'utf8');
    const { sources = [], sourcesContent = [] } = JSON.parse(text) as Record<string, string[]>;
    expect(sources.filter((source) => !/^\.\.\/\.\.\/\w/.test(source) || source.includes(checkout))).toEqual(
      [],
    );
    expect(sourcesContent).toEqual([]);
  }
  const size = maps.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  expect(size).toBeLessThan(16_000_000);
});

it('a login shell on a box completes the commands of the program that is there', async () => {
  const tree = temporaryFolder();
  const folder = join(tree, 'program/bin');
  await bundle(checkout, folder);
  await installCompletions(folder, tree);
  const profile = readFileSync(join(tree, 'etc/profile.d/porchlight.sh'), 'utf8');
  const script = join(tree, 'usr/share/bash-completion/completions/porchlight');
  expect(profile).toContain(`. ${script.slice(tree.length)}`);
  // As bash itself does when Tab is pressed behind `porchlight stat`.
  const pressed = join(tree, 'tab');
  const line = 'COMP_WORDS=(porchlight stat); COMP_CWORD=1; _porchlight; echo "${COMPREPLY[@]}"';
  writeFileSync(pressed, `. ${script}\n${line}\n`);
  expect(execFileSync('bash', [pressed], { encoding: 'utf8' })).toBe('status\n');
  // Others, and scripts, are left alone.
  expect(execFileSync('sh', ['-c', profile], { encoding: 'utf8' })).toBe('');
});
