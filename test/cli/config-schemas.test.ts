import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Ajv } from 'ajv';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { CardSettings } from '../../src/box/card/card-settings.ts';
import { BoxConfig } from '../../src/box/config.ts';
import { CloudConfig } from '../../src/cloud/config.ts';
import { configSchemas } from '../../src/cli/config-schemas.ts';
import { loadConfig } from '../../src/kit/config/config.ts';
import { settingsOf } from '../../src/kit/config/settings.ts';
import { temporaryFolder } from '../support/folder.ts';
import { spawnSync } from '../support/programs.ts';

const root = join(import.meta.dirname, '../..');
const folder = temporaryFolder();
const ajv = new Ajv({ strict: false, allErrors: true });
const checks = new Map([...configSchemas()].map(([name, schema]) => [name, ajv.compile(schema)]));
const allows = (name: string, toml: string): boolean => checks.get(name)?.(parse(toml)) === true;

const good = `
name = "Attic"
[zone]
root = "box.example.org"
mirrors = ["a", "b", "c"]
[web]
port = 8443
services-with-visitor-host = ["photos"]
[web.services]
photos = "http://127.0.0.1:2342"
[log]
level = "debug"
[tunnel]
enabled = false
`;

/** Each is one mistake, and what an editor is to name. */
const wrong: Readonly<Record<string, [toml: string, named: string]>> = {
  'an unknown key': ['[zone]\nrot = "box.example.org"', 'rot'],
  'an unknown section': ['[zones]\nroot = "box.example.org"', 'zones'],
  'a number out of range': ['[web]\nport = 70000', '70000'],
  'a text for a number': ['[web]\nport = "8443"', '8443'],
  'a word that is none': ['[log]\nlevel = "loud"', 'loud'],
  'a name that services cannot have': ['[web.services]\nPhotos = "http://127.0.0.1:1"', 'Photos'],
  'too few mirrors': ['[zone]\nmirrors = ["a"]', 'mirrors'],
};

/** Whether the program takes the file. */
function taken(toml: string): boolean {
  const path = join(mkdtempSync(join(folder, 'box-')), 'box.toml');
  writeFileSync(path, toml);
  try {
    loadConfig(BoxConfig, { env: {}, args: ['--config', path] });
    return true;
  } catch {
    return false;
  }
}

describe('the schema of a settings file', () => {
  it.each([
    ['box', settingsOf(BoxConfig)],
    ['cloud', settingsOf(CloudConfig)],
    ['porchlight', settingsOf(CardSettings, 'allowed')],
  ] as const)('of %s has every setting, with what it means, and allows its default', (name, settings) => {
    const text = readFileSync(join(root, 'docs/schemas', `${name}.json`), 'utf8');
    for (const { description } of settings) expect(text).toContain(JSON.stringify(description).slice(1, -1));
    const refused = settings.filter(({ key, default: preset }) => {
      const names = key.split('.').toReversed();
      const file = names.reduce<unknown>((inner, part) => ({ [part]: inner }), preset);
      return preset !== undefined && checks.get(name)?.(file) !== true;
    });
    expect(refused.map(({ key }) => key)).toEqual([]);
  });

  it('refuses what the program refuses, and takes what it takes', () => {
    expect([allows('box', good), taken(good)]).toEqual([true, true]);
    for (const [toml] of Object.values(wrong))
      expect([toml, allows('box', toml), taken(toml)]).toEqual([toml, false, false]);
  });

  it('takes the names that settings had before', () => {
    expect(allows('cloud', '[frontend]\nport = 443')).toBe(true);
  });

  it('takes the example of the page about the card', () => {
    const page = readFileSync(join(root, 'docs/FIRST-BOOT.md'), 'utf8');
    const example = /```toml\n(.*?)```/s.exec(page)?.[1] ?? '';
    expect(example).toMatch(/^#:schema \.\/porchlight\.json\n/);
    expect(allows('porchlight', example)).toBe(true);
  });
});

/** Files that name their schema, as taplo sees them, which VS Code’s extension for TOML is made of. */
function taplo(files: Readonly<Record<string, string>>): { status: number | null; said: string } {
  const schema = pathToFileURL(join(root, 'docs/schemas/box.json')).href;
  const paths = Object.entries(files).map(([name, toml]) => {
    const path = join(folder, `${name}.toml`);
    writeFileSync(path, `#:schema ${schema}\n${toml}`);
    return path;
  });
  const program = join(root, 'node_modules/@taplo/cli/dist/cli.js');
  const words = [program, 'lint', '--no-auto-config', '--colors', 'never', ...paths];
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', cwd: folder });
  return { status, said: stderr };
}

it('taplo finds nothing in a file that is right, and names each mistake', { timeout: 180_000 }, () => {
  expect(taplo({ good })).toMatchObject({ status: 0 });
  const { status, said } = taplo(
    Object.fromEntries(Object.entries(wrong).map(([what, [toml]]) => [what, toml])),
  );
  expect(status).not.toBe(0);
  for (const [what, [, named]] of Object.entries(wrong)) {
    expect(said).toContain(`${what}.toml`);
    expect(said).toContain(named);
  }
});
