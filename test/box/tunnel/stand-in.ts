import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { randomBytes } from 'node:crypto';
import { readProxyHeader } from '../../../src/box/web/proxy-protocol.ts';
import { OwnProbe, probePath } from '../../../src/box/tunnel/own-probe.ts';
import { systemClock } from '../../../src/kit/clock.ts';
import { OwnedFact } from '../../../src/kit/fact.ts';
import { Health } from '../../../src/kit/health.ts';
import { silentLog, type Log } from '../../../src/kit/log.ts';
import { Frontend, type FrontendOptions } from '../../../src/cloud/frontend/frontend.ts';
import { tunnelSecret } from '../../../src/cloud/tunnel-secret.ts';
import { boxIdFromDigest, type BoxId } from '../../../src/protocol/names.ts';
import type { TunnelGrant } from '../../../src/protocol/zone-api.ts';
import type { ZoneCertificate } from '../../../src/box/facts.ts';

export const zoneRoot = 'box.test';
export const masterKey = Buffer.alloc(32, 9);

export function randomBoxId(): BoxId {
  return boxIdFromDigest(randomBytes(32));
}

export function tunnelNameOf(boxId: BoxId): string {
  return `remote.${boxId}.${zoneRoot}`;
}

export function testFrontend(options: Partial<FrontendOptions> = {}): Frontend {
  const health = new Health(systemClock);
  return new Frontend({
    host: '127.0.0.1',
    port: 0,
    zoneRoot,
    masterKey,
    log: silentLog,
    clock: systemClock,
    health,
    ...options,
  });
}

/** What the zone API would answer for a box, with the frontend on this machine. */
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

export const someCertificate = new OwnedFact<ZoneCertificate | undefined>({
  chainPem: '', keyPem: '', names: [], notBefore: 0, notAfter: 0, serial: '',
}); // prettier-ignore

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Stands in for the box's web: a loopback port that expects a PROXY header, and HTTPS behind it. */
export class WebStandIn {
  readonly probe: OwnProbe;
  /** `address:port` of each visitor, as the PROXY header told. */
  readonly visitors: string[] = [];
  /** Set to answer probes with something else. */
  probeAnswer: (nonce: string) => string | undefined;
  readonly #https: HttpsServer;
  readonly #door: Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: {
    boxId: BoxId;
    tls: { keyPem: string; certPem: string };
    handle?: Handler;
    onSocket?: (socket: Socket) => void;
  }) {
    this.probe = new OwnProbe(options.boxId);
    this.probeAnswer = (nonce) => this.probe.answer(nonce);
    this.#https = createTlsServer(
      { key: options.tls.keyPem, cert: options.tls.certPem, keepAliveTimeout: 60_000 },
      (request, response) => {
        const url = new URL(request.url ?? '/', 'https://box');
        if (url.pathname !== probePath)
          return options.handle === undefined
            ? void response.end('hello')
            : options.handle(request, response);
        const answer = this.probeAnswer(url.searchParams.get('nonce') ?? '');
        response.statusCode = answer === undefined ? 404 : 200;
        return void response.end(answer);
      },
    );
    this.#door = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
      let bytes = Buffer.alloc(0);
      const read = (chunk: Buffer): void => {
        bytes = Buffer.concat([bytes, chunk]);
        const header = readProxyHeader(bytes);
        if (header.state === 'incomplete') return;
        socket.off('data', read);
        if (header.state === 'invalid') return void socket.destroy();
        socket.pause();
        this.visitors.push(`${header.visitor?.address}:${header.visitor?.port}`);
        socket.unshift(bytes.subarray(header.length));
        if (options.onSocket === undefined) this.#https.emit('connection', socket);
        else options.onSocket(socket);
      };
      socket.on('data', read);
    });
  }

  get port(): number {
    return (this.#door.address() as AddressInfo).port;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#door.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#door.close(resolve));
  }
}

/** A log whose lines a test can read. */
export type { Log };
