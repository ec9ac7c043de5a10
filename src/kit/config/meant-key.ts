import type { Setting } from './settings.ts';
import { suggestion } from './suggest.ts';

/**
 * The key that a person most likely meant by `key`, which there is not: by another word for it (`psk` for `password`), by
 * its last name in another section, by what stands in a section (`[wlan]` with `ssid` and `password` is `wifi`), or by its
 * spelling. `undefined` when none is near.
 */
export function meantKey(key: string, value: unknown, settings: readonly Setting[]): string | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const sections = new Set(settings.flatMap((setting) => sectionsOf(setting.key)));
    const near = suggestion(key, sections);
    return near ?? sectionWith(Object.keys(value), settings);
  }
  const [section, name] = split(key);
  const called = settings.filter((setting) => isCalled(setting, name));
  const here = called.find((setting) => split(setting.key)[0] === section);
  const near = suggestion(
    key,
    settings.map((setting) => setting.key),
  );
  return here?.key ?? near ?? called[0]?.key;
}

/** `a` and `a.b` for `a.b.c`. */
export function sectionsOf(key: string): string[] {
  const names = key.split('.').slice(0, -1);
  return names.map((_, last) => names.slice(0, last + 1).join('.'));
}

/** The section most of whose settings are among `names`. */
function sectionWith(names: readonly string[], settings: readonly Setting[]): string | undefined {
  const counts = new Map<string, number>();
  for (const setting of settings) {
    const [section] = split(setting.key);
    if (section === '' || !names.some((name) => isCalled(setting, name))) continue;
    counts.set(section, (counts.get(section) ?? 0) + 1);
  }
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0];
}

function split(key: string): [section: string, name: string] {
  const at = key.lastIndexOf('.');
  return [key.slice(0, Math.max(0, at)), key.slice(at + 1)];
}

function isCalled(setting: Setting, name: string): boolean {
  return [split(setting.key)[1], ...setting.alsoCalled].some((other) => bare(other) === bare(name));
}

/** Without what people write in one way or another: `zoneApi`, `zone_api` and `Zone-API` are one name. */
const bare = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
