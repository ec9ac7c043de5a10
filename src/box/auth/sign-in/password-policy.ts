import { readFileSync } from 'node:fs';
import { Problem } from '../../../kit/runtime/errors.ts';
import { accessLimits, type PasswordRefusal } from '../../../protocol/access-api.ts';
import { normalPassword } from './argon2.ts';

const common = new Set(
  readFileSync(new URL('common-passwords.txt', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#')),
);

/**
 * NIST SP 800-63B, 5.1.1.2: length and a list of what everybody tries first; no rules about kinds of characters.
 * `about` are words an attacker knows: the person's name and the box's. Throws `password-refused`, with the reason.
 */
export function checkPassword(password: string, about: readonly string[]): void {
  const { passwordMin, passwordMax } = accessLimits;
  const normal = normalPassword(password);
  // A character is a code point there, whatever it is made of.
  const length = Array.from(normal).length;
  if (length < passwordMin)
    throw refused('too-short', `is too short: use at least ${passwordMin} characters`);
  if (length > passwordMax) throw refused('too-long', `is too long: use at most ${passwordMax} characters`);
  const folded = normal.toLowerCase();
  if (new Set(folded).size < 3) throw refused('repeated', 'repeats one or two characters; use another one');
  if (common.has(folded) || common.has(withoutTail(folded)))
    throw refused('common', 'is one that everybody tries first; use another one, a few words for example');
  const words = about.map((word) => normalPassword(word).toLowerCase().replaceAll(/\s/g, ''));
  const bare = folded.replaceAll(/\s/g, '');
  if (words.some((word) => word !== '' && (bare === word || withoutTail(bare) === word)))
    throw refused('own-name', 'is the name of the person or the box; use another one');
}

/** `password123!` is no better than `password`. */
function withoutTail(folded: string): string {
  return folded.replace(/[\d!?.#$*]+$/, '');
}

function refused(reason: PasswordRefusal, why: string): Problem {
  return new Problem('password-refused', `this password ${why}`, { status: 422, details: { reason } });
}
