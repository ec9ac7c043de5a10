import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import type { FastifyRequest } from 'fastify';
import { type Clock, days, hours, type Random } from '../../../kit/runtime/clock.ts';
import { messageOf, Problem } from '../../../kit/runtime/errors.ts';
import { FairRate } from '../../../kit/http/fair-rate.ts';
import type { Fact } from '../../../kit/runtime/fact.ts';
import type { Health } from '../../../kit/runtime/health.ts';
import type { HttpApp } from '../../../kit/http/http-server.ts';
import type { Log } from '../../../kit/log/log.ts';
import { Reconciler } from '../../../kit/runtime/reconcile.ts';
import type { Endpoints } from '../../../protocol/access-api.ts';
import {
  certificateFiles,
  type CertificatesView,
  type DeviceHello,
  enrolmentPaths,
} from '../../../protocol/enrolment-api.ts';
import { shortId, type ZoneNames } from '../../../protocol/names.ts';
import type { Session, Sessions } from '../../sessions/sessions.ts';
import type { SessionSockets } from '../../api/session-sockets.ts';
import type { AccessStore } from '../../sessions/store.ts';
import { clientKeyOf } from '../../visitor.ts';
import type { AuthMethod } from '../auth-method.ts';
import { type CertificateUploader, Shelf } from './certificate-uploader.ts';
import { DeviceCa, serverCertificateMs } from './device-ca.ts';
import { DevicePort } from './device-port.ts';
import { Devices } from './devices.ts';
import { Exchange } from './exchange.ts';
import { ExchangePort } from './exchange-port.ts';
import type { Guard } from '../../api/guard.ts';
import type { People } from '../../sessions/people.ts';
import type { Approvals } from '../../sessions/approvals.ts';
import type { Audit } from '../../sessions/audit.ts';

export interface EnrolmentSettings {
  host: string;
  /** Of mutual TLS; 0: any free one. */
  port: number;
  /** Of the exchange; 0: none, and no device comes to know the box. */
  insecurePort: number;
  /** See `ExchangeOptions`. */
  folders: Readonly<Record<string, string>>;
  /** Of medium 2; absent: the shelf on the box itself. */
  uploader?: CertificateUploader;
  /** Networks on the box's own links. */
  links: Fact<readonly string[]>;
  /** For the certificate of the secure port. */
  serverNames: Fact<readonly string[]>;
  health: Health;
}

export interface EnrolmentOptions extends EnrolmentSettings {
  guard: Guard;
  boxId: string;
  boxName: Fact<string>;
  names: ZoneNames;
  people: People;
  sessions: Sessions;
  approvals: Approvals;
  audit: Audit;
  /** Of the part; this way has one of its own below it. */
  folder: string;
  store: AccessStore;
  sockets: SessionSockets;
  ways: Fact<Endpoints>;
  status: () => object;
  clock: Clock;
  random: Random;
  log: Log;
}

/** The time is looked at so often: a box without a clock learns it late. */
const everyMs = hours(1);
/** Its certificate is renewed so long before it ends. */
const renewBeforeMs = days(10);
/**
 * Of the open calls: by client network, and in all, for the home and for the tunnel apart. A list of the revoked is
 * signed each time, which costs a small box milliseconds.
 */
const calls = {
  client: { burst: 20, perSecond: 0.5 },
  own: { burst: 3, perSecond: 1 / 60 },
  all: { burst: 60, perSecond: 5 },
} as const;

/** Certificate exchange: a device sends its request, an owner allows it, and it comes in by a certificate of the box's own CA. */
export class Enrolment implements AuthMethod {
  readonly name = 'enrolment';
  readonly #options: EnrolmentOptions;
  readonly #ca: DeviceCa;
  readonly #devices: Devices;
  readonly #shelf: Shelf;
  readonly #exchange: ExchangePort | undefined;
  readonly #secure: DevicePort;
  readonly #loop: Reconciler;
  readonly #calls = new FairRate(calls, 10_000);
  #served: { names: readonly string[]; from: number; certPem: string } | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(options: EnrolmentOptions) {
    this.#options = options;
    const { clock, folder, boxId, insecurePort, links, serverNames, names, status } = options;
    const ca = new DeviceCa({
      path: join(folder, 'enrolment', 'device-ca.pem'),
      commonName: `Porchlight devices of ${shortId(boxId)}`,
      clock,
    });
    const devices = new Devices(options);
    const shelf = new Shelf(clock);
    const { uploader = shelf } = options;
    const exchange = new Exchange({ ...options, uploader, devices, ca, ready: () => this.#serve() });
    this.#ca = ca;
    this.#devices = devices;
    this.#shelf = shelf;
    this.#exchange =
      insecurePort === 0
        ? undefined
        : new ExchangePort({ ...options, names, port: insecurePort, links: () => links.value, exchange });
    this.#secure = new DevicePort({
      ...options,
      devices,
      hello: (session, endsAt) => this.#hello(session, endsAt),
      state: status,
    });
    this.#loop = new Reconciler({
      ...options,
      name: this.name,
      watch: [serverNames, ca.pair],
      reconcile: () => this.#look(),
      onSuccess: () => this.#report(),
      onFailure: (error) => this.#reportFailure(error),
    });
  }

  /** Of the ports that are open; 0: not open. */
  get ports(): { secure: number; insecure: number } {
    return { secure: this.#secure.listener.port, insecure: this.#exchange?.listener.port ?? 0 };
  }

  async start(): Promise<void> {
    this.#devices.noteRevoked();
    this.#unsubscribe = this.#options.sessions.onEnded(() => this.#devices.noteRevoked());
    await this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    this.#unsubscribe?.();
    await Promise.all([this.#exchange?.listener.close(), this.#secure.listener.close()]);
  }

  sweep(): void {
    this.#devices.sweep();
    this.#shelf.sweep();
  }

  routes(app: HttpApp): void {
    const open = { config: { admission: 'open' }, exposeHeadRoute: false } as const;
    const path = `${enrolmentPaths.certificates}/:deviceId`;

    app.get<{ Params: { deviceId: string } }>(path, open, async (request): Promise<CertificatesView> => {
      this.#countCall(request);
      const found = this.#shelf.take(request.params.deviceId);
      if (found === undefined) throw nothingHere();
      return { [certificateFiles.ca]: found.caPem, [certificateFiles.device]: found.certificatePem };
    });

    app.get(enrolmentPaths.revoked, open, async (request, reply) => {
      this.#countCall(request);
      const list = await this.#ca.revocationList(this.#devices.revoked());
      if (list === undefined) throw nothingHere();
      return reply.type('application/pkix-crl').send(list);
    });
  }

  /** Throws `rate-limited`. */
  #countCall(request: FastifyRequest): void {
    const { guard, clock } = this.#options;
    const { address, through } = guard.visitor(request);
    this.#calls.take(clientKeyOf(address), clock.monotonic(), 'calls', through);
  }

  async #look(): Promise<number> {
    for (const listener of [this.#exchange?.listener, this.#secure.listener])
      if (listener?.isOpen === false) await listener.open();
    if ((await this.#ca.read()) !== undefined) await this.#serve();
    return everyMs;
  }

  /** The secure port has a certificate for the names of now; makes the CA when there is none. */
  async #serve(): Promise<void> {
    const names = this.#options.serverNames.value;
    const now = this.#options.clock.now();
    const { certPem } = await this.#ca.open();
    const age = now - (this.#served?.from ?? -Infinity);
    const fresh = age >= 0 && age < serverCertificateMs - renewBeforeMs;
    const same = this.#served?.certPem === certPem && isDeepStrictEqual(this.#served.names, names);
    if (fresh && same) return;
    this.#secure.use(await this.#ca.signServer(names), certPem);
    this.#served = { names, from: now, certPem };
  }

  #hello(session: Session, certificateEndsAt: number): DeviceHello {
    const { boxId, boxName, ways } = this.#options;
    const { id: deviceId, label } = session;
    return {
      type: 'hello',
      deviceId,
      label,
      boxId,
      boxName: boxName.value,
      ways: ways.value,
      certificateEndsAt,
    };
  }

  #report(): void {
    const { secure, insecure } = this.ports;
    const exchange = insecure === 0 ? 'is off' : `at port ${insecure}`;
    this.#options.health.set(
      'enrolment',
      'ok',
      `devices with a certificate at port ${secure}; the exchange ${exchange}`,
    );
  }

  #reportFailure(error: unknown): void {
    this.#options.health.set(
      'enrolment',
      'warning',
      `devices cannot come in by certificate: ${messageOf(error)}`,
      'do what the message says; enrolment.enabled = false does without',
    );
  }
}

const nothingHere = (): Problem =>
  new Problem('not-found', 'there is nothing here; it was taken, or its time is over', { status: 404 });
