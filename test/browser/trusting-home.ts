import { execFileSync } from '../support/programs.ts';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes `folder` the home folder of a person whose browser trusts these CAs (PEM, one or more), besides those it came
 * with: a database of NSS, where Chromium on Linux looks for what its user trusts.
 */
export function trust(folder: string, cas: string): void {
  const database = join(folder, '.pki/nssdb');
  mkdirSync(database, { recursive: true });
  const certutil = (...args: string[]): Buffer =>
    execFileSync('certutil', ['-d', `sql:${database}`, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  certutil('-N', '--empty-password');
  const certificates = cas.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n?/g) ?? [];
  for (const [index, pem] of certificates.entries()) {
    const path = join(folder, `ca-${index}.pem`);
    writeFileSync(path, pem);
    certutil('-A', '-t', 'C,,', '-n', `porchlight ${index}`, '-i', path);
  }
}
