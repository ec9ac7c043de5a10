import { createPrivateKey, sign } from 'node:crypto';
import forge from 'node-forge';
import { keyIdentifierOf, subjectOf } from './x509.ts';

const { asn1, pki } = forge;
const { Class, Type } = asn1;

export interface RevocationListRequest {
  issuer: { certPem: string; keyPem: string };
  /** Serial numbers as X.509 tools print them (hex), each with when it was revoked. */
  revoked: readonly { serial: string; at: Date }[];
  /** Higher than that of every list before. */
  number: number;
  thisUpdate: Date;
  nextUpdate: Date;
}

/** Signs a list of revoked certificates (CRL v2, RFC 5280, 5) with SHA-256, RSA. DER. node-forge has none of its own. */
export function signRevocationList(request: RevocationListRequest): Buffer {
  const issuer = pki.certificateFromPem(request.issuer.certPem);
  const algorithm = sequence(oid(pki.oids['sha256WithRSAEncryption'] ?? ''), primitive(Type.NULL, ''));
  const entries = request.revoked.map(({ serial, at }) => sequence(integer(serial), time(at)));
  const list = sequence(
    integer('01'),
    algorithm,
    pki.distinguishedNameToAsn1({ attributes: subjectOf(issuer) }),
    time(request.thisUpdate),
    time(request.nextUpdate),
    // Left out when there is none (5.1.2.6).
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    tagged(
      0,
      sequence(
        extension('2.5.29.35', sequence(primitive(0, keyIdentifierOf(issuer), Class.CONTEXT_SPECIFIC))),
        extension('2.5.29.20', integer(request.number.toString(16))),
      ),
    ),
  );
  const signature = sign('sha256', der(list), createPrivateKey(request.issuer.keyPem));
  return der(sequence(list, algorithm, primitive(Type.BITSTRING, `\0${signature.toString('binary')}`)));
}

type Asn1 = forge.asn1.Asn1;

const sequence = (...parts: Asn1[]): Asn1 => asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, parts);
const tagged = (tag: number, part: Asn1): Asn1 => asn1.create(Class.CONTEXT_SPECIFIC, tag, true, [part]);
const primitive = (type: number, bytes: string, of: forge.asn1.Class = Class.UNIVERSAL): Asn1 =>
  asn1.create(of, type, false, bytes);
const oid = (dotted: string): Asn1 => primitive(Type.OID, asn1.oidToDer(dotted).getBytes());
const extension = (id: string, value: Asn1): Asn1 =>
  sequence(oid(id), primitive(Type.OCTETSTRING, asn1.toDer(value).getBytes()));

/** A positive number from hex, with the zero in front that a leading 1 bit needs (X.690, 8.3). */
function integer(hex: string): Asn1 {
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  return primitive(
    Type.INTEGER,
    Buffer.from(/^[89a-f]/i.test(even) ? `00${even}` : even, 'hex').toString('binary'),
  );
}

/** UTCTime up to 2049, GeneralizedTime from then on (5.1.2.4). */
function time(at: Date): Asn1 {
  return at.getUTCFullYear() < 2050
    ? primitive(Type.UTCTIME, asn1.dateToUtcTime(at))
    : primitive(Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(at));
}

const der = (part: Asn1): Buffer => Buffer.from(asn1.toDer(part).getBytes(), 'binary');
