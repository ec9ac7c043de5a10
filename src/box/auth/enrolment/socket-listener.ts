import type { IncomingHttpHeaders, Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { clientKey } from '../../../kit/http/client-key.ts';
import { Problem } from '../../../kit/runtime/errors.ts';
import { httpLimits } from '../../../kit/http/http-server.ts';
import { isSound, isSoundUpgrade } from '../../../kit/http/http-strict.ts';
import { listen, listenProblem } from '../../../kit/http/listen.ts';
import type { Log } from '../../../kit/log/log.ts';
import { type Peer, Places } from '../../../kit/http/places.ts';
import { refusal } from '../../../kit/http/refusal.ts';
import { refuseUpgrade } from '../../../kit/http/refuse-upgrade.ts';
import { addressFamily, canonicalAddress } from '../../../protocol/addresses.ts';
import { enrolmentPaths } from '../../../protocol/enrolment-api.ts';
import type { ZoneNames } from '../../../protocol/names.ts';
import { isOwnHost } from '../../origins.ts';
import type { Upgrade } from '../auth-method.ts';

export interface SocketListenerOptions {
  host: string;
  port: number;
  /** That moves the port. */
  setting: string;
  /** Connections at one time; of one client not more than a fair share when they do not suffice (`Places`). */
  places: number;
  /** Beside them, of those for whom `know` was called. */
  knownPlaces?: number;
  /** Who is not let in is cut off before a byte is read. */
  mayConnect?: (address: string) => boolean;
  /** Takes over an HTTP upgrade, or refuses it; what it throws is answered 503. */
  upgrade: Upgrade;
  log: Log;
}

/** For the HTTP before the WebSocket: short, or not at all. */
export const upgradeLimits = {
  requestTimeout: httpLimits.headersTimeoutMs,
  headersTimeout: httpLimits.headersTimeoutMs,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: httpLimits.maxHeaderBytes,
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
} as const;

const onlySockets = new Problem('bad-request', 'only WebSockets come here', { status: 426 });

/** A port that WebSockets come to and nothing else, with a place for some. */
export class SocketListener {
  readonly #server: HttpServer | HttpsServer;
  readonly #options: SocketListenerOptions;
  readonly #sockets = new Set<Socket>();
  readonly #places: Places;

  constructor(server: HttpServer | HttpsServer, options: SocketListenerOptions) {
    this.#server = server;
    this.#options = options;
    this.#places = new Places({ most: options.places, known: options.knownPlaces ?? 1 });
    server.on('connection', (socket: Socket) => this.#admit(socket));
    // Node says so too when it cannot take a connection (no more files); the next one is tried anyway.
    server.on('error', () => undefined);
    server.on('request', (request, response) => {
      if (!isSound(request, response)) return;
      const { accept } = request.headers;
      const { status, headers, body } = refusal(onlySockets, { accept });
      response.writeHead(status, { ...headers, upgrade: 'websocket', connection: 'close' }).end(body);
    });
    server.on('upgrade', (request, stream, head) => {
      stream.on('error', () => stream.destroy());
      if (!isSoundUpgrade(request, stream)) return;
      try {
        options.upgrade(request, stream, head);
      } catch (error) {
        // Nobody above would catch it: it would be the end of the box.
        options.log.warn({ err: error }, 'a socket could not be opened');
        refuseUpgrade(stream, 503);
      }
    });
  }

  get isOpen(): boolean {
    return this.#server.listening;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** Who connects here is known: strangers do not take its place. */
  know(peer: Peer): void {
    this.#places.know(peer);
  }

  /** Throws `port-in-use` and the like. */
  async open(): Promise<void> {
    const { host, port, setting } = this.#options;
    try {
      await listen(this.#server, { host, port });
    } catch (error) {
      throw listenProblem(error, { host, port, setting, hostSetting: 'web.host' });
    }
  }

  async close(): Promise<void> {
    if (!this.isOpen) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #admit(socket: Socket): void {
    const { mayConnect = () => true } = this.#options;
    const address = addressOf(socket);
    if (address === undefined || !mayConnect(address)) return void socket.destroy();
    this.#places.admit(socket, clientKey(address, 'link'));
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

/** Where somebody connects from, canonical text; `undefined` when they are gone already. */
export function addressOf({ remoteAddress }: Pick<Socket, 'remoteAddress'>): string | undefined {
  // An IPv6 address of the link comes with the name of the interface (RFC 4007, 11).
  const address = remoteAddress?.replace(/%.*$/, '');
  return address === undefined || addressFamily(address) === undefined
    ? undefined
    : canonicalAddress(address);
}

/** Of both ports: as the protocol is described, and as its clients connect (`ws://host:port/?…`). */
export function isSocketPath(url: string | undefined): boolean {
  const [path = ''] = (url ?? '').split('?');
  return ['', '/', enrolmentPaths.socket, `${enrolmentPaths.socket}/`].includes(path);
}

/** Browsers say which page opens a WebSocket; programs say nothing, or some of them the very address they connect to. */
export function isFromPage({ origin, host = '' }: IncomingHttpHeaders, names: ZoneNames): boolean {
  if (origin === undefined) return false;
  const own = isOwnHost(host, names) || /^localhost(:\d+)?$/.test(host);
  return !own || !['http', 'https'].some((scheme) => origin === `${scheme}://${host}`);
}
