import { systemClock } from '../../kit/runtime/clock.ts';
import { rsaKeyPem, signCertificate } from '../../kit/x509/x509.ts';

const year = 365 * 86_400_000;

export interface TestCa {
  caPem: string;
  /** A server certificate for DNS names and IP addresses. */
  issue(names: readonly string[]): Promise<{ keyPem: string; certPem: string }>;
}

/** A private CA for the cloud's own listeners in a home on one machine and in tests. Its key is never written anywhere. */
export async function createTestCa(now = systemClock.now()): Promise<TestCa> {
  const validity = { notBefore: new Date(now - 86_400_000), notAfter: new Date(now + year) };
  const keyPem = await rsaKeyPem(2048);
  const caPem = signCertificate({
    ...validity,
    commonName: 'Porchlight home on one machine',
    ca: true,
    subjectKeyPem: keyPem,
  });
  return {
    caPem,
    issue: async (names) => {
      const subjectKeyPem = await rsaKeyPem(2048);
      const certPem = signCertificate({
        ...validity,
        commonName: names[0] ?? 'localhost',
        names,
        usage: ['serverAuth'],
        subjectKeyPem,
        issuer: { certPem: caPem, keyPem },
      });
      return { keyPem: subjectKeyPem, certPem };
    },
  };
}
