import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import { rsaKeyPem, signCertificate } from '../../../src/kit/x509/x509.ts';

const validity = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('9999-12-31T23:59:59Z') };
let caKey: string;
let key: string;
beforeAll(async () => {
  [caKey, key] = await Promise.all([rsaKeyPem(2048), rsaKeyPem(2048)]);
});

it('makes RSA keys in PKCS#8', () => {
  expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  expect(createPrivateKey(key).asymmetricKeyDetails?.modulusLength).toBe(2048);
});

it('signs a certificate by itself, valid to the end of time (RFC 5280, 4.1.2.5)', () => {
  const certificate = new X509Certificate(
    signCertificate({ ...validity, commonName: 'box', subjectKeyPem: key }),
  );
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect([certificate.subject, certificate.issuer, certificate.ca]).toEqual(['CN=box', 'CN=box', false]);
  expect(certificate.validToDate).toEqual(validity.notAfter);
  expect(certificate.validFromDate).toEqual(validity.notBefore);
});

it('signs by a CA, for names and addresses and the usage asked for', () => {
  const caPem = signCertificate({ ...validity, commonName: 'ca', ca: true, subjectKeyPem: caKey });
  const ca = new X509Certificate(caPem);
  const certificate = new X509Certificate(
    signCertificate({
      ...validity,
      commonName: 'leaf',
      names: ['*.box.example.org', '127.0.0.1', 'fd00::1'],
      usage: ['serverAuth'],
      subjectKeyPem: key,
      issuer: { certPem: caPem, keyPem: caKey },
    }),
  );
  expect(ca.ca).toBe(true);
  expect(certificate.checkIssued(ca)).toBe(true);
  expect(certificate.verify(ca.publicKey)).toBe(true);
  expect(certificate.checkHost('a.box.example.org')).toBe('*.box.example.org');
  expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(certificate.checkIP('fd00::1')).toBe('fd00::1');
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
});

it('signs for who keeps the private key, below a CA whose name is not ASCII and that has no CA below it', () => {
  const caPem = signCertificate({
    ...validity,
    commonName: 'Geräte',
    ca: true,
    pathLength: 0,
    subjectKeyPem: caKey,
  });
  const publicKey = createPublicKey(key);
  const certificate = new X509Certificate(
    signCertificate({
      ...validity,
      commonName: 'Küche',
      subjectKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      issuer: { certPem: caPem, keyPem: caKey },
    }),
  );
  const ca = new X509Certificate(caPem);
  expect(certificate.checkIssued(ca)).toBe(true);
  expect(certificate.verify(ca.publicKey)).toBe(true);
  expect(certificate.publicKey.equals(publicKey)).toBe(true);
  expect([certificate.subject, certificate.issuer]).toEqual(['CN=Küche', 'CN=Geräte']);
  // BasicConstraints: critical, CA, path length 0 (RFC 5280, 4.2.1.9).
  expect(ca.raw.toString('hex')).toContain('0603551d130101ff040830060101ff020100');
});

it('gives every certificate a positive serial of its own, of at most 20 octets (RFC 5280, 4.1.2.2)', () => {
  const serials = Array.from(
    { length: 5 },
    () =>
      new X509Certificate(signCertificate({ ...validity, commonName: 'x', subjectKeyPem: key })).serialNumber,
  );
  expect(new Set(serials).size).toBe(5);
  for (const serial of serials) expect(serial).toMatch(/^[1-7][0-9A-F]{31}$/);
});
