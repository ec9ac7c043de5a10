import { execFile } from '../../../support/programs.ts';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import forge from 'node-forge';
import { beforeAll, describe, expect, it } from 'vitest';
import { readSigningRequest } from '../../../../src/box/auth/enrolment/csr.ts';
import { codeOf } from '../../../../src/kit/runtime/errors.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { type Key, newKey, requestFor } from './flow.ts';

const run = promisify(execFile);
const folder = temporaryFolder();
let key: Key;
let good: string;

beforeAll(async () => {
  key = await newKey();
  good = requestFor(key.keyPem, 'com.example.app');
  writeFileSync(join(folder, 'key.pem'), key.keyPem);
});

/** By OpenSSL, with the key of this file unless `args` make another. */
async function byOpenSsl(subject: string, ...args: string[]): Promise<string> {
  const own = args.includes('-newkey')
    ? ['-nodes', '-keyout', '/dev/null']
    : ['-key', join(folder, 'key.pem')];
  const out = join(folder, 'request.pem');
  await run('openssl', ['req', '-new', '-utf8', '-subj', subject, '-out', out, ...own, ...args]);
  return readFileSync(out, 'utf8');
}

/** A request in which the parts are as `change` makes them, signed by the key of this file. */
function changed(
  change: (csr: forge.pki.CertificateSigningRequest) => void,
  md = forge.md.sha256.create(),
): string {
  const csr = forge.pki.createCertificationRequest();
  const privateKey = forge.pki.privateKeyFromPem(key.keyPem);
  csr.publicKey = forge.pki.setRsaPublicKey(privateKey.n, privateKey.e);
  csr.setSubject([{ name: 'commonName', value: 'device' }]);
  change(csr);
  csr.sign(privateKey, md);
  return forge.pki.certificationRequestToPem(csr);
}

const named = (...names: { value: string; tag?: forge.asn1.Type }[]): string =>
  changed((csr) =>
    csr.setSubject(
      names.map(({ value, tag = forge.asn1.Type.UTF8 }) => ({
        name: 'commonName',
        value,
        valueTagClass: tag as never,
      })),
    ),
  );

describe('a certificate signing request', () => {
  it('gives its common name and its key', () => {
    const { commonName, publicKeyPem, keyFingerprint } = readSigningRequest(good);
    expect(commonName).toBe('com.example.app');
    expect(publicKeyPem).toBe(key.publicKey.export({ type: 'spki', format: 'pem' }));
    const der = key.publicKey.export({ type: 'spki', format: 'der' });
    expect(keyFingerprint).toBe(createHash('sha256').update(der).digest('base64url'));
  });

  it.each([
    ['by OpenSSL', () => byOpenSsl('/C=US/O=Sonar/CN=Küche'), 'Küche'],
    ['with SHA-384', () => byOpenSsl('/CN=device', '-sha384'), 'device'],
    ['with SHA-512', () => byOpenSsl('/CN=device', '-sha512'), 'device'],
    [
      'with an old header',
      () => good.replaceAll('CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'),
      'com.example.app',
    ],
    [
      'with other line ends and space around it',
      () => `\n ${good.replaceAll('\n', '\r\n')}\n`,
      'com.example.app',
    ],
    [
      'that wants to be a CA',
      () => byOpenSsl('/CN=device', '-addext', 'basicConstraints=critical,CA:TRUE'),
      'device',
    ],
    ['with a name of 64 characters', () => named({ value: 'ü'.repeat(64) }), 'ü'.repeat(64)],
  ])('is taken: %s', async (_, csr, commonName) => {
    expect(readSigningRequest(await csr()).commonName).toBe(commonName);
  });

  it.each([
    [
      'an EC key',
      () => byOpenSsl('/CN=d', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'),
      'not RSA',
    ],
    ['an Ed25519 key', () => byOpenSsl('/CN=d', '-newkey', 'ed25519'), 'not RSA'],
    ['a short key', () => byOpenSsl('/CN=d', '-newkey', 'rsa:1024'), '1024 bits'],
    [
      'another exponent',
      () => byOpenSsl('/CN=d', '-newkey', 'rsa:2048', '-pkeyopt', 'rsa_keygen_pubexp:3'),
      '65537',
    ],
    ['RSA-PSS', () => byOpenSsl('/CN=d', '-sigopt', 'rsa_padding_mode:pss'), 'signed by RSA'],
    [
      'SHA-1',
      () => changed(() => undefined, forge.md.sha1.create() as unknown as forge.md.sha256.MessageDigest),
      'signed by RSA',
    ],
    ['no common name', () => byOpenSsl('/O=Sonar'), 'no common name'],
    ['two common names', () => named({ value: 'a' }, { value: 'b' }), 'more than one common name'],
    ['an empty name', () => named({ value: '' }), 'cannot be read'],
    ['a name with a control character', () => named({ value: 'a\nb' }), 'cannot be read'],
    ['a name written backwards', () => named({ value: 'a\u202eb' }), 'cannot be read'],
    ['a name with space around it', () => named({ value: ' a ' }), 'cannot be read'],
    [
      'a name in another alphabet’s encoding',
      () => named({ value: 'ab', tag: forge.asn1.Type.BMPSTRING }),
      'cannot be read',
    ],
    [
      'bytes that are no UTF-8',
      () => named({ value: '\xff\xfe', tag: forge.asn1.Type.PRINTABLESTRING }),
      'cannot be read',
    ],
    ['a long name', () => named({ value: 'x'.repeat(65) }), 'longer than 64'],
    ['no PEM', () => 'hello', 'PEM'],
    ['two requests', () => good + good, 'PEM'],
    ['a certificate', () => good.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE'), 'PEM'],
    ['something else in PEM', () => pem(Buffer.from('hello')), 'PKCS#10'],
  ])('is refused with %s', async (_, csr, why) => {
    const text = await csr();
    expect(() => readSigningRequest(text)).toThrow(why);
    expect(thrownBy(text)).toBe('csr-refused');
  });

  it('is refused when it is signed by another key', async () => {
    const other = await newKey();
    const mine = forge.pki.certificationRequestFromPem(requestFor(other.keyPem, 'device'));
    mine.publicKey = forge.pki.publicKeyFromPem(
      String(key.publicKey.export({ type: 'spki', format: 'pem' })),
    );
    mine.sign(forge.pki.privateKeyFromPem(other.keyPem), forge.md.sha256.create());
    expect(() => readSigningRequest(forge.pki.certificationRequestToPem(mine))).toThrow('signature');
  });

  it('is refused, or says the same as before, whatever bytes are changed on the way', () => {
    const der = derOf(good);
    const changes = fc.array(fc.tuple(fc.nat(der.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const before = readSigningRequest(good);
    fc.assert(
      fc.property(changes, fc.option(fc.nat(der.length)), (bytes, cut) => {
        const broken = Buffer.from(der);
        for (const [at, value] of bytes) broken[at] = value;
        const text = pem(cut === null ? broken : broken.subarray(0, cut));
        const code = thrownBy(text);
        const taken = code === undefined ? readSigningRequest(text) : undefined;
        expect([before, 'csr-refused']).toContainEqual(taken ?? code);
      }),
      { numRuns: 1000 },
    );
  });

  it('is refused when it is any text', () => {
    const lines = fc.constantFrom(...good.split('\n'), '', ' ', '\n\n', '-----', '-----BEGIN X-----', '=');
    const texts = fc.oneof(
      fc.string(),
      fc.array(lines, { maxLength: 60 }).map((all) => all.join('\n')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(['csr-refused', text.trim() === good.trim() ? undefined : 'csr-refused']).toContain(
          thrownBy(text),
        );
      }),
    );
  });
});

const derOf = (text: string): Buffer => Buffer.from(text.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
const pem = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;

function thrownBy(text: string): string | undefined {
  try {
    readSigningRequest(text);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}
