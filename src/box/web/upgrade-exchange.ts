import type { ClientRequest, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf, Problem } from '../../kit/runtime/errors.ts';
import { refuseUpgrade } from '../../kit/http/refuse-upgrade.ts';
import { type Headers, headLines } from './forwarding.ts';
import type { PublishedService } from './published-services.ts';
import type { ServiceConnections } from './service-connection.ts';
import { faultIn, faultOf, tooSlow } from './service-faults.ts';

export interface UpgradeExchangeOptions {
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
  service: PublishedService;
  connections: ServiceConnections;
  /** The visitor's headers as the service gets them. */
  headers: Headers;
  /** A head of the service's as the visitor gets it. */
  answered: (head: IncomingMessage['headers']) => Headers;
  told: (fault: Problem | undefined) => void;
}

/** A request to become a WebSocket: the service agrees, and there are two pipes, or its refusal is the visitor's. */
export class UpgradeExchange {
  readonly #options: UpgradeExchangeOptions;
  #answered = false;

  constructor(options: UpgradeExchangeOptions) {
    this.#options = options;
  }

  run(): void {
    const { request, socket, service, connections, headers } = this.#options;
    let outgoing: ClientRequest;
    try {
      outgoing = connections.send({
        method: request.method ?? 'GET',
        path: request.url ?? '/',
        kept: false,
        headers: { ...headers, trailer: undefined, connection: 'Upgrade', upgrade: 'websocket' },
      });
    } catch (error) {
      return this.#fail(new Problem('bad-request', messageOf(error), { status: 400 }));
    }
    let opened = false;
    outgoing.once('socket', (given) => given.once('connect', () => (opened = true)));
    socket.once('close', () => outgoing.destroy());
    outgoing.setTimeout(service.answerTimeoutMs, () => {
      this.#fail(tooSlow(service));
      outgoing.destroy();
    });
    outgoing.on('error', (error) => {
      if (this.#answered) socket.destroy();
      else this.#fail(faultOf(service, error, opened));
    });
    outgoing.once('upgrade', (answer, connection, first) => this.#agreed(answer, connection, first));
    outgoing.once('response', (answer) => this.#refused(answer));
    outgoing.end();
  }

  #agreed(answer: IncomingMessage, service: Duplex, first: Buffer): void {
    const { socket, head, answered, told } = this.#options;
    this.#answered = true;
    told(undefined);
    if (service instanceof Socket) service.setTimeout(0);
    service.on('error', () => socket.destroy());
    service.once('close', () => socket.destroy());
    socket.once('close', () => service.destroy());
    const { upgrade = 'websocket' } = answer.headers;
    this.#write(answer, { ...answered(answer.headers), connection: 'Upgrade', upgrade });
    if (first.length > 0) socket.write(first);
    if (head.length > 0) service.write(head);
    service.pipe(socket);
    socket.pipe(service);
  }

  /** The service says no: its answer is the visitor's, and ends with the connection. */
  #refused(answer: IncomingMessage): void {
    const { socket, service, answered, told } = this.#options;
    const fault = faultIn(service, answer);
    if (fault !== undefined) {
      answer.destroy();
      return this.#fail(fault);
    }
    this.#answered = true;
    told(undefined);
    socket.once('finish', () => socket.destroy());
    answer.once('close', () => {
      if (!answer.complete) socket.end();
    });
    answer.on('error', () => undefined);
    // Its content ends with the connection, so nothing can follow it.
    this.#write(answer, { ...answered(answer.headers), trailer: undefined, connection: 'close' });
    answer.pipe(socket);
  }

  #write({ statusCode, statusMessage }: IncomingMessage, headers: Headers): void {
    const head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n${headLines(headers)}\r\n`;
    this.#options.socket.write(head, 'latin1');
  }

  #fail(problem: Problem): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#options.told(problem);
    refuseUpgrade(this.#options.socket, problem.status);
  }
}
