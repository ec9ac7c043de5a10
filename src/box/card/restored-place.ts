import { Value } from 'typebox/value';
import { readLeniently } from '../../kit/config/config.ts';
import { Place } from '../backup/contents.ts';
import { BoxConfig } from '../config.ts';
import { boxToml, isSomewhere, valuesOfPlace } from './box-settings.ts';
import { readPlainFile } from './card-folder.ts';
import { isCertificate, pemMost } from './named-files.ts';
import type { CardPaths } from './paths.ts';

/** Where a restored box belongs. The daemon wrote it: what would keep a box from starting is not believed. */
export async function restoredPlace(paths: CardPaths): Promise<Place | undefined> {
  try {
    const bytes = await readPlainFile(paths.restoredPlace, 3 * pemMost);
    if (bytes === undefined) return undefined;
    const place = Value.Parse(Place, JSON.parse(bytes.toString()));
    const { faults } = readLeniently(BoxConfig, boxToml(valuesOfPlace(place), place));
    const pems = [place.cloudCa, place.acmeCa].filter((pem) => pem !== undefined);
    return faults.length === 0 && pems.every(isCertificate) && isSomewhere(place) ? place : undefined;
  } catch {
    return undefined;
  }
}
