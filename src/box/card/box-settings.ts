import { createHash } from 'node:crypto';
import { parse, stringify } from 'smol-toml';
import { readLeniently } from '../../kit/config/config.ts';
import { settingsOf } from '../../kit/config/settings.ts';
import type { Place } from '../backup/contents.ts';
import { BoxConfig } from '../config.ts';
import { type Group, groupOf, type Standing } from './groups.ts';
import type { CardValues } from './card-settings.ts';

/** `box.toml` as it is on data: what was taken over before. */
export interface Before {
  values: CardValues;
  /** Of the place that it was made with. */
  place: string;
}

/** Which of its sources a group of settings is taken from. */
export type Source = 'card' | 'before' | 'place' | 'default' | 'nowhere';

/**
 * Stands for a cloud or a CA that was named and cannot be used, so that no other one is asked in its place: such a name
 * leads nowhere (RFC 6761, 6.4), and says in every message where to look.
 */
const nowhere = 'see-porchlight-problems.invalid';

/** What holds in place of the default where a setting is there and wrong, and nothing was taken over before. */
const whenWrong: CardValues = new Map<string, unknown>([
  ['zone.root', nowhere],
  ['cloud.zone-api', `https://${nowhere}`],
  ['cloud.registration', `https://${nowhere}`],
  ['acme.directory', `https://${nowhere}/`],
  ['acme.agree-to-terms', false],
  ['access.apps', []],
  ['access.pairing', 'off'],
  ['enrolment.enabled', false],
  ['tunnel.enabled', false],
  ['update.enabled', false],
]);

const placed: Readonly<Record<Group, readonly string[]>> = {
  cloud: ['zone.root', 'cloud.zone-api', 'cloud.registration', 'cloud.ca-file'],
  ca: ['acme.directory', 'acme.ca-file'],
  'access.apps': ['access.apps'],
};

/**
 * Where a group comes from. A setting that is wrong is not one that is absent: what was taken over before stays, and where
 * that was the default CA, the one that was meant is another one.
 */
export function sourceOf(
  group: Group,
  standing: Standing | undefined,
  given: { said: CardValues; before: Before | undefined; place: Place | undefined },
): Source {
  const { said, before, place } = given;
  const hasPlace = place !== undefined && Object.hasOwn(placed, group);
  if (standing === 'said')
    return hasPlace && ![...said.keys()].some((key) => groupOf(key) === group) ? 'place' : 'card';
  const moved = hasPlace && before?.place !== placeHash(place);
  const lacking = group === 'ca' && standing === 'wrong' && before?.values.has('acme.directory') !== true;
  if (before !== undefined && !moved && !lacking && !isNowhere(group, before.values)) return 'before';
  if (hasPlace) return 'place';
  return standing === 'unclear' ? 'default' : 'nowhere';
}

function isNowhere(group: Group, values: CardValues): boolean {
  return (placed[group] ?? []).some((key) => String(values.get(key)).includes(nowhere));
}

/** What a restored box brings along, as settings. */
export function valuesOfPlace(place: Place): CardValues {
  return new Map<string, unknown>([
    ['zone.root', place.zoneRoot],
    ['cloud.zone-api', place.zoneApi],
    ['cloud.registration', place.registration],
    ['acme.directory', place.acmeDirectory],
    ['access.apps', place.apps],
  ]);
}

/** A backup that was made where nothing was configured says nothing about where the box belongs. */
export const isSomewhere = (place: Place): boolean =>
  !`${place.zoneRoot} ${place.acmeDirectory}`.includes(nowhere);

const boxKeys = settingsOf(BoxConfig).map(({ key }) => key);

/** Every setting of the box that is not the default, each from the source of its group. */
export function boxSettings(options: {
  said: CardValues;
  before: Before | undefined;
  place: Place | undefined;
  sources: ReadonlyMap<Group, Source>;
  /** Where the files are that settings name, by key. */
  files: ReadonlyMap<string, string>;
}): CardValues {
  const { said, before, place, sources, files } = options;
  const from: Record<Source, CardValues> = {
    card: said,
    before: before?.values ?? new Map(),
    place: place === undefined ? new Map() : valuesOfPlace(place),
    default: new Map(),
    nowhere: whenWrong,
  };
  return new Map(
    boxKeys.flatMap((key): [string, unknown][] => {
      const file = files.get(key);
      const source = sources.get(groupOf(key));
      const value = file ?? (source === undefined || isFile(key) ? undefined : from[source].get(key));
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

const isFile = (key: string): boolean => key.endsWith('-file');

/** `box.toml`, with the place that it was made with. */
export function boxToml(values: CardValues, place: Place | undefined): string {
  const table: Record<string, unknown> = {};
  for (const [key, value] of values) {
    const [section = '', name] = key.split('.');
    if (name === undefined) table[section] = value;
    else Object.assign((table[section] ??= {}), { [name]: value });
  }
  const head = '# Written by `porchlight card apply` from porchlight.toml on the card, at each start.';
  return `${head}\n# Place: ${placeHash(place)}\n${stringify(table)}\n`;
}

/** Tells one place from another. */
export function placeHash(place: Place | undefined): string {
  if (place === undefined) return 'none';
  return createHash('sha256').update(JSON.stringify(place)).digest('hex').slice(0, 16);
}

/** What `box.toml` says; `undefined` for what is no such file. */
export function readBefore(text: string | undefined): Before | undefined {
  if (text === undefined) return undefined;
  try {
    parse(text);
    return {
      values: readLeniently(BoxConfig, text).values,
      place: /^# Place: (\w+)$/m.exec(text)?.[1] ?? 'none',
    };
  } catch {
    return undefined;
  }
}
