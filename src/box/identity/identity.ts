import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../kit/runtime/clock.ts';
import { moveTo, privateFolder, readIfThere, writeAtomic } from '../../kit/store/files.ts';
import { Markers } from '../../kit/store/markers.ts';
import { rsaKeyPem, signCertificate } from '../../kit/x509/x509.ts';
import type { Identity } from '../facts.ts';
import { damaged, identityFrom } from './identity-check.ts';

/** The identity outlives everything; RFC 5280, 4.1.2.5 has this date for *no well-defined end*. */
const noEnd = new Date('9999-12-31T23:59:59Z');

/**
 * The box's identity from `<stateFolder>/identity`, made on the very first start. Key and certificate appear together,
 * by one rename of their folder: a power cut leaves none or both, so a folder with one of them is damage, not a beginning.
 * Throws `identity-damaged`, `storage-failed`.
 */
export async function loadIdentity(options: { stateFolder: string; clock: Clock }): Promise<Identity> {
  const { stateFolder, clock } = options;
  const identity = (await readIdentity(stateFolder)) ?? (await createIdentity(folderIn(stateFolder), clock));
  new Markers(stateFolder).note(marker, identity.boxId);
  return identity;
}

/**
 * The identity that is there, `undefined` before the first start. A folder that is missing although the box has had a name,
 * or has people, is damage. Throws `identity-damaged`.
 */
export async function readIdentity(stateFolder: string): Promise<Identity | undefined> {
  const folder = folderIn(stateFolder);
  const known = new Markers(stateFolder);
  const names = ['certificate.pem', 'key.pem'] as const;
  const [certPem, keyPem] = await Promise.all(names.map((name) => readIfThere(join(folder, name))));
  if (certPem !== undefined && keyPem !== undefined) {
    const identity = identityFrom(certPem, keyPem, folder);
    const before = known.read(marker);
    if (before === undefined || before === identity.boxId) return identity;
    throw damaged(`it is the one of ${identity.boxId}, and this state belongs to ${before}`, folder);
  }
  if (certPem !== undefined) throw damaged('key.pem is missing', folder);
  if (keyPem !== undefined) throw damaged('certificate.pem is missing', folder);
  if (existsSync(folder)) throw damaged('key.pem and certificate.pem are missing', folder);
  if (known.has(marker) || existsSync(join(stateFolder, 'access', 'access.sqlite')))
    throw damaged(`${folder} is missing`, folder);
  return undefined;
}

/** What the box is called, apart from its identity. */
const marker = 'identity';

const folderIn = (stateFolder: string): string => join(stateFolder, 'identity');

async function createIdentity(folder: string, clock: Clock): Promise<Identity> {
  const keyPem = await rsaKeyPem(2048);
  // A box has no right clock on first boot; a certificate that begins long ago is valid whatever it believes.
  const notBefore = new Date(Math.min(clock.now(), Date.UTC(2020, 0, 1)));
  const certPem = signCertificate({
    commonName: 'Porchlight box',
    usage: ['clientAuth', 'serverAuth'],
    notBefore,
    notAfter: noEnd,
    subjectKeyPem: keyPem,
  });
  const identity = identityFrom(certPem, keyPem, folder);
  const making = `${folder}.making`;
  await rm(making, { recursive: true, force: true });
  await privateFolder(making);
  await writeAtomic(join(making, 'key.pem'), keyPem);
  await writeAtomic(join(making, 'certificate.pem'), certPem);
  await moveTo(making, folder);
  return identity;
}
