import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Problem } from '../../kit/runtime/errors.ts';
import { lowerAscii, normalAuthority } from '../../kit/http/http-text.ts';
import type { Log } from '../../kit/log/log.ts';
import { refuseUpgrade } from '../../kit/http/refuse-upgrade.ts';
import { Exchange } from './exchange.ts';
import { bodyOf, type Headers, requestHeaders, responseHeaders } from './forwarding.ts';
import type { PublishedService } from './published-services.ts';
import { ServiceConnections } from './service-connection.ts';
import { hostOnly, Translation } from './translation.ts';
import { UpgradeExchange } from './upgrade-exchange.ts';
import { HttpVisitor, type HttpVisitorRequest, type HttpVisitorResponse } from './http-visitor.ts';

export interface ReverseProxyOptions {
  service: PublishedService;
  /** The visitor's address, for a connection. */
  addressOf: (socket: Socket) => string;
  /** Told after each request: the service answered, or what was wrong. */
  told: (fault: Problem | undefined) => void;
  log: Log;
}

/**
 * A reverse proxy (RFC 9110, 7.6) for one published service: HTTP/1.1 and HTTP/2 in, HTTP/1.1 out. Every body is a stream
 * with back-pressure; a WebSocket (RFC 6455) is two pipes once the service has agreed, so that neither a slow visitor nor
 * a fast service fills the box's memory.
 */
export class ReverseProxy {
  readonly #options: ReverseProxyOptions;
  readonly #target: URL;
  readonly #connections: ServiceConnections;
  #translation: { host: string; translation: Translation } | undefined;

  constructor(options: ReverseProxyOptions) {
    this.#options = options;
    this.#target = new URL(options.service.target);
    this.#connections = new ServiceConnections(this.#target);
  }

  /** `expects`: the visitor waits for *100 Continue* before it sends the body. */
  request(request: HttpVisitorRequest, response: HttpVisitorResponse, expects = false): void {
    new Exchange({
      ...this.#for(request),
      visitor: new HttpVisitor(request, response),
      expects,
    }).run();
  }

  /** An HTTP/1.1 request to change the protocol. Only to WebSocket: with others (h2c) a visitor could go past this proxy. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (lowerAscii(request.headers.upgrade ?? '') !== 'websocket' || bodyOf(request) !== 'none')
      return refuseUpgrade(socket, 400);
    new UpgradeExchange({ ...this.#for(request), request, socket, head }).run();
  }

  close(): void {
    this.#connections.close();
  }

  #for(request: HttpVisitorRequest): {
    service: PublishedService;
    connections: ServiceConnections;
    headers: Headers;
    answered: (head: IncomingHttpHeaders) => Headers;
    told: (fault: Problem | undefined) => void;
  } {
    const { service, addressOf, told, log } = this.#options;
    const { host: authority } = request.headers;
    const host = authority === undefined ? undefined : normalAuthority(authority);
    const visitor = { address: addressOf(request.socket), host };
    const headers = requestHeaders(request.headers, visitor);
    const translation =
      service.host === 'visitor' || host === undefined ? undefined : this.#translationFor(host);
    return {
      service,
      connections: this.#connections,
      headers: {
        host: translation === undefined ? (host ?? this.#target.host) : this.#target.host,
        ...(translation === undefined ? headers : translation.request(headers)),
      },
      answered: (head) => {
        const kept = responseHeaders(head);
        const { 'set-cookie': cookies } = kept;
        if (cookies !== undefined) kept['set-cookie'] = [cookies].flat().map(hostOnly);
        return translation === undefined ? kept : translation.answer(kept);
      },
      told: (fault) => {
        if (fault !== undefined) log.info({ service: service.label, err: fault.cause }, fault.message);
        told(fault);
      },
    };
  }

  /** Visitors choose the port they say, so not every host is kept. */
  #translationFor(host: string): Translation {
    if (this.#translation?.host !== host) {
      const sides = { outside: `https://${host}`, inside: this.#target.origin };
      this.#translation = { host, translation: new Translation(sides) };
    }
    return this.#translation.translation;
  }
}
