import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../../../src/protocol/error-codes.ts';
import { consoleText } from '../../../../src/web/shared/text/console.ts';
import { sharedText } from '../../../../src/web/shared/text/shared.ts';

/** Every text with its path; functions are called with a number, which every one of them can take for a word as well. */
function texts(value: unknown, path = ''): [path: string, text: string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value === 'function')
    return [1, 2].map((given) => [`${path}(${given})`, String(value(given, given))]);
  return Object.entries(value as object).flatMap(([key, inner]) => texts(inner, `${path}.${key}`));
}

describe.each([
  ['shared', sharedText],
  ['console', consoleText],
])('text of %s', (_name, { en, de }) => {
  const english = new Map(texts(en));
  const german = new Map(texts(de));

  it('is whole in both languages', () => {
    expect([...german.keys()]).toEqual([...english.keys()]);
    const empty = [...english, ...german].filter(([, text]) => text.trim() === '' || text !== text.trim());
    expect(empty).toEqual([]);
  });

  it('is translated', () => {
    const alike = new Set(['Porchlight', 'Name', 'Version', 'App', 'Apps', 'Browser', 'Passkeys', '1', '2']);
    const same = [...english].filter(([path, text]) => german.get(path) === text && !alike.has(text));
    expect(same).toEqual([]);
  });

  it('uses the marks of its language', () => {
    expect([...english].filter(([, text]) => /["„]|\.\.\.|\s'|'\s/.test(text))).toEqual([]);
    expect([...german].filter(([, text]) => /["”]|\.\.\.|\bDu\b|\bdu\b|\bdein/.test(text))).toEqual([]);
  });
});

describe('text of refusals', () => {
  it('is there for every code that the box can answer a person with', () => {
    // What only machines are told: zone and announcement calls, token endpoint, certificates.
    const machines =
      /^(client-|zone-|invalid-|unsupported-|method-|body-too-slow|address-|tunnel-address|challenge-|too-many-|origin-|message-|record-)/;
    const missing = Object.keys(errorCodes).filter(
      (code) =>
        !machines.test(code) && code !== 'password-refused' && !Object.hasOwn(sharedText.en.problems, code),
    );
    expect(missing).toEqual([]);
  });
});

describe('pages', () => {
  it('have no text of their own: all of it stands in the text files', () => {
    const folder = join(import.meta.dirname, '../../../../src/web');
    const found = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.tsx'))
      .flatMap((name) => {
        const source = readFileSync(join(folder, name), 'utf8');
        const between = [...source.matchAll(/>\s*([A-ZÄÖÜ][a-zäöüß]+ [^<>{}=;]*[a-z.!?])\s*</g)];
        const given = [...source.matchAll(/\b(?:label|title|hint|alt|placeholder|aria-label)="([^"]+)"/g)];
        return [...between, ...given].map((match) => `${name}: ${match[1]}`);
      });
    expect(found).toEqual([]);
  });
});
