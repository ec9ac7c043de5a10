import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import forge from 'node-forge';
import { Problem } from '../../../kit/runtime/errors.ts';
import { readableName } from '../../../kit/runtime/text.ts';
import { enrolmentLimits } from '../../../protocol/enrolment-api.ts';

/** What is taken from a certificate signing request; all else that it asks for (extensions, names, usages) is not. */
export interface SigningRequest {
  commonName: string;
  /** SPKI, PEM. */
  publicKeyPem: string;
  /** SHA-256 of the DER of the SPKI, base64url: what the device is known by. */
  keyFingerprint: string;
}

/** One PEM message and nothing around it: node-forge's own reader takes its time with text made to hold it up. */
const pem =
  /^-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END (?:NEW )?CERTIFICATE REQUEST-----$/;

const digests: Readonly<Record<string, string>> = {
  sha256WithRSAEncryption: 'sha256',
  sha384WithRSAEncryption: 'sha384',
  sha512WithRSAEncryption: 'sha512',
};

/**
 * Reads a CSR (PKCS#10, RFC 2986) and checks its signature: who sent it has, or had, the private key. Throws `csr-refused`,
 * which says what is taken.
 */
export function readSigningRequest(text: string): SigningRequest {
  const body = pem.exec(text.trim())?.[1];
  if (body === undefined) throw refused('it is not one PEM message CERTIFICATE REQUEST');
  const csr = parsed(Buffer.from(body, 'base64'));
  const { publicKeyPem, keyFingerprint, key } = publicKeyOf(csr);
  const digest = digests[forge.pki.oids[csr.signatureOid ?? ''] ?? ''];
  if (digest === undefined) throw refused('it must be signed by RSA (PKCS#1 v1.5) with SHA-256, 384 or 512');
  const signed = Buffer.from(forge.asn1.toDer(csr.certificationRequestInfo).getBytes(), 'binary');
  if (!verify(digest, signed, key, Buffer.from(csr.signature, 'binary')))
    throw refused(
      'its signature is not by its own key, so nothing shows that the sender has the private key',
    );
  return { commonName: commonNameOf(csr.subject.attributes), publicKeyPem, keyFingerprint };
}

type Parsed = forge.pki.CertificateSigningRequest & {
  certificationRequestInfo: forge.asn1.Asn1;
  signatureOid?: string;
  signature: string;
};

function parsed(der: Buffer): Parsed {
  try {
    const tree = forge.asn1.fromDer(forge.util.createBuffer(der.toString('binary')));
    return forge.pki.certificationRequestFromAsn1(tree) as Parsed;
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    if (message.includes('OID is not RSA'))
      throw refused('its key is not RSA: make an RSA key, EC and others are not taken', error);
    throw refused('it is not a PKCS#10 certificate signing request', error);
  }
}

function publicKeyOf(csr: Parsed): { publicKeyPem: string; keyFingerprint: string; key: KeyObject } {
  const key = readKey(csr);
  const { modulusLength = 0, publicExponent } = key.asymmetricKeyDetails ?? {};
  const { keyBitsMin, keyBitsMax } = enrolmentLimits;
  if (modulusLength < keyBitsMin || modulusLength > keyBitsMax)
    throw refused(`its key has ${modulusLength} bits, and ${keyBitsMin} to ${keyBitsMax} are taken`);
  // A large one would make each use of the key a burden for whoever checks it.
  if (publicExponent !== 65_537n) throw refused('the public exponent of its key is not 65537');
  const der = key.export({ type: 'spki', format: 'der' });
  return {
    key,
    publicKeyPem: key.export({ type: 'spki', format: 'pem' }).toString(),
    keyFingerprint: createHash('sha256').update(der).digest('base64url'),
  };
}

function readKey({ publicKey }: Parsed): KeyObject {
  try {
    if (publicKey === null) throw new TypeError('no public key');
    return createPublicKey(forge.pki.publicKeyToPem(publicKey));
  } catch (error) {
    throw refused('its public key cannot be read', error);
  }
}

/** X.690, 8.23: the string types that are ASCII or UTF-8. */
const textTypes = new Set<unknown>([
  forge.asn1.Type.UTF8,
  forge.asn1.Type.PRINTABLESTRING,
  forge.asn1.Type.IA5STRING,
]);

function commonNameOf(attributes: readonly forge.pki.CertificateField[]): string {
  const [field, ...more] = attributes.filter(({ type }) => type === forge.pki.oids['commonName']);
  if (field === undefined) throw refused('its subject has no common name (CN)');
  if (more.length > 0) throw refused('its subject has more than one common name (CN)');
  const name = textTypes.has(field.valueTagClass) ? utf8(field.value) : undefined;
  const { commonNameMax } = enrolmentLimits;
  if (name === undefined || name === '' || readableName(name) !== name)
    throw refused('its common name has characters that cannot be read');
  if (name.length > commonNameMax)
    throw refused(`its common name is longer than ${commonNameMax} characters`);
  return name;
}

/** node-forge reads every string as bytes, and a constructed value as a list. */
function utf8(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(value, 'binary'));
  } catch {
    return undefined;
  }
}

const refused = (what: string, cause?: unknown): Problem =>
  new Problem('csr-refused', `the certificate signing request is refused: ${what}`, {
    status: 422,
    retryable: false,
    ...(cause === undefined ? {} : { cause }),
  });
