import { constants } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { WebSocket } from 'ws';
import type { Clock } from '../../../kit/runtime/clock.ts';
import { isAbort } from '../../../kit/runtime/errors.ts';
import { httpLimits } from '../../../kit/http/http-server.ts';
import type { Log } from '../../../kit/log/log.ts';
import { refuseUpgrade } from '../../../kit/http/refuse-upgrade.ts';
import { intermediateTls } from '../../../kit/x509/tls-policy.ts';
import { sessionEndedClose } from '../../../protocol/access-api.ts';
import type { DeviceHello } from '../../../protocol/enrolment-api.ts';
import type { ZoneNames } from '../../../protocol/names.ts';
import type { Audit } from '../../sessions/audit.ts';
import type { Guard } from '../../api/guard.ts';
import type { Session } from '../../sessions/sessions.ts';
import type { SessionSockets } from '../../api/session-sockets.ts';
import type { KeyPair } from './device-ca.ts';
import { answers } from './device-requests.ts';
import type { Devices } from './devices.ts';
import { addressOf, isFromPage, isSocketPath, SocketListener, upgradeLimits } from './socket-listener.ts';

export interface DevicePortOptions {
  host: string;
  port: number;
  names: ZoneNames;
  devices: Devices;
  sockets: SessionSockets;
  guard: Guard;
  audit: Audit;
  hello: (session: Session, certificateEndsAt: number) => DeviceHello;
  state: () => object;
  clock: Clock;
  log: Log;
}

/**
 * Each connection shows its certificate: a session of TLS that is resumed would stand for one that was looked at before. So
 * no tickets, and nothing is kept to resume by.
 */
const tls = {
  ...intermediateTls,
  secureOptions: intermediateTls.secureOptions | constants.SSL_OP_NO_TICKET,
} as const;

/** The secure port: devices with a certificate of the box's own CA that was not revoked. */
export class DevicePort {
  readonly listener: SocketListener;
  readonly #options: DevicePortOptions;
  readonly #server: Server;

  constructor(options: DevicePortOptions) {
    this.#options = options;
    this.#server = createServer({
      ...upgradeLimits,
      ...tls,
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: httpLimits.handshakeTimeoutMs,
    });
    this.listener = new SocketListener(this.#server, {
      ...options,
      setting: 'enrolment.port',
      places: 128,
      knownPlaces: 256,
      upgrade: (request, stream, head) => this.#upgrade(request, stream, head),
    });
    this.#server.on('tlsClientError', (error) =>
      options.log.debug({ err: error }, 'a TLS handshake with a device failed'),
    );
  }

  /**
   * From the next handshake on. Until the first call no handshake succeeds. The CA is shown too: some clients (Flipper's on
   * Android) want a chain of exactly two, though they have the CA already.
   */
  use(server: KeyPair, caPem: string): void {
    this.#server.setSecureContext({ ...tls, key: server.keyPem, cert: server.certPem + caPem, ca: caPem });
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const { devices, guard, audit, sockets, names, hello, state, clock } = this.#options;
    if (!isSocketPath(request.url)) return refuseUpgrade(stream, 404);
    // A browser would lend the certificate of its person to any page.
    if (isFromPage(request.headers, names)) return refuseUpgrade(stream, 403);
    const { socket } = request;
    const certificate = (socket as TLSSocket).getPeerX509Certificate();
    const address = addressOf(socket);
    if (certificate === undefined || address === undefined) return refuseUpgrade(stream, 403);
    const session = devices.find(certificate);
    if (session === undefined || guard.use(session, address) === undefined) {
      const who = `${certificate.subject}, ${certificate.serialNumber}`;
      audit.note({ action: 'credential-refused', who, address });
      return refuseUpgrade(stream, 403);
    }
    if (sockets.full || sockets.isFullFor(session.id)) return refuseUpgrade(stream, 503);
    const holder = { sessionId: session.id, address, owner: false, tokenEndsAt: undefined };
    const endsAt = certificate.validToDate.getTime();
    sockets.upgrade(request, stream, head, (opened) => {
      this.listener.know(socket);
      sockets.add(opened, holder, hello(session, endsAt), answers({ state, clock }));
      void this.#endAt(opened, endsAt);
    });
  }

  async #endAt(socket: WebSocket, endsAt: number): Promise<void> {
    const { clock } = this.#options;
    const closed = new AbortController();
    socket.once('close', () => closed.abort());
    try {
      await clock.sleep(endsAt - clock.now(), closed.signal);
      socket.close(sessionEndedClose, 'certificate ended');
    } catch (error) {
      if (!isAbort(error)) throw error;
    }
  }
}
