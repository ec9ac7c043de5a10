import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../kit/runtime/errors.ts';
import { readIfThere } from '../../kit/store/files.ts';
import { zoneMeant } from './as-meant.ts';
import { type Before, boxSettings, boxToml, placeHash, readBefore, sourceOf } from './box-settings.ts';
import { strangeNames } from './card-names.ts';
import { type CardValues, readCardSettings } from './card-settings.ts';
import { namesIn, readCardText } from './card-text.ts';
import { linkOnData, writeToData } from './data-folder.ts';
import {
  assessed,
  type Group,
  groupOf,
  groups,
  type Standing,
  standingsOfNothing,
  standingsOfUnreadable,
} from './groups.ts';
import { contentOf, namedFiles } from './named-files.ts';
import type { CardPaths } from './paths.ts';
import { tell } from './problems.ts';
import { handOnRequest } from './requests.ts';
import { restoredPlace } from './restored-place.ts';
import { authorizedKeys, wifiConfig } from './system-files.ts';

const settingsMost = 65_536;

/**
 * Takes over what a person put on the card: settings, and a request for the daemon. What is wrong is answered, and said in
 * `porchlight-problems.txt` beside it; everything else is in use. Settings that belong together are taken together: where
 * one is wrong, what was taken over before stays, and so it does where the file is missing or damaged. Throws
 * `storage-failed` when data cannot be written.
 */
export async function applyCard(paths: CardPaths): Promise<string[]> {
  const file = await settingsOnCard(paths);
  const faults = file.faults.map((fault) => `porchlight.toml: ${fault}`);
  faults.push(...(await takeOver(paths, file)).map((fault) => `porchlight.toml: ${fault}`));
  faults.push(...((await spared(faults, () => handOnRequest(paths))) ?? []));
  faults.push(...((await spared(faults, () => strangers(paths, file.said))) ?? []));
  await tell(paths, faults);
  return faults;
}

/** What cannot be read is said, and costs nothing else. */
async function spared<T>(faults: string[], action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    faults.push(messageOf(error));
    return undefined;
  }
}

async function strangers(paths: CardPaths, said: CardValues): Promise<string[]> {
  const besides = [...said].filter(([key]) => key.endsWith('.ca-file')).map(([, name]) => String(name));
  return strangeNames(await namesIn(paths.card), paths, new Set(besides));
}

interface SettingsFile {
  said: CardValues;
  standings: Map<Group, Standing>;
  faults: readonly string[];
  absent: boolean;
}

async function settingsOnCard(paths: CardPaths): Promise<SettingsFile> {
  const nothing = { said: new Map<string, unknown>(), faults: [], absent: false };
  let text: string | undefined;
  try {
    text = await readCardText(paths.settings, settingsMost);
    if (text === undefined) return { ...nothing, standings: standingsOfNothing(), absent: true };
    const read = readCardSettings(text);
    const { faults, standings } = assessed(read);
    return { said: read.values, standings, faults: faults.map(({ message }) => message), absent: false };
  } catch (error) {
    const words = messageOf(error).replace(/^porchlight\.toml /, 'the file ');
    return { ...nothing, standings: standingsOfUnreadable(text), faults: [words] };
  }
}

/** `standings` is corrected where a file that a setting names cannot be taken. */
async function takeOver(paths: CardPaths, { said, standings, absent }: SettingsFile): Promise<string[]> {
  const place = await restoredPlace(paths);
  const before = await appliedBefore(paths);
  if (absent && (place === undefined || before?.place === placeHash(place))) return [];
  const pems = new Map<string, string>();
  const faults: string[] = [];
  for (const { key } of namedFiles(paths)) {
    try {
      const content = await contentOf(paths, key, said.get(key));
      if (content !== undefined) pems.set(key, content);
    } catch (error) {
      faults.push(messageOf(error));
      standings.set(groupOf(key), 'wrong');
    }
  }
  const sources = new Map(
    groups.map((group) => [group, sourceOf(group, standings.get(group), { said, before, place })]),
  );
  const files = new Map<string, string>();
  for (const { key, boxKey, target, ofPlace, mode } of namedFiles(paths)) {
    const source = sources.get(groupOf(key));
    if (source !== 'before') {
      const content = source === 'card' ? pems.get(key) : source === 'place' ? ofPlace(place) : undefined;
      await writeToData(target, content, mode);
      if (content !== undefined) files.set(boxKey, target);
    } else if (before?.values.has(boxKey) === true) files.set(boxKey, target);
  }
  await writeToData(paths.boxToml, boxToml(boxSettings({ said, before, place, sources, files }), place));
  return [...faults, ...(await takeOverSystem(paths, said, standings))];
}

/** What is not the box's: a group that is not said stays as it is on data. */
async function takeOverSystem(
  paths: CardPaths,
  said: CardValues,
  standings: ReadonlyMap<Group, Standing>,
): Promise<string[]> {
  const faults: string[] = [];
  const isSaid = (group: Group): boolean => standings.get(group) === 'said';
  if (isSaid('ssh.keys')) {
    const wanted = (said.get('ssh.keys') as string[] | undefined) ?? [];
    const keys = authorizedKeys(wanted);
    faults.push(...keys.faults);
    if (wanted.length === 0 || keys.text !== '') await writeToData(paths.authorizedKeys, keys.text);
  }
  if (isSaid('wifi')) await writeToData(paths.wifi, wifiConfig(said), 0o600);
  if (isSaid('timezone')) {
    const wanted = said.get('timezone');
    const meant = await zoneMeant(paths.zoneinfo, typeof wanted === 'string' ? wanted : 'UTC');
    if ('zone' in meant) await linkOnData(paths.localtime, join(paths.zoneinfo, meant.zone));
    else faults.push(meant.fault);
  }
  return faults;
}

/** A box that has run without a file has taken the defaults over. */
async function appliedBefore(paths: CardPaths): Promise<Before | undefined> {
  const before = readBefore(await readIfThere(paths.boxToml));
  if (before !== undefined || !existsSync(paths.identity)) return before;
  return { values: new Map(), place: placeHash(undefined) };
}
