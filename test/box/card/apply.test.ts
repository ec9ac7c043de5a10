import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { applyCard } from '../../../src/box/card/apply.ts';
import { type CardPaths, cardPaths } from '../../../src/box/card/paths.ts';
import { BoxConfig } from '../../../src/box/config.ts';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { loadConfig } from '../../../src/kit/config/config.ts';
import { temporaryFolder } from '../../support/folder.ts';

const parent = temporaryFolder();
let count = 0;
let paths: CardPaths;

beforeEach(() => {
  const folder = join(parent, String(count++));
  const roots = ['card', 'data', 'state', 'run'].map((name) => join(folder, name));
  for (const root of roots) mkdirSync(root, { recursive: true });
  const [card = '', data = '', state = '', run = ''] = roots;
  paths = { ...cardPaths({ card, data, state, run }), zoneinfo: join(folder, 'zoneinfo') };
  put(join(paths.zoneinfo, 'Europe/Berlin'), '');
  put(join(paths.zoneinfo, 'UTC'), '');
});

function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

const text = (path: string): string => readFileSync(path, 'utf8');
const boxConfig = (): BoxConfig =>
  loadConfig(BoxConfig, { env: {}, args: ['--config', paths.boxToml] }).config;
const ed25519 = `ssh-ed25519 ${'A'.repeat(68)} ada@laptop`;

const good = `
name = "Attic"
timezone = "Europe/Berlin"

[ssh]
keys = ["${ed25519}"]

[wifi]
ssid = "Heim"
password = "correct horse"
country = "DE"

[zone]
root = "box.example.org"

[cloud]
zone-api = "https://dns.example.org:5300"

[access]
apps = ["https://app.example.org/"]
`;

describe('porchlight.toml', () => {
  it('becomes the settings of the box and of the system', async () => {
    put(paths.settings, good);
    expect(await applyCard(paths)).toEqual([]);
    expect(boxConfig()).toMatchObject({
      name: 'Attic',
      zone: { root: 'box.example.org' },
      cloud: {
        zoneApi: 'https://dns.example.org:5300',
        registration: 'https://registration.porchlight.example:4443',
      },
      access: { apps: ['https://app.example.org/'] },
    });
    expect(text(paths.authorizedKeys)).toBe(`${ed25519}\n`);
    expect(readlinkSync(paths.localtime)).toBe(join(paths.zoneinfo, 'Europe/Berlin'));
    expect(text(paths.wifi)).toContain('country=DE\nnetwork={\n\tssid=4865696d\n');
    expect(text(paths.wifi)).toContain(`\tsae_password=${Buffer.from('correct horse').toString('hex')}\n`);
    // What wpa_passphrase(8) answers.
    expect(text(paths.wifi)).toContain(
      '\tpsk=e45ead6f785539907d9ab0b22a198e14eaf2778ca6675caeb4550bc7dc922df4\n',
    );
    expect(statSync(paths.wifi).mode & 0o777).toBe(0o600);
    expect(existsSync(paths.problems)).toBe(false);
  });

  it('is written by Notepad, too: with a mark in front and its line ends', async () => {
    put(paths.settings, `\uFEFF${good.replaceAll('\n', '\r\n')}`);
    expect(await applyCard(paths)).toEqual([]);
    expect(boxConfig().name).toBe('Attic');
  });

  it('costs nothing but the keys that are wrong, and says which, in words and with no password', async () => {
    put(
      paths.settings,
      `name = "Attic"
timezone = "Europe/Nowhere"
colour = "red"
[wifi]
ssid = "Heim"
password = "s3cret"
country = "Germany"
[ssh]
keys = ["${ed25519}", "-----BEGIN OPENSSH PRIVATE KEY-----", "hello"]
[zone]
root = "Not A Domain"
[cloud]
ca-file = "none.pem"
`,
    );
    const faults = await applyCard(paths);
    expect(faults).toHaveLength(8);
    expect(boxConfig()).toMatchObject({
      name: 'Attic',
      // No other cloud than the one that was meant.
      zone: { root: 'see-porchlight-problems.invalid' },
      cloud: { zoneApi: 'https://see-porchlight-problems.invalid', caFile: '' },
    });
    expect(text(paths.authorizedKeys)).toBe(`${ed25519}\n`);
    const words = text(paths.problems);
    for (const said of [
      'timezone: there is no Europe/Nowhere',
      'there is no key colour (line 3)',
      'wifi.password must be 8 to 63 letters',
      '(line 6)',
      'wifi.country must be two capital letters, as DE (line 7)',
      'number 2 is a private key',
      'number 3 is no public key',
      'zone.root must be a domain name in lower case (line 11)',
      'none.pem is not on the card',
    ])
      expect(words).toContain(said);
    expect(words).not.toMatch(/s3cret|OPENSSH/);
  });

  it('that is corrected takes its problems with it', async () => {
    put(paths.settings, 'name = 7');
    expect(await applyCard(paths)).toHaveLength(1);
    put(paths.settings, 'name = "Attic"');
    expect(await applyCard(paths)).toEqual([]);
    expect(existsSync(paths.problems)).toBe(false);
  });

  it.each([
    ['no TOML at all', Buffer.from('name = \n[['), /line 1/],
    ['of random bytes', Buffer.from([0xc3, 0x28, 0x00, 0x80]), /not plain text/],
    ['of Windows’ own letters', Buffer.from('name = "K\u00fcche"', 'latin1'), /save it as UTF-8/],
    ['without end', Buffer.alloc(100_000, 'a'), /larger than/],
  ])('that is %s leaves what was there before', async (_, bytes, words) => {
    put(paths.settings, good);
    await applyCard(paths);
    put(paths.settings, bytes);
    expect((await applyCard(paths)).join()).toMatch(words);
    expect(boxConfig().name).toBe('Attic');
    rmSync(paths.settings);
    expect(await applyCard(paths)).toEqual([]);
    expect(boxConfig().name).toBe('Attic');
  });

  it('without a wireless network any more takes it away', async () => {
    put(paths.settings, good);
    await applyCard(paths);
    put(paths.settings, 'name = "Attic"');
    await applyCard(paths);
    expect(existsSync(paths.wifi)).toBe(false);
  });

  it('names the private CA of a family beside it', async () => {
    const { caPem } = await createTestCa();
    put(join(paths.card, 'family.pem'), caPem);
    put(paths.settings, '[cloud]\nca-file = "family.pem"\n[acme]\nca-file = "../etc/passwd"');
    const faults = await applyCard(paths);
    expect(faults).toEqual([expect.stringContaining('acme.ca-file must be the name of a file beside')]);
    expect(boxConfig()).toMatchObject({ cloud: { caFile: paths.cloudCa }, acme: { caFile: '' } });
    expect(text(paths.cloudCa)).toBe(caPem);
  });

  it('that is the same writes nothing', async () => {
    put(paths.settings, good);
    await applyCard(paths);
    const files = [paths.boxToml, paths.authorizedKeys, paths.wifi];
    const before = files.map((path) => statSync(path).ino);
    await applyCard(paths);
    expect(files.map((path) => statSync(path).ino)).toEqual(before);
    expect(readdirSync(paths.card)).toEqual(['porchlight.toml']);
  });

  it('whatever is in it, the box has settings it can start with', async () => {
    const key = fc.constantFrom(
      'name',
      'timezone',
      'zone.root',
      'cloud.zone-api',
      'access.apps',
      'wifi',
      'ssh.keys',
      'x',
    );
    const value = fc.oneof(fc.jsonValue(), fc.string());
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(key, value), { maxLength: 5 }), async (lines) => {
        put(paths.settings, lines.map(([name, given]) => `${name} = ${JSON.stringify(given)}`).join('\n'));
        await applyCard(paths);
        if (existsSync(paths.boxToml)) boxConfig();
      }),
      { numRuns: 60 },
    );
  });
});

describe('where a restored box belongs', () => {
  const place = {
    zoneRoot: 'box.family.example',
    zoneApi: 'https://dns.family.example:5300',
    registration: 'https://registration.family.example:4443',
    acmeDirectory: 'https://ca.family.example/directory',
    apps: ['https://app.family.example/'],
  };

  it('holds without porchlight.toml, and below it', async () => {
    put(paths.restoredPlace, JSON.stringify(place));
    await applyCard(paths);
    expect(boxConfig()).toMatchObject({
      zone: { root: 'box.family.example' },
      acme: { directory: place.acmeDirectory },
    });
    put(
      paths.settings,
      '[zone]\nroot = "box.other.example"\n[cloud]\nzone-api = "https://dns.other.example:5300"',
    );
    expect(await applyCard(paths)).toEqual([]);
    expect(boxConfig()).toMatchObject({
      zone: { root: 'box.other.example' },
      cloud: { zoneApi: 'https://dns.other.example:5300' },
      acme: { directory: place.acmeDirectory },
    });
    // Half a cloud is none: what was taken before stays.
    put(paths.settings, '[zone]\nroot = "box.third.example"');
    expect((await applyCard(paths)).join()).toContain('cloud.zone-api is missing');
    expect(boxConfig().zone.root).toBe('box.other.example');
  });

  it.each([
    ['no JSON', '{'],
    [
      'with a setting that would keep the box from starting',
      JSON.stringify({ ...place, zoneApi: 'ftp://x' }),
    ],
    ['with a CA that is none', JSON.stringify({ ...place, cloudCa: 'x' })],
  ])('is not believed when it is %s', async (_, content) => {
    put(paths.restoredPlace, content);
    await applyCard(paths);
    expect(existsSync(paths.boxToml)).toBe(false);
  });
});
