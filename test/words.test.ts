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

/** In every text of code and docs, comments too. */
const anywhere =
  /\b([Ll]og(s|ged|ging)? (in|out)\b(?! [a-z]+ log)|[Ww]ays in\b(?! which)|[Bb]egins? anew|anew|[Tt]aken back|[Tt]he record of who|[Ii]n the record|at the door|[Hh]ouseholds?|[Dd]eeds?)\b/g;
/** Of files and folders. */
const inPaths =
  /(^|[/.-])(frontend|door|deeds?|household|way-in|ways|letters|begin-anew|take-back)(?=[/.-])/g;

it.each([
  ['const way: Way = first;', names, ['Way']],
  ['await wholeBox.beginAnew();', names, ['wholeBox', 'beginAnew']],
  ["title: 'Log in'", onPages, ['Log in']],
  ["title: 'Sign in', runs: 'Installed version'", onPages, []],
  ['/** Who logs in again after a deed. */', anywhere, ['logs in', 'deed']],
  ['the state is made anew by a household', anywhere, ['anew', 'household']],
  ['one of the ways in which somebody signs in', anywhere, []],
  ['src/cloud/frontend/door.ts', inPaths, ['/frontend', '/door']],
  ['src/box/web/tunnel-listener.ts', inPaths, []],
] as const)('finds what was planted in %s', (text, words, found) => {
  expect(wrongIn(text, words)).toEqual(found);
});

it('the code has no name that the glossary replaced', () => {
  expect(faults(files('src/*.ts', 'src/*.tsx'), names).filter(comment)).toEqual([]);
});

it('no page has a text that the glossary replaced', () => {
  expect(faults(files('src/web/shared/text/*.ts', 'src/web/app/text/*.ts'), onPages)).toEqual([]);
});

it('no text of code and docs has a word that the glossary replaced', () => {
  expect(
    faults(
      files('src/*.ts', 'src/*.tsx', 'docs/*.md', 'README.md', 'SECURITY.md', 'CONTRIBUTING.md').filter(open),
      anywhere,
    ),
  ).toEqual([]);
});

it('no file has a name that the glossary replaced', () => {
  const named = files('src', 'test', 'docs', 'systemd').filter((path) => wrongIn(path, inPaths).length > 0);
  expect(named).toEqual([]);
});

/** Tables of what was measured and mended say what stood there then. */
const open = (path: string): boolean => path !== 'docs/BENCHMARKS.md';

/** RFC 6763 and others write of *letters* and *ways* at the beginning of a sentence. */
const comment = (fault: string): boolean => !/: (Letters|Ways?)$/.test(fault);
