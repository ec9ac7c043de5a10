import { createHmac } from 'node:crypto';
import type { BoxId } from '../../protocol/names.ts';

/** No vowels, so that no words appear, and nothing that looks like something else (0/o, 1/l, 2/z, 5/s, 8/b). */
const alphabet = '34679cdfghjkmnpqrtvwx';
const codePattern = new RegExp(`^[${alphabet}]{8}$`);

/**
 * What a person types to see one box behind a shared address: `gt4c-9mkx`, the same for a box as long as the server keeps
 * its key. About 35 bits, and guesses are limited: worthless to try.
 */
export function shortCode(key: Uint8Array, boxId: BoxId): string {
  let number = createHmac('sha256', key).update(boxId).digest().readBigUInt64BE();
  const base = BigInt(alphabet.length);
  const characters = Array.from({ length: 8 }, () => {
    const character = alphabet[Number(number % base)];
    number /= base;
    return character;
  }).join('');
  return `${characters.slice(0, 4)}-${characters.slice(4)}`;
}

/** As people type it: any case, with or without the hyphen or spaces. `undefined` when it can be no code. */
export function readShortCode(typed: string): string | undefined {
  const characters = typed.toLowerCase().replaceAll(/[\s-]/g, '');
  if (!codePattern.test(characters)) return undefined;
  return `${characters.slice(0, 4)}-${characters.slice(4)}`;
}
