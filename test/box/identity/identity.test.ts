import { spawn } from '../../support/programs.ts';
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadIdentity, readIdentity } from '../../../src/box/identity/identity.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { isBoxId } from '../../../src/protocol/names.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';

const root = temporaryFolder();
let count = 0;

function newFolder(): string {
  const folder = join(root, String(++count));
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

const load = (stateFolder: string): ReturnType<typeof loadIdentity> =>
  loadIdentity({ stateFolder, clock: systemClock });

describe('the identity', () => {
  it('is made once, and is the same ever after', async () => {
    const folder = newFolder();
    expect(await readIdentity(folder)).toBeUndefined();
    const first = await load(folder);
    expect(await load(folder)).toEqual(first);
    expect(await readIdentity(folder)).toEqual(first);
    expect(await load(newFolder())).not.toMatchObject({ boxId: first.boxId });
  });

  it('is a self-signed RSA certificate whose SHA-256 is the box id', async () => {
    const { boxId, certPem, keyPem, fingerprint } = await load(newFolder());
    const certificate = new X509Certificate(certPem);
    expect(isBoxId(boxId)).toBe(true);
    expect(fingerprint).toBe(createHash('sha256').update(certificate.raw).digest('hex'));
    expect(certificate.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(fingerprint);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyType).toBe('rsa');
    expect(certificate.ca).toBe(false);
    expect(keyPem).toContain('BEGIN PRIVATE KEY');
  });

  it('is valid whatever the clock of a first boot says', async () => {
    const { certPem } = await loadIdentity({
      stateFolder: newFolder(),
      clock: new FakeClock(Date.UTC(1970, 0, 1)),
    });
    const certificate = new X509Certificate(certPem);
    expect(certificate.validFromDate.getTime()).toBeLessThanOrEqual(0);
    expect(certificate.validTo).toContain('9999');
    const later = await loadIdentity({
      stateFolder: newFolder(),
      clock: new FakeClock(Date.UTC(2040, 0, 1)),
    });
    expect(new X509Certificate(later.certPem).validFromDate.getUTCFullYear()).toBe(2020);
  });

  it('lies in files of mode 0600 in a folder of mode 0700', async () => {
    const folder = newFolder();
    await load(folder);
    const mode = (path: string): number => statSync(join(folder, path)).mode & 0o777;
    expect(mode('identity')).toBe(0o700);
    expect(mode('identity/key.pem')).toBe(0o600);
    expect(mode('identity/certificate.pem')).toBe(0o600);
    expect(readdirSync(join(folder, 'identity')).toSorted()).toEqual(['certificate.pem', 'key.pem']);
  });
});

describe('a damaged identity is an error that says how to restore it, never a new identity', () => {
  const damages: [string, (folder: string, other: string) => void][] = [
    ['the key is missing', (folder) => rmSync(join(folder, 'key.pem'))],
    ['the certificate is missing', (folder) => rmSync(join(folder, 'certificate.pem'))],
    [
      'both are missing',
      (folder) => ['key.pem', 'certificate.pem'].forEach((name) => rmSync(join(folder, name))),
    ],
    ['the key is empty', (folder) => writeFileSync(join(folder, 'key.pem'), '')],
    ['the certificate is cut short', (folder) => cutShort(join(folder, 'certificate.pem'))],
    ['the key is cut short', (folder) => cutShort(join(folder, 'key.pem'))],
    [
      'the key is another’s',
      (folder, other) => writeFileSync(join(folder, 'key.pem'), readFileSync(join(other, 'key.pem'))),
    ],
  ];

  it.each(damages)('%s', async (_what, damage) => {
    const [folder, other] = [newFolder(), newFolder()];
    await Promise.all([load(folder), load(other)]);
    damage(join(folder, 'identity'), join(other, 'identity'));
    const before = readdirSync(join(folder, 'identity'));
    await expect(load(folder)).rejects.toMatchObject({
      code: 'identity-damaged',
      retryable: false,
      message: expect.stringMatching(/Restore .*identity from a backup/) as string,
    });
    expect(readdirSync(join(folder, 'identity'))).toEqual(before);
  });
});

function cutShort(path: string): void {
  writeFileSync(path, readFileSync(path).subarray(0, 300));
}

describe('making it', () => {
  it('leaves none or a whole one when killed at any instant', async () => {
    const code = `
      import { loadIdentity } from ${JSON.stringify(join(import.meta.dirname, '../../../src/box/identity/identity.ts'))};
      import { systemClock } from ${JSON.stringify(join(import.meta.dirname, '../../../src/kit/runtime/clock.ts'))};
      process.stdout.write('.');
      await loadIdentity({ stateFolder: process.argv[1], clock: systemClock });
    `;
    let none = 0;
    for (let delay = 0; delay < 160; delay += 20) {
      const folder = newFolder();
      const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', code, folder]);
      await new Promise((resolve) => child.stdout.once('data', resolve));
      setTimeout(() => child.kill('SIGKILL'), delay);
      await new Promise((resolve) => child.once('exit', resolve));
      if (!existsSync(join(folder, 'identity'))) none++;
      expect((await load(folder)).boxId).toSatisfy(isBoxId);
    }
    // The first kill comes long before a key can be made.
    expect(none).toBeGreaterThan(0);
  });

  it('says that the place of the folder is taken by a file', async () => {
    const folder = newFolder();
    const state = join(folder, 'file');
    writeFileSync(state, '');
    await expect(load(state)).rejects.toMatchObject({ message: expect.stringContaining(state) as string });
  });
});
