import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Value } from 'typebox/value';
import { readLeniently } from '../../kit/config.ts';
import { messageOf } from '../../kit/errors.ts';
import { Place } from '../backup/contents.ts';
import { BoxConfig } from '../config.ts';
import { readPlainFile, removeFromCard, withWritableCard, writeToCard } from './card-folder.ts';
import { type CardValues, readCardSettings } from './card-settings.ts';
import { linkOnData, writeToData } from './data-folder.ts';
import type { CardPaths } from './paths.ts';
import { handOnRequest } from './requests.ts';
import { authorizedKeys, boxToml, ssidMost, wifiConfig } from './system-files.ts';

const settingsMost = 65_536;
const pemMost = 100_000;

/**
 * Takes over what a person put on the card: settings, and a request for the daemon. What is wrong is answered, and said in
 * `porchlight-problems.txt` beside it; everything else is in use. Without `porchlight.toml`, or with one that cannot be
 * read, what was taken over before stays. Throws `storage-failed` when data cannot be written.
 */
export async function applyCard(paths: CardPaths): Promise<string[]> {
  const faults: string[] = [];
  const place = await restoredPlace(paths);
  const bytes = await spared(faults, () => readPlainFile(paths.settings, settingsMost));
  const read = bytes === undefined ? undefined : readCardSettings(bytes);
  faults.push(...(read?.faults.map((fault) => `porchlight.toml: ${fault}`) ?? []));
  if (read?.values !== undefined) {
    faults.push(...(await takeOver(paths, read.values, place)));
  } else if (place !== undefined && !existsSync(paths.boxToml)) {
    await takeOver(paths, new Map(), place);
  }
  faults.push(...((await spared(faults, () => handOnRequest(paths))) ?? []));
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

async function takeOver(paths: CardPaths, values: CardValues, place: Place | undefined): Promise<string[]> {
  const faults: string[] = [];
  const ca = async (key: string, target: string, below: string | undefined): Promise<string | undefined> => {
    const pem = (await spared(faults, () => pemOnCard(paths, values.get(key)))) ?? below;
    await writeToData(target, pem);
    return pem === undefined ? undefined : target;
  };
  const cas = {
    cloud: await ca('cloud.ca-file', paths.cloudCa, place?.cloudCa),
    acme: await ca('acme.ca-file', paths.acmeCa, place?.acmeCa),
  };
  await writeToData(paths.boxToml, boxToml(values, place, cas));

  const keys = authorizedKeys((values.get('ssh.keys') as string[] | undefined) ?? []);
  faults.push(...keys.faults);
  await writeToData(paths.authorizedKeys, keys.text);
  const ssid = values.get('wifi.ssid');
  if (typeof ssid === 'string' && Buffer.byteLength(ssid) > ssidMost)
    faults.push('wifi.ssid is longer than 32 bytes, which no network has as its name');
  await writeToData(paths.wifi, wifiConfig(values), 0o600);
  const wanted = values.get('timezone');
  const zone = typeof wanted === 'string' ? wanted : 'UTC';
  if (existsSync(join(paths.zoneinfo, zone))) await linkOnData(paths.localtime, join(paths.zoneinfo, zone));
  else faults.push(`timezone: there is no ${zone}`);
  return faults.map((fault) => `porchlight.toml: ${fault}`);
}

async function pemOnCard(paths: CardPaths, name: unknown): Promise<string | undefined> {
  if (typeof name !== 'string') return undefined;
  const pem = (await readPlainFile(join(paths.card, name), pemMost))?.toString();
  if (pem === undefined) throw new Error(`${name} is not on the card`);
  if (!isCertificate(pem)) throw new Error(`${name} holds no certificate in PEM form`);
  return pem;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** Of a restored box. The daemon wrote it: what would keep a box from starting is not believed. */
async function restoredPlace(paths: CardPaths): Promise<Place | undefined> {
  try {
    const bytes = await readPlainFile(paths.restoredPlace, 3 * pemMost);
    if (bytes === undefined) return undefined;
    const place = Value.Parse(Place, JSON.parse(bytes.toString()));
    const { faults } = readLeniently(BoxConfig, boxToml(new Map(), place, {}));
    const pems = [place.cloudCa, place.acmeCa].filter((pem) => pem !== undefined);
    return faults.length === 0 && pems.every(isCertificate) ? place : undefined;
  } catch {
    return undefined;
  }
}

/** Writes only what is not said there already. */
async function tell(paths: CardPaths, faults: readonly string[]): Promise<void> {
  const said = (await readPlainFile(paths.problems, settingsMost).catch(() => undefined))?.toString();
  const text = faults.length === 0 ? undefined : problemsText(faults);
  if (said === text) return;
  await withWritableCard(paths.card, () =>
    text === undefined ? removeFromCard(paths.problems) : writeToCard(paths.problems, text),
  );
}

function problemsText(faults: readonly string[]): string {
  return `What the box found wrong on this card
=====================================

${faults.map((fault) => `- ${fault}`).join('\n')}

Everything else is in use. Correct it on any computer, put the card back, and
plug the box in. This file goes when all is well.
`;
}
