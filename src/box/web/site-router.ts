import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { Problem } from '../../kit/runtime/errors.ts';
import { isSound, isSoundUpgrade } from '../../kit/http/http-strict.ts';
import { hostName } from '../../kit/http/http-text.ts';
import type { Log } from '../../kit/log/log.ts';
import { refuseUpgrade } from '../../kit/http/refuse-upgrade.ts';
import type { ZoneNames } from '../../protocol/names.ts';
import type { PublishedService } from './published-services.ts';
import { ReverseProxy } from './reverse-proxy.ts';
import { type Choice, chosen } from './sites.ts';
import { refuseRequest } from './http-visitor.ts';

const mostChoices = 256;

export interface SiteRouterOptions {
  names: ZoneNames;
  services: readonly PublishedService[];
  visitorOf: (socket: Socket) => { through: 'home' | 'tunnel'; address: string; atHome: boolean };
  /** Told after each request to a service: it answered, or what was wrong. */
  told: (label: string, fault: Problem | undefined) => void;
  /** The box's own pages and calls. */
  own: {
    request(request: Http2ServerRequest, response: Http2ServerResponse): void;
    upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  };
  log: Log;
}

/** Hands every request to the site it is for: a published service's proxy, or the box's own application. */
export class SiteRouter {
  readonly #options: SiteRouterOptions;
  readonly #proxies: ReadonlyMap<string, ReverseProxy>;
  readonly #labels: ReadonlySet<string>;
  /** What was chosen before: the same names come again and again. */
  readonly #choices = new Map<string, Choice>();

  constructor(options: SiteRouterOptions) {
    const { services, visitorOf, told, log } = options;
    this.#options = options;
    this.#labels = new Set(services.map(({ label }) => label));
    this.#proxies = new Map(
      services.map((service) => [
        service.label,
        new ReverseProxy({
          service,
          addressOf: (socket) => visitorOf(socket).address,
          told: (fault) => told(service.label, fault),
          log,
        }),
      ]),
    );
  }

  /** `expects`: the visitor waits for *100 Continue* before it sends the body. */
  request(request: Http2ServerRequest, response: Http2ServerResponse, expects = false): void {
    // The compatibility layer leaves out what HTTP/1.1 applications read. The authority is the host, whatever a second
    // word on it says (RFC 9113, 8.3.1).
    if (request.authority !== undefined) request.headers.host = request.authority;
    if (!isSound(request, response as unknown as ServerResponse)) return;
    const choice = this.#choose(request);
    if (choice.kind === 'service')
      return this.#proxies.get(choice.label)?.request(request, response, expects);
    if (choice.kind !== 'own') return refuseRequest(request, response, this.#refusal(choice, request));
    if (expects) response.writeContinue();
    this.#options.own.request(request, response);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!isSoundUpgrade(request, socket)) return;
    const choice = this.#choose(request);
    if (choice.kind === 'own') this.#options.own.upgrade(request, socket, head);
    else if (choice.kind === 'service') this.#proxies.get(choice.label)?.upgrade(request, socket, head);
    else refuseUpgrade(socket, this.#refusal(choice, request).status);
  }

  close(): void {
    for (const proxy of this.#proxies.values()) proxy.close();
  }

  #choose({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): Choice {
    const { servername } = socket as TLSSocket & { servername?: string | false };
    const { through } = this.#options.visitorOf(socket);
    const { host } = headers;
    const key = `${through} ${servername} ${host}`;
    const before = this.#choices.get(key);
    if (before !== undefined) return before;
    const choice = chosen(
      { serverName: servername || undefined, host, through },
      this.#options.names,
      this.#labels,
    );
    // Visitors choose what they say.
    if (this.#choices.size >= mostChoices) this.#choices.clear();
    this.#choices.set(key, choice);
    return choice;
  }

  #refusal(
    choice: Extract<Choice, { kind: 'unknown' | 'misdirected' }>,
    { headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>,
  ): Problem {
    if (choice.kind === 'misdirected')
      return new Problem(
        'misdirected',
        `this connection is not for ${hostName(headers.host ?? '')}; open a new one to that name`,
        { status: 421 },
      );
    const message = `there is no service at ${choice.name}`;
    // Strangers are not told what there is.
    if (!this.#options.visitorOf(socket).atHome)
      return new Problem('no-such-service', `${message}; look for the right address in the box’s console`, {
        status: 404,
      });
    const services = [...this.#labels].map((label) => `https://${label}.${this.#options.names.main}`);
    const there = services.length === 0 ? 'this box publishes none' : `there are: ${services.join(', ')}`;
    return new Problem('no-such-service', `${message}; ${there}`, { status: 404, details: { services } });
  }
}
