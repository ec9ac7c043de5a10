import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../kit/runtime/errors.ts';

/** What people write in `porchlight.toml` in more than one way, as the one that settings have. */

const words = (text: string): string => text.trim();

/** `https://DNS.example.org/` and `https://dns.example.org` are one origin (RFC 6454, 4). */
function origin(text: string): string {
  try {
    const { protocol, host, pathname, search, hash, username } = new URL(text.trim());
    const more = pathname !== '/' || search !== '' || hash !== '' || username !== '';
    return more ? text : `${protocol}//${host}`;
  } catch {
    return text;
  }
}

/** The scheme in small letters, which is the same one (RFC 3986, 3.1). */
const url = (text: string): string =>
  text.trim().replace(/^[A-Za-z][A-Za-z0-9+.-]*:/, (scheme) => scheme.toLowerCase());

const byKey: Readonly<Record<string, (text: string) => string>> = {
  timezone: (text) => text.trim().replaceAll('\\', '/').replaceAll(' ', '_'),
  'wifi.country': country,
  // RFC 4343: names are the same in any case; RFC 1034, 3.1: also with the dot of the root.
  'zone.root': (text) => text.trim().toLowerCase().replace(/\.+$/, ''),
  'cloud.zone-api': origin,
  'cloud.registration': origin,
  'cloud.mailbox': origin,
  'acme.directory': url,
  'acme.contact': (text) => text.trim().replace(/^mailto:/i, ''),
  'acme.eab-kid': words,
  'acme.eab-hmac-key': (text) => text.replaceAll(/[\s=]/g, ''),
  'update.server': (text) => url(text).replace(/([^/])$/, '$1/'),
  'access.pairing': (text) => text.trim().toLowerCase(),
  'update.channel': (text) => text.trim().toLowerCase(),
};

const lists = new Set(['ssh.keys', 'access.apps']);

/** The `AsMeant` of `porchlight.toml`. */
export function asMeant(key: string, given: unknown): unknown {
  if (typeof given !== 'string') return given;
  // One of what may be several.
  if (lists.has(key)) return given.split('\n').filter((line) => line.trim() !== '');
  return byKey[key]?.(given) ?? given;
}

/** Two capital letters (ISO 3166-1); `UK`, which everybody understands, is `GB`. */
function country(text: string): string {
  const code = text.trim().toUpperCase();
  if (!/^[A-Z]{2}$/.test(code)) return text;
  return new Intl.Locale(`und-${code}`).region ?? code;
}

/** What is wrong with a country in the words of a person; `undefined` when it is one. */
export function countryFault(code: unknown): string | undefined {
  if (typeof code !== 'string') return undefined;
  const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
  if (names.of(code) !== undefined && code !== 'ZZ') return undefined;
  return `wifi.country: there is no country ${code}`;
}

/**
 * The time zone that is meant, by the folder of them (tzfile(5)): in any case; else what to say instead. A folder (`Europe`)
 * is no zone, though it is there.
 */
export async function zoneMeant(
  zoneinfo: string,
  wanted: string,
): Promise<{ zone: string } | { fault: string }> {
  const all = await zonesIn(zoneinfo);
  const low = wanted.toLowerCase();
  const zone = all.find((name) => name === wanted) ?? all.find((name) => name.toLowerCase() === low);
  if (zone !== undefined) return { zone };
  const inside = all.find((name) => name.toLowerCase().startsWith(`${low}/`));
  if (inside !== undefined)
    return { fault: `timezone: ${wanted} has many time zones: name one of them, as ${inside}` };
  const near = all.find((name) => name.toLowerCase().endsWith(`/${low}`));
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return { fault: `timezone: there is no ${wanted}${hint}` };
}

/** Two levels and three (`America/Argentina/Ushuaia`); not the copies with leap seconds. */
async function zonesIn(folder: string, below = ''): Promise<string[]> {
  const entries = await entriesOf(join(folder, below));
  const names = entries.filter(({ name }) => !['posix', 'right', 'leapseconds'].includes(name));
  const found = names.map(async (entry) => {
    const name = below + entry.name;
    return entry.isDirectory() ? zonesIn(folder, `${name}/`) : name.includes('.') ? [] : [name];
  });
  return (await Promise.all(found)).flat().toSorted();
}

async function entriesOf(folder: string): Promise<Awaited<ReturnType<typeof readdirWithTypes>>> {
  try {
    return await readdirWithTypes(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

const readdirWithTypes = (folder: string) => readdir(folder, { withFileTypes: true });
