import { execFileSync } from './support/programs.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const top = join(import.meta.dirname, '..');

/** Words that docs/GLOSSARY.md has replaced: as names in the code, and on pages. */
const names =
  /\b(Ways?|WayKeeper|allWays|householdOf|wholeBox|WholeBox|beginAnew|Deeds?|isDeed|TunnelDoor|Departure|loadDeparture|logIn|logOut|Letters)\b/g;
const onPages =
  /\b([Ll]og (in|out)|[Ll]ogged (in|out)|[Bb]egin anew|Present password|Companion program|Ways in|What there is|What runs)\b/g;

function wrongIn(text: string, words: RegExp): string[] {
  return [...text.matchAll(words)].map(([word]) => word);
}

function files(...paths: string[]): string[] {
  return execFileSync('git', ['ls-files', ...paths], { cwd: top, encoding: 'utf8' })
    .trim()
    .split('\n');
}

const faults = (paths: string[], words: RegExp): string[] =>
  paths.flatMap((path) =>
    wrongIn(readFileSync(join(top, path), 'utf8'), words).map((word) => `${path}: ${word}`),
  );

it.each([
  ['const way: Way = first;', names, ['Way']],
  ['await wholeBox.beginAnew();', names, ['wholeBox', 'beginAnew']],
  ["title: 'Log in'", onPages, ['Log in']],
  ["title: 'Sign in', runs: 'Installed version'", onPages, []],
] as const)('finds what was planted in %s', (text, words, found) => {
  expect(wrongIn(text, words)).toEqual(found);
});

it('the code has no name that the glossary replaced', () => {
  expect(faults(files('src/*.ts', 'src/*.tsx'), names).filter(comment)).toEqual([]);
});

it('no page has a text that the glossary replaced', () => {
  expect(faults(files('src/web/shared/text/*.ts', 'src/web/app/text/*.ts'), onPages)).toEqual([]);
});

/** RFC 6763 and others write of *letters* and *ways* at the beginning of a sentence. */
const comment = (fault: string): boolean => !/: (Letters|Ways?)$/.test(fault);
