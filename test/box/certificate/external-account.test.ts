import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BoxConfig } from '../../../src/box/config.ts';
import { externalAccountOf } from '../../../src/box/installation.ts';
import { loadConfig } from '../../../src/kit/config/config.ts';
import { createLog } from '../../../src/kit/log/log.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { createKeeper, createLab, eventually, type Lab, type TestedKeeper } from './lab.ts';

/** RFC 8555, 7.3.4, at a Pebble that takes only accounts that were made elsewhere. */
const folder = temporaryFolder();
const kid = 'lamp-1';
const hmacKey = randomBytes(32).toString('base64url');
let lab: Lab;
beforeAll(async () => (lab = await createLab({ folder, pebble: { externalAccounts: { [kid]: hmacKey } } })));
afterAll(() => lab.close());

const lines: string[] = [];
const log = createLog({ level: 'trace', format: 'json', write: (line) => void lines.push(line) });

function keeperWith(name: string, externalAccount?: { kid: string; hmacKey: string }): TestedKeeper {
  const { directoryUrl } = lab.proxy;
  const acme = { directoryUrl, caPem: lab.ca.caPem, termsAgreed: true, externalAccount };
  return createKeeper(lab, join(folder, name), { log, acme });
}

const remedy = ({ health }: TestedKeeper): string | undefined =>
  health.conditions.value.find(({ name }) => name === 'certificate')?.remedy;

describe('a CA that demands an account made elsewhere', () => {
  it('gives a certificate to who has one, whose key is in no line of the log', async () => {
    const tested = keeperWith('bound', { kid, hmacKey });
    await tested.keeper.start();
    await eventually('a certificate', () => tested.severity() === 'ok');
    await tested.keeper.stop();
    expect(lines.join('')).not.toContain(hmacKey);
  });

  it('refuses who has none, and says where it is to be set', async () => {
    const tested = keeperWith('none');
    await tested.keeper.start();
    await eventually('told', () => tested.message()?.includes('the CA answered') === true);
    await tested.keeper.stop();
    expect(remedy(tested)).toContain('acme.eab-kid');
  });

  it.each([
    ['another key', { kid, hmacKey: randomBytes(32).toString('base64url') }],
    ['another identifier', { kid: 'lamp-2', hmacKey }],
  ])('refuses %s, and says so without the key', async (name, externalAccount) => {
    const tested = keeperWith(name, externalAccount);
    await tested.keeper.start();
    await eventually('told', () => tested.message()?.includes('the CA answered') === true);
    await tested.keeper.stop();
    expect(remedy(tested)).toContain('check acme.eab-kid');
    expect(lines.join('') + String(tested.message())).not.toContain(externalAccount.hmacKey);
  });
});

const from = (...args: string[]): ReturnType<typeof externalAccountOf> =>
  externalAccountOf(loadConfig(BoxConfig, { env: {}, args }).config);

describe('its settings', () => {
  const file = join(folder, 'hmac');

  it('are both or none', async () => {
    writeFileSync(file, ` ${hmacKey}=\r\n`);
    expect(await from()).toBeUndefined();
    expect(await from('--acme.eab-kid', kid, '--acme.eab-hmac-key-file', file)).toEqual({ kid, hmacKey });
    await expect(from('--acme.eab-kid', kid)).rejects.toThrow('belong together');
    await expect(from('--acme.eab-hmac-key-file', file)).rejects.toThrow('belong together');
    await expect(from('--acme.eab-kid', kid, '--acme.eab-hmac-key-file', `${file}.x`)).rejects.toThrow(
      'acme.eab-hmac-key-file cannot be read',
    );
    writeFileSync(file, 'not a key!');
    const wrong = from('--acme.eab-kid', kid, '--acme.eab-hmac-key-file', file);
    await expect(wrong).rejects.toThrow('base64url');
    await expect(wrong).rejects.not.toThrow('not a key!');
  });
});
