import { createHash, randomBytes, randomInt } from 'node:crypto';

/** 32 random bytes: nobody guesses them, so SHA-256 is enough to keep them by. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** How a token, or a code for people in its normal form, is stored. Purposes are kept apart by `kind`. */
export function secretHash(kind: string, secret: string): string {
  return createHash('sha256').update(`${kind}:${secret}`).digest('base64url');
}

/** Digits and capitals without those that look like another: 0 O, 1 I L, U V. 29 characters, 4.86 bits each. */
const alphabet = '23456789ABCDEFGHJKMNPQRSTWXYZ';

/** A code that people copy by hand: `groups` of four characters, `7K4Q-ZB2M`. */
export function newHumanCode(groups: number): string {
  const characters = Array.from({ length: groups * 4 }, () => alphabet[randomInt(alphabet.length)] ?? '');
  return characters.join('').match(/.{4}/g)?.join('-') ?? '';
}

/** What a person typed, in the form that is compared: case, spaces and dashes do not count. */
export function normalHumanCode(typed: string): string {
  return typed.toUpperCase().replaceAll(/[^0-9A-Z]/g, '');
}
