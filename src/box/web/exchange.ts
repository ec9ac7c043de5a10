import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { seconds } from '../../kit/runtime/clock.ts';
import { messageOf, Problem } from '../../kit/runtime/errors.ts';
import { bodyOf, type Headers, isSafe, trailersOf } from './forwarding.ts';
import type { PublishedService } from './published-services.ts';
import type { ServiceConnections } from './service-connection.ts';
import { bodyTooSlow, faultIn, faultOf, tooSlow, wrongAnswer } from './service-faults.ts';
import type { HttpVisitor } from './http-visitor.ts';

/** So long a visitor may go on to send what a service did not want to read. */
const drainMs = seconds(30);

export interface ExchangeOptions {
  visitor: HttpVisitor;
  service: PublishedService;
  connections: ServiceConnections;
  /** The visitor's headers as the service gets them. */
  headers: Headers;
  /** The visitor waits for *100 Continue* before it sends the body. */
  expects: boolean;
  /** A head of the service's as the visitor gets it. */
  answered: (head: IncomingMessage['headers']) => Headers;
  /** How it went: the service answered, or what was wrong. */
  told: (fault: Problem | undefined) => void;
}

/** One request of a visitor: sent to the service, answered by it, or by the box where the service does not. */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #visitor: HttpVisitor;
  readonly #body: 'none' | 'sized' | 'chunked';
  /** May be sent once more when the service closed the kept connection over it. */
  readonly #repeatable: boolean;
  #outgoing: ClientRequest | undefined;
  /** The service gets nothing more of the body. */
  #stopped = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#visitor = options.visitor;
    this.#body = bodyOf(options.visitor.request);
    this.#repeatable = this.#body === 'none' && isSafe(options.visitor.method);
  }

  run(): void {
    this.#visitor.onceGone(() => this.#outgoing?.destroy());
    this.#send(this.#repeatable);
  }

  #send(kept: boolean): void {
    const { headers, expects, connections } = this.#options;
    const { method, path } = this.#visitor;
    let outgoing: ClientRequest;
    try {
      outgoing = connections.send({
        method,
        path,
        kept,
        headers: {
          ...headers,
          ...(expects ? { expect: '100-continue' } : {}),
          ...(this.#body === 'chunked' ? { 'transfer-encoding': 'chunked' } : { trailer: undefined }),
        },
      });
    } catch (error) {
      return this.#refuse(new Problem('bad-request', messageOf(error), { status: 400 }));
    }
    this.#outgoing = outgoing;
    this.#listen(outgoing);
    if (expects) outgoing.flushHeaders();
    if (this.#body === 'none') outgoing.end();
    else this.#sendBody(outgoing);
  }

  #listen(outgoing: ClientRequest): void {
    const { service, answered } = this.#options;
    const visitor = this.#visitor;
    const connection = watched(outgoing);
    outgoing.setTimeout(service.answerTimeoutMs, () => this.#late());
    outgoing.on('continue', () => visitor.goOn());
    outgoing.on('information', ({ statusCode, headers }) => {
      // 100 is for whoever waits for it, and 101 ends HTTP.
      if (statusCode > 101) visitor.inform(statusCode, answered(headers));
    });
    outgoing.once('response', (answer) => this.#answer(answer));
    outgoing.once('upgrade', (answer, socket) => {
      socket.destroy();
      this.#fail(faultIn(service, answer) ?? wrongAnswer(service, 'it changed the protocol'));
    });
    outgoing.on('error', (error) => {
      if (visitor.closed) return;
      if (this.#repeatable && outgoing.reusedSocket && connection.silent()) return this.#send(false);
      this.#fail(faultOf(service, error, connection.opened()));
    });
  }

  #sendBody(outgoing: ClientRequest): void {
    const { request } = this.#visitor;
    // The rest is not wanted; who sends it must still get as far as reading the answer.
    outgoing.once('socket', (socket) => socket.once('unsent', () => this.#stopSending()));
    request.pipe(outgoing, { end: false });
    request.once('end', () => {
      if (this.#stopped) return;
      if (this.#body === 'chunked') outgoing.addTrailers(trailersOf(request.trailers));
      outgoing.end();
    });
  }

  #answer(answer: IncomingMessage): void {
    const visitor = this.#visitor;
    this.#outgoing?.setTimeout(0);
    answer.on('error', () => undefined);
    const fault = faultIn(this.#options.service, answer);
    if (visitor.closed || fault !== undefined) {
      answer.destroy();
      return fault && this.#fail(fault);
    }
    try {
      visitor.head(answer.statusCode ?? 502, this.#options.answered(answer.headers));
    } catch (error) {
      answer.destroy();
      return this.#fail(wrongAnswer(this.#options.service, messageOf(error), error));
    }
    this.#options.told(undefined);
    // What was cut off must not look complete to the visitor.
    answer.once('close', () => {
      if (!answer.complete && !visitor.gone) visitor.cutOff();
    });
    answer.pipe(visitor.response, { end: false });
    answer.once('end', () => {
      visitor.end(trailersOf(answer.trailers));
      if (this.#body === 'none' || visitor.bodyIsHere) return;
      this.#stopSending();
      this.#outgoing?.destroy();
    });
  }

  #late(): void {
    const { service } = this.#options;
    const waiting = this.#body !== 'none' && !this.#visitor.bodyIsHere;
    this.#fail(waiting ? bodyTooSlow() : tooSlow(service));
  }

  /** A body of which the end is left out has no end for the service, either. */
  #stopSending(): void {
    this.#stopped = true;
    if (this.#outgoing !== undefined) this.#visitor.request.unpipe(this.#outgoing);
    this.#visitor.drain(drainMs);
  }

  #fail(problem: Problem): void {
    this.#options.told(problem);
    this.#refuse(problem);
    if (this.#body !== 'none') this.#stopSending();
    this.#outgoing?.destroy();
  }

  #refuse(problem: Problem): void {
    if (!this.#visitor.closed) this.#visitor.refuse(problem);
  }
}

/** What is known of the connection of a request when it fails: whether it was opened, and whether a byte came back over it. */
function watched(outgoing: ClientRequest): { opened: () => boolean; silent: () => boolean } {
  let socket: Socket | undefined;
  let opened = false;
  let before = 0;
  outgoing.once('socket', (given) => {
    socket = given;
    before = given.bytesRead;
    opened = !given.connecting;
    if (given.connecting) given.once('connect', () => (opened = true));
  });
  return { opened: () => opened, silent: () => socket === undefined || socket.bytesRead === before };
}
