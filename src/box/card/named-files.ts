import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { Problem } from '../../kit/runtime/errors.ts';
import type { Place } from '../backup/contents.ts';
import { readCardText } from './card-text.ts';
import type { CardPaths } from './paths.ts';

/** A setting of the card whose content becomes a file on data, which the box's setting `boxKey` names. */
interface NamedFile {
  key: string;
  boxKey: string;
  target: string;
  mode: number;
  /** What a restored box has of it. */
  ofPlace: (place: Place | undefined) => string | undefined;
}

export const pemMost = 100_000;

export function namedFiles(paths: CardPaths): NamedFile[] {
  const pem = (key: string, target: string, ofPlace: NamedFile['ofPlace']): NamedFile => ({
    key,
    boxKey: key,
    target,
    mode: 0o644,
    ofPlace,
  });
  return [
    pem('cloud.ca-file', paths.cloudCa, (place) => place?.cloudCa),
    pem('acme.ca-file', paths.acmeCa, (place) => place?.acmeCa),
    pem('update.ca-file', paths.updateCa, () => undefined),
    {
      key: 'acme.eab-hmac-key',
      boxKey: 'acme.eab-hmac-key-file',
      target: paths.eabHmacKey,
      mode: 0o640,
      ofPlace: () => undefined,
    },
  ];
}

/** What goes into the file: a PEM file of the card, or the setting itself. Throws for a file that cannot be taken. */
export async function contentOf(paths: CardPaths, key: string, value: unknown): Promise<string | undefined> {
  if (typeof value !== 'string') return undefined;
  if (!key.endsWith('.ca-file')) return `${value}\n`;
  const pem = await readCardText(join(paths.card, value), pemMost);
  if (pem === undefined) throw unusable(`${key}: ${value} is not on the card`);
  if (!isCertificate(pem)) throw unusable(`${key}: ${value} holds no certificate in PEM form`);
  return pem;
}

export function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

const unusable = (message: string): Problem => new Problem('bad-config', message, { retryable: false });
