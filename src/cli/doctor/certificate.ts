import { join } from 'node:path';
import { Directory } from '../../box/certificate/acme-shapes.ts';
import { CertificateStore } from '../../box/certificate/store.ts';
import type { ZoneCertificate } from '../../box/facts.ts';
import { days } from '../../kit/runtime/clock.ts';
import { codeOf, messageOf } from '../../kit/runtime/errors.ts';
import { HttpClient } from '../../kit/http/http-client.ts';
import { silentLog } from '../../kit/log/log.ts';
import { type Check, failure, type Finding, ok, skipped, warning } from './check.ts';
import { handshake, handshakeWithPair, wordsFor } from './tls.ts';

/** Does the CA answer as a CA? */
export const caCheck: Check = {
  name: 'CA',
  run: async ({ config, trust, timeoutMs, signal }) => {
    const { origin, pathname, search, host } = new URL(config.acme.directory);
    const client = new HttpClient({ origin, ca: trust.acme, timeoutMs });
    try {
      await client.request({ method: 'GET', path: pathname + search, answer: Directory, signal });
      return ok(`${host} answers`);
    } finally {
      await client.close();
    }
  },
};

/** Is there a certificate for the zone, for how long, and would a browser take it? */
export const certificateCheck: Check = {
  name: 'certificate',
  run: async ({ config, trust, clock, names, signal }) => {
    const { main } = await names;
    const store = new CertificateStore({ folder: join(config.state, 'certificate'), log: silentLog });
    const certificate = await stored(store, [main, `*.${main}`]);
    if ('verdict' in certificate) return certificate;
    const { refusal } = await handshakeWithPair(certificate, { servername: main, ca: trust.acme, signal });
    return judgeCertificate(certificate, clock.now(), refusal);
  },
};

async function stored(store: CertificateStore, names: readonly string[]): Promise<ZoneCertificate | Finding> {
  try {
    const certificate = await store.current(names);
    return certificate ?? failure('there is none yet', orderRemedy);
  } catch (error) {
    if (codeOf(error) !== 'certificate-unusable') throw error;
    return failure(messageOf(error), orderRemedy);
  }
}

const orderRemedy =
  'the running box gets one within a minute once dns-server and CA can be reached; why not, says porchlight status';

/** `refusal`: why a client that trusts the configured roots would not take it. */
export function judgeCertificate(
  { notBefore, notAfter, names }: Pick<ZoneCertificate, 'notBefore' | 'notAfter' | 'names'>,
  now: number,
  refusal: string | undefined,
): Finding {
  const until = new Date(notAfter).toISOString().slice(0, 10);
  if (now >= notAfter) return failure(`it expired on ${until}`, orderRemedy);
  if (now < notBefore) return failure('it is not valid yet', 'see “clock”');
  if (refusal !== undefined) return failure(`a browser would refuse it: ${wordsFor(refusal)}`, rootRemedy);
  const left = `${Math.floor((notAfter - now) / days(1))} days left (until ${until})`;
  // Renewal begins with a third of the lifetime left.
  if (notAfter - now < (notAfter - notBefore) / 4)
    return warning(`${left}, and its renewal is overdue`, orderRemedy);
  return ok(`for ${names.join(' and ')}, ${left}`);
}

const rootRemedy =
  'check acme.directory (a staging directory is trusted by nobody) and, with a private CA, acme.ca-file';

/** Does the box show that certificate to a visitor at home? */
export const pageCheck: Check = {
  name: 'page',
  run: async ({ config, trust, status, names, timeoutMs, signal }) => {
    if ((await status) === undefined) return skipped('not checked: no box answers');
    const { main } = await names;
    const { host: listens, port } = config.web;
    const host = ['::', '0.0.0.0'].includes(listens) ? '127.0.0.1' : listens;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const { refusal } = await handshake(
        { host, port },
        { servername: main, ca: trust.acme, signal: limit },
      );
      if (refusal === undefined) return ok(`the box shows its certificate on port ${port}`);
      return failure(`a browser would refuse the page: ${wordsFor(refusal)}`, 'see “certificate”');
    } catch (error) {
      return failure(
        `port ${port} does not answer with TLS: ${messageOf(error)}`,
        'check web.host and web.port, here and for the box; see porchlight status',
      );
    }
  },
};
