import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { ZoneCertificate } from '../../../src/box/facts.ts';
import { OwnProbe, probePath } from '../../../src/box/tunnel/own-probe.ts';
import { readProxyHeader } from '../../../src/box/web/proxy-protocol.ts';
import { Relay, type RelayOptions } from '../../../src/cloud/relay/relay.ts';
import { tunnelSecret } from '../../../src/cloud/tunnel-secret.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { boxIdFromDigest, type BoxId } from '../../../src/protocol/names.ts';
import type { TunnelGrant } from '../../../src/protocol/zone-api.ts';

/** Visitors from here speak no TLS after their ClientHello. */
export const plainAddress = '127.0.0.99';

const zoneRoot = 'box.test';
export const masterKey = Buffer.alloc(32, 9);

export function randomBoxId(): BoxId {
  return boxIdFromDigest(randomBytes(32));
}

export function tunnelNameOf(boxId: BoxId): string {
  return `remote.${boxId}.${zoneRoot}`;
}

export function testRelay(options: Partial<RelayOptions> = {}): Relay {
  const { limits, ...others } = options;
  return new Relay({
    host: '127.0.0.1',
    port: 0,
    zoneRoot,
    masterKey,
    limits: { drainMs: 500, ...limits },
    log: silentLog,
    clock: systemClock,
    health: new Health(systemClock),
    ...others,
  });
}

/** What the zone API would answer for a box, with the relay on this machine. */
export function grantFor(boxId: BoxId, port: number, more: Partial<TunnelGrant> = {}): TunnelGrant {
  const kiteName = tunnelNameOf(boxId);
  return {
    frontends: [{ address: `127.0.0.1:${port}` }],
    addresses: ['127.0.0.1'],
    publicPort: port,
    kiteName,
    ...tunnelSecret(masterKey, kiteName, Date.now()),
    ...more,
  };
}

/** That there is one is all the tunnel wants to know. */
export const someCertificate = new OwnedFact<ZoneCertificate | undefined>({
  chainPem: '',
  keyPem: '',
  names: [],
  notBefore: 0,
  notAfter: 0,
  serial: '',
});

export interface WebOptions {
  boxId: BoxId;
  tls: { keyPem: string; certPem: string };
  handle?: (request: IncomingMessage, response: ServerResponse) => void;
  /** Takes connections of visitors from `plainAddress` as they are, instead of HTTPS. */
  onPlain?: (socket: Socket) => void;
}

/** Stands in for the box's web: a loopback port that expects a PROXY header, and HTTPS behind it. */
export class WebStandIn {
  readonly probe: OwnProbe;
  /** `address:port` of each visitor, as the PROXY header told. */
  readonly visitors: string[] = [];
  /** Replace it to answer probes with something else. */
  answer: (nonce: string) => string | undefined;
  readonly #options: WebOptions;
  readonly #https: HttpsServer;
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: WebOptions) {
    this.#options = options;
    this.probe = new OwnProbe(options.boxId);
    this.answer = (nonce) => this.probe.answer(nonce);
    const { keyPem: key, certPem: cert } = options.tls;
    this.#https = createHttpsServer({ key, cert }, (request, response) => this.#serve(request, response));
    this.#listener = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#greet(socket));
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#listener.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#listener.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'https://box');
    if (url.pathname === probePath) {
      const answer = this.answer(url.searchParams.get('nonce') ?? '');
      response.statusCode = answer === undefined ? 404 : 200;
      response.end(answer);
    } else if (this.#options.handle === undefined) response.end('hello');
    else this.#options.handle(request, response);
  }

  #greet(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let bytes = Buffer.alloc(0);
    const read = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const header = readProxyHeader(bytes);
      if (header.state === 'incomplete') return;
      socket.off('data', read);
      if (header.state === 'invalid') return void socket.destroy();
      socket.pause();
      this.visitors.push(`${header.visitor?.address}:${header.visitor?.port}`);
      const rest = bytes.subarray(header.length);
      if (rest.length > 0) socket.unshift(rest);
      const { onPlain } = this.#options;
      if (onPlain !== undefined && header.visitor?.address === plainAddress) onPlain(socket);
      else this.#https.emit('connection', socket);
    };
    socket.on('data', read);
  }
}
