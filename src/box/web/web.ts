import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Problem } from '../../kit/runtime/errors.ts';
import type { Fact } from '../../kit/runtime/fact.ts';
import type { Health } from '../../kit/runtime/health.ts';
import { answerClientError, type HttpApp, httpLimits } from '../../kit/http/http-server.ts';
import { lingerAfterAnswers } from '../../kit/http/linger.ts';
import { listen, listenProblem } from '../../kit/http/listen.ts';
import type { Log } from '../../kit/log/log.ts';
import type { Service } from '../../kit/runtime/service.ts';
import { intermediateTls } from '../../kit/x509/tls-policy.ts';
import { zoneName, zoneNames } from '../../protocol/names.ts';
import type { Identity, ZoneCertificate } from '../facts.ts';
import { createOwnApp, type OwnAppOptions } from './own-app.ts';
import type { PublishedService } from './published-services.ts';
import { ServerCertificates } from './server-certificates.ts';
import { headLimitBytes } from './service-connection.ts';
import { SiteRouter } from './site-router.ts';
import type { StatusView } from './status-page.ts';
import type { Visitors } from './visitors.ts';

export interface WebOptions {
  identity: Identity;
  zoneRoot: string;
  /** Labels of the mirrors. */
  mirrors: readonly string[];
  certificate: Fact<ZoneCertificate | undefined>;
  host: string;
  port: number;
  services: readonly PublishedService[];
  /** Told after each request to a service: it answered, or what was wrong. */
  told?: (label: string, fault: Problem | undefined) => void;
  name: Fact<string>;
  /** What the status page tells people on the home network. */
  details: () => NonNullable<StatusView['details']>;
  /** Whether the box can save nothing now; absent: it always can. */
  cannotSave?: () => boolean;
  probe: (nonce: string) => string | undefined;
  probePath: string;
  pages: OwnAppOptions['pages'];
  access: OwnAppOptions['access'] & { upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void };
  visitors: Visitors;
  health: Health;
  log: Log;
}

/**
 * For the HTTP/1.1 side of the server; Node's types know them for `https` alone. Some are read when it is made, some from
 * the server itself. No limit for a whole request: an upload to a service may take its time.
 */
const http1Limits = {
  requestTimeout: 0,
  headersTimeout: httpLimits.headersTimeoutMs,
  keepAliveTimeout: httpLimits.keepAliveTimeoutMs,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: headLimitBytes,
  requireHostHeader: false,
};

const keepAliveProbeMs = 60_000;

/**
 * Owner of the box's HTTPS: one server for the home network and, through the tunnel listener, for visitors from outside.
 * Requests go by host name: a published service's to its proxy, all others to the box's own application.
 */
export class Web implements Service {
  readonly name = 'web';
  readonly #options: WebOptions;
  readonly #zone: string;
  readonly #certificates: ServerCertificates;
  readonly #sockets = new Set<Duplex>();
  #own: HttpApp | undefined;
  #router: SiteRouter | undefined;
  #server: Http2SecureServer | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(options: WebOptions) {
    this.#options = options;
    this.#zone = zoneName(options.identity.boxId, options.zoneRoot);
    this.#certificates = new ServerCertificates({ identity: options.identity, zone: this.#zone });
  }

  get port(): number {
    const address = this.#server?.address();
    if (address === null || address === undefined || typeof address === 'string')
      throw new Error('the web is not open');
    return address.port;
  }

  /** What the tunnel's child begins each connection with, before the PROXY header. */
  get tunnelKey(): string {
    return this.#options.visitors.door.key;
  }

  /** Loopback port for the tunnel's child. */
  get tunnelPort(): number {
    return this.#options.visitors.door.port;
  }

  async start(): Promise<void> {
    const { certificate, services, log, host, port } = this.#options;
    this.#unsubscribe = certificate.subscribe((value) => this.#use(value));
    this.#use(certificate.value);
    this.#own = await createOwnApp({
      view: (request) => this.#view(request.raw.socket, request.host),
      probe: this.#options.probe,
      probePath: this.#options.probePath,
      pages: this.#options.pages,
      access: this.#options.access,
      log,
    });
    const { identity, zoneRoot, mirrors, access, visitors } = this.#options;
    this.#router = new SiteRouter({
      names: zoneNames(identity.boxId, zoneRoot, mirrors),
      services,
      visitorOf: (socket) => visitors.of(socket),
      told: this.#options.told ?? (() => undefined),
      own: {
        request: (request, response) => void this.#own?.server.emit('request', request, response),
        upgrade: (request, socket, head) => access.upgrade(request, socket, head),
      },
      log,
    });
    this.#server = this.#createServer();
    const server = this.#server;
    await listen(server, { host, port }).catch((error: unknown) => {
      throw listenProblem(error, { host, port, setting: 'web.port' });
    });
    await visitors.door.start((socket) => server.emit('connection', socket));
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    await this.#options.visitors.door.stop();
    const server = this.#server;
    if (server?.listening === true) {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of this.#sockets) socket.destroy();
      await closed;
    }
    await this.#own?.close();
    this.#router?.close();
  }

  #createServer(): Http2SecureServer {
    const { identity, log, visitors } = this.#options;
    const server = createSecureServer({
      ...http1Limits,
      allowHTTP1: true,
      key: identity.keyPem,
      cert: identity.certPem,
      ...intermediateTls,
      handshakeTimeout: 10_000,
      SNICallback: (name, done) => done(null, this.#certificates.contextFor(name)),
      settings: { maxConcurrentStreams: 128, maxHeaderListSize: headLimitBytes },
      // As many fields as HTTP/1.1 takes; the compressed form of an answer's head may be longer than the plain one.
      maxHeaderListPairs: 2000,
      maxSendHeaderBlockLength: 2 * headLimitBytes,
      maxSessionInvalidFrames: 100,
    });
    Object.assign(server, http1Limits);
    server.on('connection', (socket: Socket) => {
      visitors.admit(socket);
      this.#sockets.add(socket);
      // A visitor that vanished without a word (a phone that left) is noticed also on a silent WebSocket.
      socket.setKeepAlive(true, keepAliveProbeMs);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('secureConnection', (socket) => socket.setNoDelay(true));
    // As HTTP/1.1 has it: idle for so long, a connection ends; what is under way on it may finish.
    server.on('session', (session) =>
      session.setTimeout(httpLimits.keepAliveTimeoutMs, () => session.close()),
    );
    lingerAfterAnswers(server as unknown as HttpServer);
    server.on('clientError', answerClientError);
    server.on('tlsClientError', (error) => log.debug({ err: error }, 'a TLS handshake failed'));
    server.on('sessionError', (error) => log.debug({ err: error }, 'an HTTP/2 session failed'));
    server.on('request', (request, response) => this.#request(request, response, false));
    server.on('checkContinue', (request, response) => this.#request(request, response, true));
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      this.#router?.upgrade(request, socket, head);
    });
    return server;
  }

  #request(request: Http2ServerRequest, response: Http2ServerResponse, expects: boolean): void {
    this.#options.visitors.used(request.socket);
    this.#router?.request(request, response, expects);
  }

  #use(certificate: ZoneCertificate | undefined): void {
    this.#certificates.use(certificate);
    if (certificate === undefined) {
      this.#options.health.set(
        'web',
        'warning',
        'the page is served with the box’s own certificate, which browsers warn of',
        'wait for the certificate; `porchlight doctor` says what holds it up',
      );
    } else {
      this.#options.health.set('web', 'ok', 'the page is served with the zone’s certificate');
    }
  }

  #view(socket: Socket, host: string): StatusView {
    const { through, atHome } = this.#options.visitors.of(socket);
    return {
      known:
        through === 'home'
          ? { name: this.#options.name.value, boxId: this.#options.identity.boxId }
          : undefined,
      selfSigned: this.#options.certificate.value === undefined || !this.#certificates.covers(host),
      through,
      cannotSave: this.#options.cannotSave?.() ?? false,
      details: atHome ? this.#options.details() : undefined,
    };
  }
}
