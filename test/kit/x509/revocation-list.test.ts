import { execFile } from '../../support/programs.ts';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { signRevocationList } from '../../../src/kit/x509/revocation-list.ts';
import { rsaKeyPem, signCertificate } from '../../../src/kit/x509/x509.ts';
import { temporaryFolder } from '../../support/folder.ts';

const run = promisify(execFile);
const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);
const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
let issuer: { certPem: string; keyPem: string };
let leafPem: string;

beforeAll(async () => {
  const keyPem = await rsaKeyPem(2048);
  const certPem = signCertificate({ ...validity, commonName: 'Geräte', ca: true, subjectKeyPem: keyPem });
  issuer = { certPem, keyPem };
  const subjectKeyPem = createPublicKey(keyPem).export({ type: 'spki', format: 'pem' }).toString();
  leafPem = signCertificate({ ...validity, commonName: 'leaf', subjectKeyPem, issuer });
  await writeFile(path('ca.pem'), certPem);
  await writeFile(path('leaf.pem'), leafPem);
});

/** What OpenSSL says of the leaf, with the list in hand. */
async function verified(serials: readonly string[], notAfter = validity.notAfter): Promise<string> {
  const list = signRevocationList({
    issuer,
    revoked: serials.map((serial) => ({ serial, at: new Date('2026-01-02T03:04:05Z') })),
    number: Date.now(),
    thisUpdate: validity.notBefore,
    nextUpdate: notAfter,
  });
  await writeFile(path('list.der'), list);
  await run('openssl', ['crl', '-inform', 'der', '-in', path('list.der'), '-out', path('list.pem')]);
  const args = ['verify', '-crl_check', '-CRLfile', path('list.pem'), '-CAfile', path('ca.pem')];
  return run('openssl', [...args, path('leaf.pem')]).then(
    ({ stdout }) => stdout,
    (error: { stderr: string }) => error.stderr,
  );
}

describe('a list of revoked certificates', () => {
  it('is taken by OpenSSL, and lets through who is not on it', async () => {
    expect(await verified([])).toContain('OK');
    // With the highest bit set, and one digit short of whole bytes.
    expect(await verified([`F${'0'.repeat(31)}`, '1', 'abc'])).toContain('OK');
  });

  it('keeps out who is on it', async () => {
    const { serialNumber } = new X509Certificate(leafPem);
    expect(await verified(['1', serialNumber])).toContain('certificate revoked');
  });

  it('says how long it is good, also beyond 2049', async () => {
    expect(await verified([], new Date('2051-02-03T04:05:06Z'))).toContain('OK');
    const { stdout } = await run('openssl', ['crl', '-in', path('list.pem'), '-noout', '-nextupdate']);
    expect(stdout).toContain('Feb  3 04:05:06 2051');
    expect(await verified([], new Date(Date.now() - 1000))).toContain('CRL has expired');
  });
});
