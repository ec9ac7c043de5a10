import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../../../src/protocol/error-codes.ts';
import { de as appGerman } from '../../../../src/web/app/text/app.de.ts';
import { en as appEnglish } from '../../../../src/web/app/text/app.en.ts';
import { consoleText } from '../../../../src/web/shared/text/console.ts';
import { sharedText } from '../../../../src/web/shared/text/shared.ts';
import { textFaults } from '../../text-faults.ts';

describe('text', () => {
  it.each([
    ['shared', sharedText],
    ['console', consoleText],
    ['app', { en: appEnglish, de: appGerman }],
  ])('of %s is whole in both languages', (_name, text) => {
    expect(textFaults(text)).toEqual([]);
  });
});

describe('text of refusals', () => {
  it('is there for every code that the box can answer a person with', () => {
    // What only programs are told: zone and announcement calls, token endpoint, certificates, clients and app instances.
    const machines =
      /^(client-|copied-|zone-|invalid-|unsupported-|method-|body-too-slow|address-|tunnel-address|challenge-|too-many-|origin-|message-|record-|csr-|otp-|signature-refused|signature-stale|mailbox-|body-refused|not-linked|sign-in-refused|not-signed-in|approval-expired|agent-only|other-user|destination-|device-ca-)/;
    const missing = Object.keys(errorCodes).filter(
      (code) =>
        !machines.test(code) &&
        code !== 'password-refused' &&
        !Object.hasOwn(sharedText.en.problems, code) &&
        !Object.hasOwn(appEnglish.problems, code),
    );
    expect(missing).toEqual([]);
  });
});

describe('pages', () => {
  it('have no text of their own: all of it stands in the text files', () => {
    const folder = join(import.meta.dirname, '../../../../src/web');
    const found = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.tsx'))
      .flatMap((name) => {
        const source = readFileSync(join(folder, name), 'utf8');
        const between = [...source.matchAll(/>\s*([A-ZÄÖÜ][a-zäöüß]+ [^<>{}=;]*[a-z.!?])\s*</g)];
        const given = [...source.matchAll(/\b(?:label|title|hint|alt|placeholder|aria-label)="([^"]+)"/g)];
        return [...between, ...given].map((match) => `${name}: ${match[1]}`);
      });
    expect(found).toEqual([]);
  });
});
