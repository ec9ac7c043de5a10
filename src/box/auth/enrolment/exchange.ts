import { join } from 'node:path';
import { type Clock, seconds } from '../../../kit/runtime/clock.ts';
import { clientKey } from '../../../kit/http/client-key.ts';
import { Problem } from '../../../kit/runtime/errors.ts';
import { FairRate } from '../../../kit/http/fair-rate.ts';
import { approvalLimits } from '../../../protocol/approvals-api.ts';
import type { SignCertificateRequest, SonarQuery } from '../../../protocol/enrolment-api.ts';
import { approvalExpired, type Approvals, type Asking, notClaimed } from '../../sessions/approvals.ts';
import type { Audit } from '../../sessions/audit.ts';
import type { People } from '../../sessions/people.ts';
import type { Session } from '../../sessions/sessions.ts';
import { CertificateFiles } from './certificate-files.ts';
import type { Certificates, CertificateUploader } from './certificate-uploader.ts';
import { readSigningRequest, type SigningRequest } from './csr.ts';
import { type Destination, destinationOf } from './destination.ts';
import type { DeviceCa } from './device-ca.ts';
import type { Device, Devices } from './devices.ts';

export interface ExchangeOptions {
  /** The folder in which each app may have its certificates, by the app's name. */
  folders: Readonly<Record<string, string>>;
  uploader: CertificateUploader;
  ca: DeviceCa;
  devices: Devices;
  /** The secure port serves a certificate of the CA: devices come there as soon as they have theirs. */
  ready: () => Promise<void>;
  approvals: Approvals;
  people: People;
  audit: Audit;
  clock: Clock;
}

export interface Asked {
  query: SonarQuery;
  request: SignCertificateRequest;
  address: string;
}

/** A client that tries again and again, and all of them: each try is a signature to check, and a row or two to read. */
const rates = {
  client: { burst: 20, perSecond: 0.5 },
  own: { burst: 3, perSecond: 1 / 60 },
  all: { burst: 100, perSecond: 5 },
};

/** What happens when a device asks for its certificate. */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #files = new CertificateFiles();
  readonly #rate = new FairRate(rates, 1000);

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /**
   * Resolves with the device id when the certificates are where they belong. `waiting` is told the code when an owner is
   * asked. Throws `rate-limited`, `not-claimed`, `csr-refused`, `destination-refused`, `client-refused`, `approval-expired`,
   * `storage-failed`, and what the uploader throws.
   */
  async sign(asked: Asked, waiting: (code: string) => void, signal: AbortSignal): Promise<string> {
    const { people, clock, folders } = this.#options;
    const { query, request, address } = asked;
    const now = clock.monotonic();
    this.#rate.take(clientKey(address, 'link'), now, 'certificate exchanges from here');
    if (!people.claimed.value) throw notClaimed();
    const { app } = query;
    const { csr, destination = '', medium = 1 } = request;
    const signing = readSigningRequest(csr);
    const place = medium === 1 ? destinationOf(folders, app, destination) : undefined;
    const session = await this.#approval(this.#asking(asked, signing, place), waiting, signal);
    // Who sends the request of a device again and again is held back by address alone.
    this.#rate.giveBackToAll(clock.monotonic());
    const what = place === undefined ? '' : join(place.root, ...place.steps);
    const device = { ...deviceOf(signing), app };
    const certificates = await this.#issue(session, signing, device, { what, address });
    if (place === undefined) await this.#options.uploader.upload(certificates, signal);
    else await this.#files.write(place, certificates);
    return session.id;
  }

  /**
   * What an owner says yes to is this key, under this name, for this app, at this place. A request can be sent again by
   * whoever saw it pass, and then brings the same device the same kind of certificate to the same place.
   */
  #asking({ query, address }: Asked, signing: SigningRequest, place: Destination | undefined): Asking {
    const { app, device } = query;
    const { keyFingerprint, commonName } = signing;
    const where = place === undefined ? 2 : [place.root, ...place.steps];
    const keys = this.#options.devices.keysOf({ ...deviceOf(signing), app });
    const note = keys.size === 0 ? '' : keys.has(keyFingerprint) ? 'another place for ' : 'another key for ';
    return {
      kind: 'device',
      subject: JSON.stringify([keyFingerprint, commonName, app, where]),
      label: `${note}${commonName} (${app} on ${device})`,
      address,
    };
  }

  async #approval(asking: Asking, waiting: (code: string) => void, signal: AbortSignal): Promise<Session> {
    const { approvals, audit } = this.#options;
    // Opens the question and does not wait.
    let { answer, code } = await approvals.ask(asking, 0, AbortSignal.abort());
    if (answer === 'pending') {
      waiting(code);
      ({ answer } = await approvals.ask(asking, seconds(approvalLimits.waitSeconds), signal));
    }
    if (answer === 'pending' || answer === 'expired') throw approvalExpired();
    if (answer.allowed) return answer.session;
    audit.note({ action: 'credential-refused', who: asking.label, address: asking.address });
    throw refused();
  }

  async #issue(
    session: Session,
    signing: SigningRequest,
    device: Device,
    asked: { what: string; address: string },
  ): Promise<Certificates> {
    const { ca, devices, ready, audit } = this.#options;
    // One that is handed out again is not written down: whoever saw a request pass could fill the record by sending it.
    const record = (): void => audit.record({ action: 'certificate-issued', who: session.label, ...asked });
    await ready();
    const { certPem: caPem } = await ca.open();
    const last = devices.enough(session.id);
    const certificatePem = last ?? (await ca.signDevice(signing));
    // The owner may have taken the yes back meanwhile.
    if (last === undefined && !devices.keep(session.id, device, certificatePem, record)) throw refused();
    return { deviceId: session.id, caPem, certificatePem };
  }
}

const deviceOf = ({ keyFingerprint, commonName }: SigningRequest): Omit<Device, 'app'> => ({
  keyFingerprint,
  commonName,
});

const refused = (): Problem =>
  new Problem(
    'client-refused',
    'an owner of the box said no to this device; an owner can forget that answer in the console',
    { status: 403 },
  );
