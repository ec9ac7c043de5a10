import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { porchlight } from '../cli/run.ts';
import { checkout, mentions } from './pages.ts';

it('every script of npm that a page names is there', () => {
  const { scripts } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const named = mentions(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g);
  expect(named.length).toBeGreaterThan(5);
  const missing = named.filter(({ found }) => !(String(found[1] ?? found[2]) in scripts));
  expect(missing.map(({ page, found }) => `${page}: ${found[0]}`)).toEqual([]);
});

it('every command of porchlight that a page names is there, with its flags', async () => {
  // In code only: `porchlight agent pair --pin`, and lines of blocks.
  const lines = mentions(/(?:`|^)(?:npx )?porchlight ([a-z][a-z-]*(?![\w:-])[^`\n]*)/gm).map(
    ({ page, found }) => ({
      page,
      words: (found[1] ?? '')
        .replace(/\s#.*$/, '')
        .trim()
        .split(/\s+/),
    }),
  );
  const { out: overview } = await porchlight(['--help']);
  // `help COMMAND` is another way to write `COMMAND --help`; `instance` begins texts that are part of what is encrypted.
  const known = new Set(['help', 'instance']);
  for (const [, name = ''] of overview.matchAll(/^ {2}([a-z][a-z-]*) {2}/gm)) known.add(name);
  const used = new Set(lines.map(({ words }) => words[0] ?? ''));
  expect([...used].filter((name) => !known.has(name))).toEqual([]);
  const helps = new Map<string, string>();
  const flagged = lines.filter(({ words }) =>
    words.some((word) => /^--[a-z]/.test(word) && word !== '--help'),
  );
  for (const name of new Set(flagged.map(({ words }) => words[0] ?? ''))) {
    const { out, err } = await porchlight([name, '--help']);
    helps.set(name, out + err);
  }
  const wrong = flagged.flatMap(({ page, words: [name = '', ...rest] }) => {
    // `--no-…` and `--flag=value` are other ways to write a flag.
    const flags = rest.flatMap((word) => /^--([a-z][\w.-]*)/.exec(word)?.[1] ?? []);
    const help = helps.get(name) ?? '';
    return flags
      .filter((flag) => !help.includes(`--${flag}`) && !help.includes(`--${flag.replace(/^no-/, '')}`))
      .map((flag) => `${page}: porchlight ${name} --${flag}`);
  });
  expect(wrong).toEqual([]);
}, 240_000);
