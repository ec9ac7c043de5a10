import { generateKeyPair, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { promisify } from 'node:util';
import { messageOf, Problem } from '../../kit/runtime/errors.ts';
import { isKeyOf } from '../../kit/x509/key-check.ts';
import type { ZoneCertificate } from '../facts.ts';

export interface Pair {
  /** Leaf first, then intermediates, PEM. */
  chainPem: string;
  /** PKCS#8 PEM. */
  keyPem: string;
}

const generate = promisify(generateKeyPair);

/** An EC P-256 key as PKCS#8 PEM, for an ACME account or a certificate. */
export async function ecKeyPem(): Promise<string> {
  const { privateKey } = await generate('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/**
 * The pair as the fact that others use, after every check that needs nobody else: the key belongs to the leaf, the leaf
 * is for exactly `names`, its dates are in order, each certificate of the chain is signed by the next, and TLS takes both.
 * Throws `certificate-unusable`, which says what is wrong.
 */
export function checkedPair({ chainPem, keyPem }: Pair, names: readonly string[]): ZoneCertificate {
  const chain = certificatesOf(chainPem);
  const [leaf] = chain;
  if (leaf === undefined) throw unusable('there is no certificate in it');
  if (!isKeyIn(leaf, keyPem)) throw unusable('the key is not the one of the certificate');
  const found = namesOf(leaf);
  if (!sameNames(found, names)) throw unusable(`it is for ${found.join(', ')}, not for ${names.join(', ')}`);
  const notBefore = leaf.validFromDate.getTime();
  const notAfter = leaf.validToDate.getTime();
  if (!(notBefore < notAfter)) throw unusable(`it is valid from ${leaf.validFrom} to ${leaf.validTo}`);
  for (const [index, issuer] of chain.entries()) {
    const issued = chain[index - 1];
    if (issued !== undefined && !(issued.checkIssued(issuer) && issued.verify(issuer.publicKey))) {
      throw unusable(`certificate ${index} of its chain did not sign the one before it`);
    }
  }
  checkTlsTakes({ chainPem, keyPem });
  return { chainPem, keyPem, names: found, notBefore, notAfter, serial: leaf.serialNumber };
}

/** It reads the text by itself, and more of it than the certificates that were found above. */
function checkTlsTakes({ chainPem, keyPem }: Pair): void {
  try {
    createSecureContext({ key: keyPem, cert: chainPem });
  } catch (error) {
    throw unusable(`TLS does not take its chain (${messageOf(error)})`);
  }
}

const certificatePem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a chain alone, with line feeds, as every program reads them; empty when there is none in it. */
export function tidyChain(pem: string): string {
  const blocks = pem.match(certificatePem) ?? [];
  return blocks.map((block) => `${block.replaceAll(/[ \t]*\r?\n[ \t]*|\r/g, '\n')}\n`).join('');
}

export function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.toSorted().join() === b.toSorted().join();
}

function certificatesOf(chainPem: string): X509Certificate[] {
  const pems = chainPem.match(certificatePem) ?? [];
  try {
    return pems.map((pem) => new X509Certificate(pem));
  } catch (error) {
    throw unusable(`a certificate in it cannot be read (${messageOf(error)})`);
  }
}

function isKeyIn(leaf: X509Certificate, keyPem: string): boolean {
  try {
    return isKeyOf(leaf, keyPem);
  } catch {
    throw unusable('its key cannot be read');
  }
}

function namesOf(certificate: X509Certificate): string[] {
  const entries = (certificate.subjectAltName ?? '').split(', ').filter((entry) => entry !== '');
  return entries.map((entry) => entry.replace(/^DNS:/, ''));
}

function unusable(what: string): Problem {
  return new Problem('certificate-unusable', `the certificate cannot be used: ${what}`);
}
