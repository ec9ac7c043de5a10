import { createPrivateKey, generateKeyPair, randomBytes } from 'node:crypto';
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
  usage?: readonly ('serverAuth' | 'clientAuth')[];
  notBefore: Date;
  notAfter: Date;
  /** PKCS#8 PEM, RSA: node-forge signs with nothing else. */
  subjectKeyPem: string;
  issuer?: { certPem: string; keyPem: string };
}

const isIp = (name: string): boolean => /^[\d.]+$|:/.test(name);

/** Signs an X.509 v3 certificate (RFC 5280) with SHA-256; self-signed when there is no `issuer`. PEM. */
export function signCertificate(request: CertificateRequest): string {
  const key = forgeKey(request.subjectKeyPem);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.setRsaPublicKey(key.n, key.e);
  // 16 random bytes, positive and without a leading zero (RFC 5280, 4.1.2.2).
  certificate.serialNumber = `4${randomBytes(16).toString('hex').slice(1)}`;
  certificate.validity.notBefore = request.notBefore;
  certificate.validity.notAfter = request.notAfter;
  const subject = [{ name: 'commonName', value: request.commonName }];
  const issuer =
    request.issuer === undefined ? undefined : forge.pki.certificateFromPem(request.issuer.certPem);
  certificate.setSubject(subject);
  certificate.setIssuer(issuer?.subject.attributes ?? subject);
  const ca = request.ca ?? false;
  const usage = Object.fromEntries((request.usage ?? []).map((purpose) => [purpose, true]));
  const altNames = (request.names ?? []).map((name) =>
    isIp(name) ? { type: 7, ip: name } : { type: 2, value: name },
  );
  certificate.setExtensions([
    { name: 'basicConstraints', cA: ca, critical: true },
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
  ]);
  certificate.sign(
    request.issuer === undefined ? key : forgeKey(request.issuer.keyPem),
    forge.md.sha256.create(),
  );
  return forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
}

/** node-forge reads RSA keys in PKCS#1 most surely. */
function forgeKey(pem: string): forge.pki.rsa.PrivateKey {
  const pkcs1 = createPrivateKey(pem).export({ type: 'pkcs1', format: 'pem' }).toString();
  return forge.pki.privateKeyFromPem(pkcs1);
}
