import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CardSettings, readCardSettings } from '../../src/box/card/card-settings.ts';
import { generatedDocs } from '../../src/cli/generated-docs.ts';
import { exitCode } from '../../src/kit/config/command.ts';
import { settingsOf } from '../../src/kit/config/settings.ts';
import { porchlight } from './run.ts';

const page = (name: string): string => readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8');

it('what is generated in docs/ is what the sources say', async () => {
  const stale = [...(await generatedDocs())]
    .filter(([name, text]) => page(name) !== text)
    .map(([name]) => name);
  expect(stale, 'stale: run `npm run docs`').toEqual([]);
});

it('docs/CLI.md has every command and every exit code', async () => {
  const { out } = await porchlight(['--help']);
  const names = [...out.matchAll(/^ {2}([a-z][a-z-]*) {2}/gm)].map((match) => match[1]);
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) expect(page('CLI.md')).toMatch(new RegExp(`^#+ .*\`porchlight ${name}\``, 'm'));
  for (const code of Object.values(exitCode)) expect(page('CLI.md')).toContain(`| ${code} |`);
});

it('docs/FIRST-BOOT.md has every key of porchlight.toml, and its example is one without a fault', () => {
  const text = page('FIRST-BOOT.md');
  for (const { key } of settingsOf(CardSettings, 'allowed')) expect(text).toContain(`\`${key}\``);
  const example = /```toml\n(.*?)```/s.exec(text)?.[1] ?? '';
  expect(readCardSettings(example)).toMatchObject({ faults: [] });
});
