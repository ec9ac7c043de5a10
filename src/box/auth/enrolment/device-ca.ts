import { X509Certificate } from 'node:crypto';
import { dirname } from 'node:path';
import { type Clock, days } from '../../../kit/runtime/clock.ts';
import { messageOf, Problem } from '../../../kit/runtime/errors.ts';
import { type Fact, OwnedFact } from '../../../kit/runtime/fact.ts';
import { privateFolder, readIfThere, writeAtomic } from '../../../kit/store/files.ts';
import { isKeyOf } from '../../../kit/x509/key-check.ts';
import { signRevocationList } from '../../../kit/x509/revocation-list.ts';
import { rsaKeyPem, signCertificate } from '../../../kit/x509/x509.ts';
import { enrolmentLimits } from '../../../protocol/enrolment-api.ts';
import type { SigningRequest } from './csr.ts';

/** PEM. */
export interface KeyPair {
  certPem: string;
  keyPem: string;
}

/** Clocks in a home differ. */
const earlyMs = days(1);
/** The CA outlives everything that it signs; RFC 5280, 4.1.2.5 has this date for *no well-defined end*. */
const noEnd = new Date('9999-12-31T23:59:59Z');
/**
 * How old its certificate gets. Some clients take none that is older than 30 days, the CA's included, however long it says it
 * is good for; they come back for another one, and must be given a young one then.
 */
const renewAfterMs = days(20);
export const serverCertificateMs = days(30);
const listMs = days(1);

/**
 * The CA of this box for its devices and its secure port, and for nothing else. Made when it is first needed; key and
 * certificate are one file, so that there are both or none. The key stays for good; the certificate is made again in time, and
 * when the clock was wrong as it was made. Whoever trusts an earlier one goes on as before: name and key are the same.
 */
export class DeviceCa {
  readonly #path: string;
  readonly #commonName: string;
  readonly #clock: Clock;
  readonly #pair = new OwnedFact<KeyPair | undefined>(undefined);
  #opening: Promise<KeyPair> | undefined;

  constructor(options: { path: string; commonName: string; clock: Clock }) {
    this.#path = options.path;
    this.#commonName = options.commonName;
    this.#clock = options.clock;
  }

  /** `undefined` until there is one. */
  get pair(): Fact<KeyPair | undefined> {
    return this.#pair;
  }

  /** Reads what was made before, if anything. Throws `device-ca-damaged`. */
  async read(): Promise<KeyPair | undefined> {
    if (this.#pair.value !== undefined) return this.#pair.value;
    const text = await readIfThere(this.#path);
    if (text !== undefined) this.#pair.set(pairIn(text, this.#path));
    return this.#pair.value;
  }

  /** Makes it when there is none, and its certificate again when that is old. Throws `device-ca-damaged`, `storage-failed`. */
  open(): Promise<KeyPair> {
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #open(): Promise<KeyPair> {
    const found = await this.read();
    if (found !== undefined && this.#isYoung(found)) return found;
    const keyPem = found?.keyPem ?? (await rsaKeyPem(3072));
    const certPem = signCertificate({
      commonName: this.#commonName,
      ca: true,
      pathLength: 0,
      notBefore: new Date(this.#clock.now() - earlyMs),
      notAfter: noEnd,
      subjectKeyPem: keyPem,
    });
    await privateFolder(dirname(this.#path));
    const written = writeAtomic(this.#path, keyPem + certPem);
    // A disk that takes nothing now is no reason to keep devices out: the key is there, and the next start makes it again.
    await (found === undefined ? written : written.catch(() => undefined));
    const made = { certPem, keyPem };
    this.#pair.set(made);
    return made;
  }

  /** For a device to come in with, and for nothing else; PEM. */
  async signDevice({ commonName, publicKeyPem }: SigningRequest): Promise<string> {
    return signCertificate({
      ...this.#validity(days(enrolmentLimits.certificateDays)),
      commonName,
      usage: ['clientAuth'],
      subjectKeyPem: publicKeyPem,
      issuer: await this.open(),
    });
  }

  /** For the secure port, under all names and addresses by which the box can be reached. */
  async signServer(names: readonly string[]): Promise<KeyPair> {
    const keyPem = await rsaKeyPem(2048);
    const certPem = signCertificate({
      ...this.#validity(serverCertificateMs),
      commonName: 'Porchlight box',
      names,
      usage: ['serverAuth'],
      subjectKeyPem: keyPem,
      issuer: await this.open(),
    });
    return { certPem, keyPem };
  }

  /** DER; `undefined` while there is no CA. */
  async revocationList(revoked: readonly { serial: string; at: Date }[]): Promise<Buffer | undefined> {
    const issuer = await this.read();
    if (issuer === undefined) return undefined;
    const now = this.#clock.now();
    return signRevocationList({
      issuer,
      revoked,
      number: now,
      thisUpdate: new Date(now),
      nextUpdate: new Date(now + listMs),
    });
  }

  #isYoung({ certPem }: KeyPair): boolean {
    const age = this.#clock.now() - new X509Certificate(certPem).validFromDate.getTime();
    return age >= 0 && age < renewAfterMs + earlyMs;
  }

  #validity(ms: number): { notBefore: Date; notAfter: Date } {
    const now = this.#clock.now();
    return { notBefore: new Date(now - earlyMs), notAfter: new Date(now + ms) };
  }
}

const pem = /-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----\n?/g;

function pairIn(text: string, path: string): KeyPair {
  const parts = new Map([...text.matchAll(pem)].map(([part, kind = '']) => [kind, part]));
  const [keyPem = '', certPem = ''] = [parts.get('PRIVATE KEY'), parts.get('CERTIFICATE')];
  try {
    const certificate = new X509Certificate(certPem);
    if (!certificate.verify(certificate.publicKey)) throw new TypeError('the certificate has been altered');
    if (isKeyOf(certificate, keyPem)) return { certPem, keyPem };
    throw new TypeError('key and certificate do not belong together');
  } catch (error) {
    const message = `${path} is damaged (${messageOf(error)}): restore it from a backup, or remove it, and every device asks again`;
    throw new Problem('device-ca-damaged', message, { retryable: false, cause: error, details: { path } });
  }
}
