import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { applyCard } from '../../../src/box/card/apply.ts';
import { type CardPaths, cardPaths } from '../../../src/box/card/paths.ts';
import { BoxConfig } from '../../../src/box/config.ts';
import { loadConfig } from '../../../src/kit/config/config.ts';
import { temporaryFolder } from '../../support/folder.ts';

/** What people really put on a card: each is taken as it was meant, or told, and never half. */
const parent = temporaryFolder();
let count = 0;
let paths: CardPaths;

beforeEach(() => {
  const folder = join(parent, String(count++));
  const roots = ['card', 'data', 'state', 'run'].map((name) => join(folder, name));
  for (const root of roots) mkdirSync(root, { recursive: true });
  const [card = '', data = '', state = '', run = ''] = roots;
  paths = { ...cardPaths({ card, data, state, run }), zoneinfo: join(folder, 'zoneinfo') };
  for (const zone of ['UTC', 'Europe/Berlin', 'Europe/Rome', 'America/New_York'])
    put(join(paths.zoneinfo, zone), 'TZif');
});

function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
const onCard = (name: string, content: string | Buffer): void => put(join(paths.card, name), content);
const text = (path: string): string => readFileSync(path, 'utf8');
const boxConfig = (): BoxConfig =>
  loadConfig(BoxConfig, { env: {}, args: ['--config', paths.boxToml] }).config;
const told = (): string => text(paths.problems);

const key = `ssh-ed25519 ${'B'.repeat(68)} eve@desk`;
const wifi = (password: string): string =>
  `[wifi]\nssid = "Lamp Street"\npassword = ${password}\ncountry = "SE"\n`;
const cloud = `[zone]
root = "zone.lamp.example"

[cloud]
zone-api = "https://api.lamp.example:5300"
registration = "https://find.lamp.example:4443"
`;
const ca = '[acme]\ndirectory = "https://ca.lamp.example/directory"\n';
const good = `name = "Cellar"
timezone = "Europe/Rome"

[ssh]
keys = ["${key}"]

${wifi('"three green doors"')}
${cloud}
${ca}`;

/** Everything that was taken over. */
const taken = (): unknown => ({
  config: boxConfig(),
  wifi: existsSync(paths.wifi) ? text(paths.wifi) : undefined,
  keys: existsSync(paths.authorizedKeys) ? text(paths.authorizedKeys) : undefined,
  timezone: existsSync(paths.localtime) ? readlinkSync(paths.localtime) : undefined,
});

/** No other cloud and no other CA is asked than those that were meant. */
function expectNoOtherCloud(): void {
  const { zone, cloud, acme } = boxConfig();
  const asked = [zone.root, cloud.zoneApi, cloud.registration, acme.directory].join(' ');
  expect(asked).not.toMatch(/porchlight\.example|letsencrypt/);
  expect(zone.root.endsWith('.invalid')).toBe(cloud.zoneApi.endsWith('.invalid'));
}

describe('a Wi-Fi password that is none', () => {
  it.each([
    ['digits without quotes', '12345678', 'stand in quotes'],
    ['a date without quotes', '2024-12-24', 'stand in quotes'],
    ['letters of other alphabets', '"Brötchen 1234"', 'plain keyboard'],
    ['seven characters', '"lantern"', '8 to 63'],
    ['64 characters that are no hex digits', `"${'z'.repeat(64)}"`, '8 to 63'],
    ['63 hex digits and one more letter', `"${'a'.repeat(63)}x"`, '8 to 63'],
    ['a list', '["three green doors"]', '8 to 63'],
    ['a yes', 'true', 'stand in quotes'],
  ])('is told, joins no open network, and costs nothing of before: %s', async (_, password, words) => {
    onCard('porchlight.toml', wifi(password));
    await applyCard(paths);
    expect(existsSync(paths.wifi)).toBe(false);
    expect(told()).toContain('wifi.password must');
    expect(told()).toContain(words);

    onCard('porchlight.toml', good);
    expect(await applyCard(paths)).toEqual([]);
    const before = text(paths.wifi);
    onCard('porchlight.toml', wifi(password));
    expect(await applyCard(paths)).toHaveLength(1);
    expect(text(paths.wifi)).toBe(before);
    expect(statSync(paths.wifi).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['psk = "three green doors"', 'did you mean wifi.password?'],
    ['Passphrase = "three green doors"', 'did you mean wifi.password?'],
    ['pasword = "three green doors"', 'did you mean wifi.password?'],
    ['', 'wifi.password is missing: for an open network, write password = ""'],
    ['password = "three green doors"\nchannel = 11', 'there is no key wifi.channel'],
    ['password = "three green doors"\ncountry = "Sverige"', 'wifi.country must be two capital letters'],
    ['password = "three green doors"\ncountry = "QX"', 'there is no country QX'],
  ])('or another word for it joins nothing: %s', async (line, words) => {
    onCard('porchlight.toml', `[wifi]\nssid = "Lamp Street"\n${line}\n`);
    await applyCard(paths);
    expect(existsSync(paths.wifi)).toBe(false);
    expect(told()).toContain(words);
    expect(told()).not.toContain('green doors');
  });

  it.each([
    ['[wlan]\nssid = "Lamp Street"\npassword = "three green doors"\n', 'did you mean wifi?'],
    ['[WiFi]\nssid = "Lamp Street"\n', 'did you mean wifi?'],
    ['ssid = "Lamp Street"\npassword = "three green doors"\n', 'did you mean wifi.ssid?'],
    ['[radio]\nvolume = 11\n', 'there is no key radio'],
    ['wifi = "Lamp Street"\n', 'wifi is a section, not a value'],
    ['[wifi]\npassword = "three green doors"\n', 'wifi.ssid is missing'],
    ['[wifi]\nssid = ""\npassword = ""\n', 'wifi.ssid must be'],
  ])('nor does a section that was meant for it take the network away: %s', async (lines, words) => {
    onCard('porchlight.toml', good);
    await applyCard(paths);
    const before = text(paths.wifi);
    onCard('porchlight.toml', lines);
    await applyCard(paths);
    expect(text(paths.wifi)).toBe(before);
    expect(told()).toContain(words);
  });

  it('of 64 hex digits is the key itself (IEEE 802.11, J.4)', async () => {
    onCard('porchlight.toml', wifi(`"${'0123456789ABCDEF'.repeat(4)}"`));
    expect(await applyCard(paths)).toEqual([]);
    expect(text(paths.wifi)).toContain(`\tpsk=${'0123456789abcdef'.repeat(4)}\n`);
    expect(text(paths.wifi)).toContain('key_mgmt=WPA-PSK WPA-PSK-SHA256\n');
    expect(text(paths.wifi)).not.toContain('sae_password');
  });

  it('is not needed for a network that is said to be open', async () => {
    onCard('porchlight.toml', wifi('""'));
    expect(await applyCard(paths)).toEqual([]);
    expect(text(paths.wifi)).toContain('key_mgmt=NONE');
  });
});

describe('a cloud or CA of one’s own', () => {
  it.each([
    ['the address with a slash', cloud.replace(':5300"', ':5300/"')],
    ['the name in capitals and with a dot', cloud.replace('zone.lamp.example', 'Zone.Lamp.Example.')],
    ['the scheme in capitals', cloud.replace('https://api', 'HTTPS://API')],
  ])('is taken as it was meant: %s', async (_, toml) => {
    onCard('porchlight.toml', toml);
    expect(await applyCard(paths)).toEqual([]);
    expect(boxConfig()).toMatchObject({
      zone: { root: 'zone.lamp.example' },
      cloud: { zoneApi: 'https://api.lamp.example:5300', registration: 'https://find.lamp.example:4443' },
    });
  });

  const wrong = [
    ['the address by plain http', cloud.replace('https://api', 'http://api'), 'cloud.zone-api must be'],
    ['the address with a path', cloud.replace(':5300', ':5300/v1'), 'cloud.zone-api must be'],
    ['no address', cloud.replace(/zone-api.*\n/, ''), 'cloud.zone-api is missing'],
    ['no zone', cloud.replace(/root.*\n/, ''), 'zone.root is missing'],
    ['another word', cloud.replace('zone-api', 'dns-server'), 'cloud.dns-server'],
    ['a zone that is none', cloud.replace('zone.lamp', 'zone lamp'), 'zone.root must be'],
    ['no such file', `${cloud}ca-file = "lamp.pem"\n`, 'lamp.pem is not on the card'],
  ] as const;
  it.each(wrong)('that cannot be is told, and no other one is asked: %s', async (_, toml, words) => {
    onCard('porchlight.toml', `${toml}${ca}`);
    await applyCard(paths);
    expect(told()).toContain(words);
    expectNoOtherCloud();
    expect(boxConfig().acme.directory).toBe('https://ca.lamp.example/directory');

    onCard('porchlight.toml', good);
    await applyCard(paths);
    const before = boxConfig();
    onCard('porchlight.toml', good.replace(cloud, toml));
    expect(await applyCard(paths)).toHaveLength(1);
    expect(boxConfig()).toEqual(before);
  });

  it.each([
    [
      'by plain http',
      'directory = "http://ca.lamp.example/directory"',
      'acme.directory must be an https URL',
    ],
    ['by another word', 'directry = "https://ca.lamp.example/directory"', 'did you mean acme.directory?'],
    [
      'with a file that is missing',
      'directory = "https://ca.lamp.example/directory"\nca-file = "x.pem"',
      'x.pem',
    ],
    [
      'with half an account',
      'directory = "https://ca.lamp.example/directory"\neab-kid = "k1"',
      'belong together',
    ],
  ])('a CA %s is told, and none is asked', async (_, lines, words) => {
    onCard('porchlight.toml', `[acme]\n${lines}\n`);
    await applyCard(paths);
    expect(told()).toContain(words);
    expect(boxConfig().acme.directory).toMatch(/\.invalid\/$/);
    // Also not the one of before, where that was nobody's choice.
    onCard('porchlight.toml', 'name = "Cellar"\n');
    await applyCard(paths);
    expect(boxConfig().acme.directory).toContain('letsencrypt');
    onCard('porchlight.toml', `[acme]\n${lines}\n`);
    await applyCard(paths);
    expect(boxConfig().acme.directory).toMatch(/\.invalid\/$/);
    onCard('porchlight.toml', good);
    await applyCard(paths);
    onCard('porchlight.toml', good.replace(ca, `[acme]\n${lines}\n`));
    await applyCard(paths);
    expect(boxConfig().acme.directory).toBe('https://ca.lamp.example/directory');
  });

  it('a wrong address for notices costs the address, not the CA', async () => {
    onCard('porchlight.toml', `${ca}contact = "eve at lamp"\n`);
    expect(await applyCard(paths)).toHaveLength(1);
    expect(boxConfig().acme).toMatchObject({ directory: 'https://ca.lamp.example/directory', contact: '' });
  });

  it('an account made elsewhere (RFC 8555, 7.3.4) has its key in a file that only the box reads', async () => {
    onCard('porchlight.toml', `${ca}eab-kid = "lamp-1"\neab-hmac-key = "bGFtcGxhbXBsYW1wbGFtcGxhbXA="\n`);
    expect(await applyCard(paths)).toEqual([]);
    expect(boxConfig().acme).toMatchObject({ eabKid: 'lamp-1', eabHmacKeyFile: paths.eabHmacKey });
    expect(text(paths.eabHmacKey)).toBe('bGFtcGxhbXBsYW1wbGFtcGxhbXA\n');
    expect(statSync(paths.eabHmacKey).mode & 0o777).toBe(0o640);
    onCard('porchlight.toml', `${ca}eab-kid = "lamp-1"\neab-hmac-key = "not this!"\n`);
    await applyCard(paths);
    expect(told()).not.toContain('not this!');
    expect(text(paths.eabHmacKey)).toBe('bGFtcGxhbXBsYW1wbGFtcGxhbXA\n');
    onCard('porchlight.toml', ca);
    await applyCard(paths);
    expect(existsSync(paths.eabHmacKey)).toBe(false);
  });
});

describe('a wrong setting is not an absent one', () => {
  it.each([
    ['access.apps', '[access]\napps = ["http://app.lamp.example/"]', (c: BoxConfig) => c.access.apps, []],
    ['access.pairing', '[access]\npairing = "never"', (c: BoxConfig) => c.access.pairing, 'off'],
    ['tunnel.enabled', '[tunnel]\nenabled = "no"', (c: BoxConfig) => c.tunnel.enabled, false],
    ['update.enabled', '[update]\nenabled = 0', (c: BoxConfig) => c.update.enabled, false],
    ['enrolment.enabled', '[enrolment]\nenabled = "off"', (c: BoxConfig) => c.enrolment.enabled, false],
    ['acme.agree-to-terms', '[acme]\nagree-to-terms = "no"', (c: BoxConfig) => c.acme.agreeToTerms, false],
  ] as const)('%s', async (key, toml, of, safe) => {
    onCard('porchlight.toml', toml);
    await applyCard(paths);
    expect(told()).toContain(`${key} must be`);
    expect(of(boxConfig())).toEqual(safe);
  });

  it('keys for ssh that are none leave those of before; an empty list takes them away', async () => {
    onCard('porchlight.toml', good);
    await applyCard(paths);
    for (const wrong of ['["nonsense"]', '7', '"ssh-dss AAAA"']) {
      onCard('porchlight.toml', `[ssh]\nkeys = ${wrong}\n`);
      await applyCard(paths);
      expect(text(paths.authorizedKeys)).toBe(`${key}\n`);
      expect(told()).toContain('ssh.keys');
    }
    onCard('porchlight.toml', `[ssh]\nkeys = "${key}"\n`);
    expect(await applyCard(paths)).toEqual([]);
    onCard('porchlight.toml', '[ssh]\nkeys = []\n');
    expect(await applyCard(paths)).toEqual([]);
    expect(text(paths.authorizedKeys)).toBe('');
  });
});

const link = (): string | undefined =>
  existsSync(dirname(paths.localtime)) ? readlinkSync(paths.localtime) : undefined;

it.each(['colour = "red"', 'clod = 7', '[colours]\ndoor = "red"', 'fps = [1, 2]'])(
  'a key that is nobody’s costs nothing: %s',
  async (line) => {
    onCard('porchlight.toml', `name = "Cellar"\n${line}\n`);
    expect(await applyCard(paths)).toHaveLength(1);
    expect(boxConfig()).toMatchObject({
      name: 'Cellar',
      zone: { root: 'box.porchlight.example' },
      acme: { directory: 'https://acme-v02.api.letsencrypt.org/directory' },
    });
  },
);

describe('a time zone and a country', () => {
  it.each([
    ['europe/berlin', 'Europe/Berlin'],
    [' Europe/Berlin ', 'Europe/Berlin'],
    ['Europe\\\\Berlin', 'Europe/Berlin'],
    ['America/New York', 'America/New_York'],
    ['utc', 'UTC'],
  ])('are taken as they are meant: %s', async (written, zone) => {
    onCard(
      'porchlight.toml',
      `timezone = "${written}"\n${wifi('"three green doors"').replace('SE', ' se ')}`,
    );
    expect(await applyCard(paths)).toEqual([]);
    expect(link()).toBe(join(paths.zoneinfo, zone));
    expect(text(paths.wifi)).toContain('country=SE\n');
  });

  it('the country that everybody calls UK is GB', async () => {
    onCard('porchlight.toml', wifi('"three green doors"').replace('SE', 'uk'));
    expect(await applyCard(paths)).toEqual([]);
    expect(text(paths.wifi)).toContain('country=GB\n');
  });

  it.each([
    ['Europe', 'Europe has many time zones: name one of them, as Europe/Berlin'],
    ['Rome', 'there is no Rome; did you mean Europe/Rome?'],
    ['Mars/Olympus', 'there is no Mars/Olympus'],
    ['../../etc/passwd', 'timezone must be the name of a time zone'],
    ['leapseconds', 'there is no leapseconds'],
  ])('or told, and the one of before stays: %s', async (written, words) => {
    put(join(paths.zoneinfo, 'leapseconds'), '#');
    onCard('porchlight.toml', good);
    await applyCard(paths);
    onCard('porchlight.toml', `timezone = "${written}"\n`);
    await applyCard(paths);
    expect(told()).toContain(words);
    expect(link()).toBe(join(paths.zoneinfo, 'Europe/Rome'));
  });
});

const marked = (encoding: BufferEncoding, content: string): Buffer =>
  Buffer.from(`\uFEFF${content}`, encoding);
const swapped = (bytes: Buffer): Buffer => Buffer.from(bytes).swap16();

describe('a file of the card', () => {
  const windows = good.replaceAll('\n', '\r\n');
  it.each([
    ['UTF-8 with a mark', marked('utf8', windows)],
    ['UTF-16 LE with a mark', marked('utf16le', windows)],
    ['UTF-16 LE without', Buffer.from(windows, 'utf16le')],
    ['UTF-16 BE with a mark', swapped(marked('utf16le', windows))],
    ['UTF-16 BE without', swapped(Buffer.from(good, 'utf16le'))],
    ['the line ends of an old Mac', Buffer.from(good.replaceAll('\n', '\r'))],
  ])('is read in %s', async (_, bytes) => {
    onCard('porchlight.toml', bytes);
    expect(await applyCard(paths)).toEqual([]);
    expect(boxConfig()).toMatchObject({ name: 'Cellar', zone: { root: 'zone.lamp.example' } });
  });

  it('is read whatever case its name has', async () => {
    onCard('PORCHLIGHT.TOML', good);
    expect(await applyCard(paths)).toEqual([]);
    expect(boxConfig().name).toBe('Cellar');
  });

  const remnants: [string, Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['white space', Buffer.from(' \r\n\t\n')],
    ['a mark alone', marked('utf8', '')],
    ['a mark of UTF-16 alone', marked('utf16le', '')],
    ['zeros', Buffer.alloc(512)],
    ['a cut and zeros', Buffer.concat([Buffer.from(good.slice(0, 100)), Buffer.alloc(412)])],
    ['what flash memory forgot', Buffer.alloc(512, 0xff)],
  ];
  it.each(remnants)('that holds %s is damaged: told, and all of before stays', async (_, bytes) => {
    onCard('porchlight.toml', good);
    await applyCard(paths);
    const before = taken();
    onCard('porchlight.toml', bytes);
    expect(await applyCard(paths)).toHaveLength(1);
    expect(told()).toMatch(/cut off|not plain text/);
    expect(taken()).toEqual(before);
  });

  it.each(remnants)('that holds %s makes a box that has run before forget nothing', async (_, bytes) => {
    mkdirSync(paths.identity, { recursive: true });
    onCard('porchlight.toml', bytes);
    await applyCard(paths);
    expect(boxConfig().zone.root).toBe('box.porchlight.example');
  });

  it('that was cut off anywhere makes nothing half: no open network, no mixed clouds, and nothing of before is lost', async () => {
    for (let end = 0; end < good.length; end += 3) {
      onCard('porchlight.toml', good.slice(0, end));
      await applyCard(paths);
      expect(existsSync(paths.wifi) ? text(paths.wifi) : '').not.toContain('key_mgmt=NONE');
      const { zone, cloud } = boxConfig();
      const [rootIsOwn, apiIsOwn] = [zone.root, cloud.zoneApi].map((value) => value.includes('lamp.example'));
      expect(rootIsOwn).toBe(apiIsOwn);
    }
  });

  it('with curly quotes says what is the matter with them', async () => {
    onCard('porchlight.toml', 'name = “Cellar”\n');
    expect((await applyCard(paths)).join()).toMatch(/line 1.*straight ones/);
  });

  it.each([
    ['porchlight.toml.txt', 'it is to be called porchlight.toml (Windows hides the last ending'],
    ['porchlight-reset', 'it is to be called porchlight-reset.txt'],
    ['Porchlight-Reset.txt.txt', 'it is to be called porchlight-reset.txt'],
    ['porchlight-restore (1).backup', 'it is to be called porchlight-restore.backup'],
    ['porchlight - Copy.toml', 'it is to be called porchlight.toml'],
    ['porchligth.toml', 'it is to be called porchlight.toml'],
    ['porchlight.conf', 'a file of this name is not read'],
    ['porchlight-wifi.txt', 'a file of this name is not read'],
  ])('that has another name is told: %s', async (name, words) => {
    onCard(name, 'forget\n');
    expect(await applyCard(paths)).toEqual([expect.stringContaining(words)]);
    expect(told()).toContain(`- ${name}: `);
    expect(existsSync(paths.request)).toBe(false);
  });

  it('that is the image’s, an editor’s, or named in porchlight.toml is nobody’s business', async () => {
    for (const name of ['config.txt', 'kernel8.img', 'cmdline.txt', '._porchlight.toml', 'porchlight.toml~'])
      onCard(name, 'x');
    for (const name of ['porchlight.txt', 'porchlight.txt.new', 'porchlight-outcome.txt']) onCard(name, 'x');
    onCard('porchlight-lamp.pem', 'x');
    onCard('porchlight.toml', `${cloud}ca-file = "porchlight-lamp.pem"\n`);
    expect(await applyCard(paths)).toEqual([expect.stringContaining('holds no certificate')]);
  });
});
