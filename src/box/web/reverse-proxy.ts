import { Agent, type ClientRequest, type IncomingMessage, request as send } from 'node:http';
import type { ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf, Problem } from '../../kit/errors.ts';
import type { Log } from '../../kit/log.ts';
import { refuseUpgrade } from '../../kit/refuse-upgrade.ts';
import { bodyOf, type Headers, requestHeaders, responseHeaders } from './forwarding.ts';
import type { PublishedService } from './published-services.ts';

type VisitorRequest = IncomingMessage | Http2ServerRequest;
type VisitorResponse = ServerResponse | Http2ServerResponse;

/** A service that says nothing for so long after a request, and is sent nothing more of it, is not waited for. */
const answerTimeoutMs = 60_000;

/**
 * A reverse proxy (RFC 9110, 7.6) for one published service: HTTP/1.1 and HTTP/2 in, HTTP/1.1 out. Every body is a stream
 * with back-pressure; a WebSocket (RFC 6455) is two pipes once the service has agreed, so that neither a slow visitor nor
 * a fast service fills the box's memory. `addressOf` tells the visitor's address for a connection.
 */
export class ReverseProxy {
  readonly #service: PublishedService;
  readonly #target: URL;
  readonly #addressOf: (socket: Socket) => string;
  readonly #log: Log;
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 8 });

  constructor(options: { service: PublishedService; addressOf: (socket: Socket) => string; log: Log }) {
    this.#service = options.service;
    this.#target = new URL(options.service.target);
    this.#addressOf = options.addressOf;
    this.#log = options.log;
  }

  request(request: VisitorRequest, response: VisitorResponse, again = false): void {
    const body = bodyOf(request);
    let outgoing: ClientRequest;
    try {
      // What has a body cannot be sent twice, so it never goes over a connection that the service may be about to close.
      outgoing = this.#send(request, body === 'none' ? this.#agent : false, {
        ...requestHeaders(request.headers, this.#visitor(request)),
        ...(body === 'chunked' ? { 'transfer-encoding': 'chunked' } : {}),
      });
    } catch (error) {
      return refuse(response, 400, new Problem('bad-request', messageOf(error)));
    }
    outgoing.once('response', (answer) => {
      outgoing.setTimeout(0);
      if (isAnswer(answer)) return forward(answer, response);
      answer.destroy();
      refuse(response, 502, this.#notAnswering(noAnswer(answer)));
    });
    outgoing.once('upgrade', (answer, socket) => {
      socket.destroy();
      refuse(response, 502, this.#notAnswering(noAnswer(answer)));
    });
    outgoing.on('error', (error) => {
      if (response.headersSent || response.destroyed) return;
      if (outgoing.reusedSocket && !again) return this.request(request, response, true);
      refuse(response, 502, this.#notAnswering(error));
    });
    response.once('close', () => outgoing.destroy());
    if (body === 'none') outgoing.end();
    else request.pipe(outgoing);
  }

  /** An HTTP/1.1 request to change the protocol. Only to WebSocket: with others (h2c) a visitor could go past this proxy. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (request.headers.upgrade?.toLowerCase() !== 'websocket' || bodyOf(request) !== 'none')
      return refuseUpgrade(socket, 400);
    let outgoing: ClientRequest;
    try {
      outgoing = this.#send(request, false, {
        ...requestHeaders(request.headers, this.#visitor(request)),
        connection: 'Upgrade',
        upgrade: 'websocket',
      });
    } catch {
      return refuseUpgrade(socket, 400);
    }
    socket.once('close', () => outgoing.destroy());
    let answered = false;
    outgoing.on('error', (error) => {
      this.#notAnswering(error);
      if (answered) socket.destroy();
      else refuseUpgrade(socket, 502);
    });
    outgoing.once('upgrade', (answer, service, first) => {
      answered = true;
      service.setTimeout(0);
      service.on('error', () => socket.destroy());
      service.once('close', () => socket.destroy());
      socket.once('close', () => service.destroy());
      socket.write(headOf(answer, answer.rawHeaders), 'latin1');
      if (first.length > 0) socket.write(first);
      if (head.length > 0) service.write(head);
      service.pipe(socket);
      socket.pipe(service);
    });
    // The service says no: its answer is the visitor's, and ends with the connection.
    outgoing.once('response', (answer) => {
      answered = true;
      if (!isAnswer(answer)) {
        answer.destroy();
        this.#notAnswering(noAnswer(answer));
        return refuseUpgrade(socket, 502);
      }
      socket.once('finish', () => socket.destroy());
      answer.once('close', () => {
        if (!answer.complete) socket.end();
      });
      answer.on('error', () => undefined);
      const headers = Object.entries(responseHeaders(answer.headers)).flatMap(([name, value]) =>
        [value ?? []].flat().flatMap((one) => [name, one]),
      );
      socket.write(headOf(answer, [...headers, 'connection', 'close']), 'latin1');
      answer.pipe(socket);
    });
    outgoing.end();
  }

  close(): void {
    this.#agent.destroy();
  }

  #visitor(request: VisitorRequest): { address: string; host: string | undefined } {
    return { address: this.#addressOf(request.socket), host: request.headers.host };
  }

  /** Throws for a target or a header that HTTP/1.1 cannot carry. */
  #send(request: VisitorRequest, agent: Agent | false, headers: Headers): ClientRequest {
    const path = request.url ?? '/';
    // The absolute form (RFC 9112, 3.2.2) names a host of its own, which would go past the choice by host name.
    if (!path.startsWith('/') && path !== '*') throw new Problem('bad-request', 'ask for a path');
    const { hostname, port } = this.#target;
    const outgoing = send({
      agent,
      host: hostname.replace(/^\[|\]$/g, ''),
      port,
      method: request.method ?? 'GET',
      path,
      headers: { host: this.#target.host, ...headers },
    });
    outgoing.setTimeout(answerTimeoutMs, () =>
      outgoing.destroy(new Error(`no answer within ${answerTimeoutMs / 1000} s`)),
    );
    return outgoing;
  }

  #notAnswering(error: Error): Problem {
    const { label } = this.#service;
    this.#log.info({ service: label }, `${label} did not answer: ${messageOf(error)}`);
    const message = `the service “${label}” on the box does not answer; is it running?`;
    return new Problem('service-not-answering', message);
  }
}

/**
 * A service may say any three digits. What is none of HTTP's (RFC 9110, 15), or a change of protocol that nobody asked for, is
 * told to no visitor: Node throws at it, and that would be the end of the box.
 */
const isAnswer = ({ statusCode = 0 }: IncomingMessage): boolean => statusCode >= 200 && statusCode <= 599;
const noAnswer = ({ statusCode }: IncomingMessage): Error => new Error(`it said ${statusCode}`);

function forward(answer: IncomingMessage, response: VisitorResponse): void {
  // What was cut off must not look complete to the visitor.
  answer.once('close', () => {
    if (!answer.complete) cutOff(response);
  });
  answer.on('error', () => undefined);
  (response as ServerResponse).writeHead(answer.statusCode ?? 502, responseHeaders(answer.headers));
  answer.pipe(response);
}

function cutOff(response: VisitorResponse): void {
  if ('stream' in response) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else response.destroy();
}

function refuse(response: VisitorResponse, status: number, problem: Problem): void {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  (response as ServerResponse).writeHead(status, headers);
  response.end(JSON.stringify(problem.toJSON()));
}

/** Status line and headers (name, value, name, value, …) as HTTP/1.1 has them. */
function headOf(answer: IncomingMessage, headers: readonly string[]): string {
  const lines = headers.flatMap((name, index) =>
    index % 2 === 0 ? [`${name}: ${headers[index + 1] ?? ''}\r\n`] : [],
  );
  return `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n${lines.join('')}\r\n`;
}
