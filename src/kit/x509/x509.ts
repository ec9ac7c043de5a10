import { createPrivateKey, createPublicKey, generateKeyPair, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';
import forge from 'node-forge';

const generate = promisify(generateKeyPair);

/** An RSA private key as PKCS#8 PEM, made by Node's own crypto. */
export async function rsaKeyPem(bits: number): Promise<string> {
  const { privateKey } = await generate('rsa', { modulusLength: bits });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

export interface CertificateRequest {
  commonName: string;
  /** DNS names and IP addresses for subjectAltName. */
  names?: readonly string[];
  ca?: boolean;
  /** Of a CA: how many CAs may stand below it (RFC 5280, 4.2.1.9); absent: any number. */
  pathLength?: number;
  usage?: readonly ('serverAuth' | 'clientAuth')[];
  notBefore: Date;
  notAfter: Date;
  /** RSA, PEM: the private key, or where there is an `issuer` the public one. node-forge knows no other kind. */
  subjectKeyPem: string;
  issuer?: { certPem: string; keyPem: string };
}

const isIp = (name: string): boolean => /^[\d.]+$|:/.test(name);

/** Signs an X.509 v3 certificate (RFC 5280) with SHA-256; self-signed when there is no `issuer`. PEM. */
export function signCertificate(request: CertificateRequest): string {
  const certificate = forge.pki.createCertificate();
  const publicKey = createPublicKey(request.subjectKeyPem).export({ type: 'spki', format: 'pem' }).toString();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  // 16 random bytes, positive and without a leading zero (RFC 5280, 4.1.2.2).
  certificate.serialNumber = `4${randomBytes(16).toString('hex').slice(1)}`;
  certificate.validity.notBefore = request.notBefore;
  certificate.validity.notAfter = request.notAfter;
  const subject = [
    { name: 'commonName', value: request.commonName, valueTagClass: forge.asn1.Type.UTF8 as never },
  ];
  const issuer =
    request.issuer === undefined ? undefined : forge.pki.certificateFromPem(request.issuer.certPem);
  certificate.setSubject(subject);
  certificate.setIssuer(issuer === undefined ? subject : subjectOf(issuer));
  const ca = request.ca ?? false;
  const usage = Object.fromEntries((request.usage ?? []).map((purpose) => [purpose, true]));
  const altNames = (request.names ?? []).map((name) =>
    isIp(name) ? { type: 7, ip: name } : { type: 2, value: name },
  );
  certificate.setExtensions([
    {
      name: 'basicConstraints',
      critical: true,
      cA: ca,
      ...(request.pathLength === undefined ? {} : { pathLenConstraint: request.pathLength }),
    },
    {
      name: 'keyUsage',
      critical: true,
      digitalSignature: true,
      keyEncipherment: !ca,
      keyCertSign: ca,
      cRLSign: ca,
    },
    ...(Object.keys(usage).length > 0 ? [{ name: 'extKeyUsage', ...usage }] : []),
    ...(altNames.length > 0 ? [{ name: 'subjectAltName', altNames }] : []),
    { name: 'subjectKeyIdentifier' },
    ...(issuer === undefined
      ? []
      : [{ name: 'authorityKeyIdentifier', keyIdentifier: keyIdentifierOf(issuer) }]),
  ]);
  const key = signer(certificate, request.issuer?.keyPem ?? request.subjectKeyPem);
  certificate.sign(key, forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
}

/** The subject in the form that node-forge writes; what it reads has UTF-8 as raw bytes, and would have it encoded twice. */
export function subjectOf(certificate: forge.pki.Certificate): forge.pki.CertificateField[] {
  return certificate.subject.attributes.map((attribute) =>
    (attribute.valueTagClass as number | undefined) === forge.asn1.Type.UTF8
      ? { ...attribute, value: forge.util.decodeUtf8(String(attribute.value)) }
      : attribute,
  );
}

/** Method 1 of RFC 5280, 4.2.1.2, which `subjectKeyIdentifier` is made by: raw bytes, as node-forge has them. */
export function keyIdentifierOf(certificate: forge.pki.Certificate): string {
  return certificate.generateSubjectKeyIdentifier().getBytes();
}

/**
 * What node-forge calls to sign what it has put together. Its own arithmetic would take most of a second on a small board,
 * in which nothing else runs.
 */
function signer(certificate: forge.pki.Certificate, keyPem: string): forge.pki.rsa.PrivateKey {
  const toBeSigned = (): Buffer =>
    Buffer.from(forge.asn1.toDer(certificate.tbsCertificate).getBytes(), 'binary');
  const key = { sign: () => sign('sha256', toBeSigned(), createPrivateKey(keyPem)).toString('binary') };
  return key as unknown as forge.pki.rsa.PrivateKey;
}
