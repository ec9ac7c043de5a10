import type { Health } from '../../kit/runtime/health.ts';
import type { ZoneCertificate } from '../facts.ts';
import { AcmeCa, type ExternalAccount, type Offers } from './acme.ts';
import { certId } from './ari.ts';
import type { Target } from './policy.ts';

export interface AcmeOptions {
  directoryUrl: string;
  /** The CA's rehearsal directory, tried before a third attempt after two refusals. */
  stagingDirectoryUrl?: string | undefined;
  /** PEM of a private CA to trust for the connection to the directories. */
  caPem?: string | undefined;
  contactEmail?: string | undefined;
  /** Asked for when the CA lists it. */
  profile?: string | undefined;
  /** Of an account made elsewhere, to which the box's is bound. */
  externalAccount?: ExternalAccount | undefined;
  /** The operator has agreed to the CA's terms of service. */
  termsAgreed: boolean;
  /** For each request. */
  timeoutMs?: number;
}

/** The CA at the directory for `target`. To be closed by the caller. */
export function authority(options: AcmeOptions, target: Target): AcmeCa {
  const { directoryUrl, stagingDirectoryUrl, caPem, timeoutMs } = options;
  return new AcmeCa({
    directoryUrl:
      target === 'staging' && stagingDirectoryUrl !== undefined ? stagingDirectoryUrl : directoryUrl,
    caPem,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

/** The configured profile if the CA lists it; else none, which the condition `certificate.profile` says. */
export function offeredProfile(
  profile: string | undefined,
  { profiles }: Offers,
  health: Health,
): string | undefined {
  const name = 'certificate.profile';
  if (profile === undefined || profiles.includes(profile)) {
    health.clear(name);
    return profile;
  }
  const offered = profiles.length === 0 ? 'none' : profiles.join(', ');
  const message = `the CA does not offer the profile ${JSON.stringify(profile)} (it offers: ${offered}); ordered without`;
  health.set(name, 'warning', message, 'correct the profile in the configuration, or remove it');
  return undefined;
}

/** Says whether the CA took the configured address for notices; without one it still gives certificates. */
export function reportContact(
  health: Health,
  contact: string | undefined,
  refused: { contact: string; said: string } | undefined,
): void {
  const name = 'certificate.contact';
  if (refused === undefined || refused.contact !== contact) return health.clear(name);
  const message = `the CA does not take the address for its notices, and the account has none: ${refused.said}`;
  return health.set(name, 'warning', message, 'correct acme.contact in the configuration, or remove it');
}

/** What an order may say it replaces (RFC 9773, 5): a certificate that is still valid, at a CA that wants to know. */
export function replaceable(
  certificate: ZoneCertificate | undefined,
  offers: Offers,
  now: number,
): string | undefined {
  if (offers.renewalInfo === undefined || certificate === undefined || now >= certificate.notAfter)
    return undefined;
  return certId(certificate.chainPem);
}
