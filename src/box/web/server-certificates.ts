import { createSecureContext, type SecureContext } from 'node:tls';
import { hostName } from '../../kit/http/http-text.ts';
import { intermediateTls } from '../../kit/x509/tls-policy.ts';
import type { Identity, ZoneCertificate } from '../facts.ts';

/** Which certificate answers a TLS ClientHello: the zone's for the zone's names, the identity's for all others. */
export class ServerCertificates {
  readonly #identity: SecureContext;
  readonly #zone: string;
  #zoneContext: SecureContext | undefined;
  #used: ZoneCertificate | undefined;

  constructor(options: { identity: Identity; zone: string }) {
    const { keyPem, certPem } = options.identity;
    this.#identity = createSecureContext({ key: keyPem, cert: certPem, ...intermediateTls });
    this.#zone = options.zone;
  }

  /** Takes effect for the next handshake; connections that are open go on undisturbed. */
  use(certificate: ZoneCertificate | undefined): void {
    if (certificate === this.#used) return;
    this.#zoneContext =
      certificate &&
      createSecureContext({ key: certificate.keyPem, cert: certificate.chainPem, ...intermediateTls });
    this.#used = certificate;
  }

  /** `serverName` as in SNI. */
  contextFor(serverName: string): SecureContext {
    return (this.covers(serverName) ? this.#zoneContext : undefined) ?? this.#identity;
  }

  /** A certificate for `<zone>` and `*.<zone>` covers one label below the zone, not two (RFC 9525, 6.3). */
  covers(host: string): boolean {
    const name = hostName(host);
    return name === this.#zone || name.replace(/^[^.]*\./, '') === this.#zone;
  }
}
