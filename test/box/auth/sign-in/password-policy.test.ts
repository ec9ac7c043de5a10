import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PasswordHasher } from '../../../../src/box/auth/sign-in/argon2.ts';
import { checkPassword } from '../../../../src/box/auth/sign-in/password-policy.ts';

const about = ['Ada Lovelace', 'Our box'];

describe('a password', () => {
  it.each([
    ['seven green bottles', 'words with spaces'],
    ['ëñœ木木ü☃☃', 'characters of any script'],
    ['🦊🐻🐼🐨🐯🦁🐮🐷', 'eight characters outside the basic plane'],
    ['x'.repeat(100) + 'y'.repeat(100) + 'z'.repeat(56), '256 characters'],
    ['abcdefgh1jkl', 'no rule about kinds'],
  ])('%s is taken: %s', (password) => {
    expect(() => checkPassword(password, about)).not.toThrow();
  });

  it.each([
    ['short', 'too-short'],
    ['🦊🐻🐼🐨🐯🦁🐮', 'too-short'],
    ['abc'.repeat(86), 'too-long'],
    // One character that NFKC makes eighteen.
    ['ﷺ'.repeat(15), 'too-long'],
    ['12345678', 'common'],
    ['Password', 'common'],
    ['password2024!', 'common'],
    ['ｐａｓｓｗｏｒｄ', 'common'],
    ['aaaaaaaaab', 'repeated'],
    ['ada lovelace', 'own-name'],
    ['AdaLovelace1', 'own-name'],
    ['Our  box 2030!', 'own-name'],
  ])('%s is refused: %s', (password, reason) => {
    expect(() => checkPassword(password, about)).toThrow(
      expect.objectContaining({ code: 'password-refused', details: { reason } }),
    );
  });

  it('is never said in the refusal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 4 }), (password) => {
        const refusal = ((): string => {
          try {
            checkPassword(`${password}#`, about);
            return '';
          } catch (error) {
            return String(error);
          }
        })();
        expect(refusal).not.toContain(`${password}#`);
      }),
    );
  });
});

describe('the hasher', () => {
  it('tells the right password from others, whatever keyboard it was typed on', async () => {
    const hasher = new PasswordHasher();
    const stored = await hasher.hash('Ångström and Ｆriends');
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(await hasher.verify('A\u030Angstro\u0308m and Friends', stored)).toBe(true);
    expect(await hasher.verify('angström and friends', stored)).toBe(false);
    expect(await hasher.verify('anything at all', undefined)).toBe(false);
  });

  it('computes two at once, lets some wait, and sends the rest away', async () => {
    const hasher = new PasswordHasher({ lineLength: 2 });
    const all = await Promise.allSettled(Array.from({ length: 6 }, () => hasher.hash('seven green bottles')));
    const refused = all.filter((each) => each.status === 'rejected').map(({ reason }) => reason as unknown);
    expect(refused).toEqual([
      expect.objectContaining({ code: 'rate-limited', status: 429, retryAfterSeconds: 3 }),
      expect.objectContaining({ code: 'rate-limited' }),
    ]);
    // The line is empty again.
    await expect(hasher.hash('seven green bottles')).resolves.toContain('$argon2id$');
  });
});
