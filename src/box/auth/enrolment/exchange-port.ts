import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Value } from 'typebox/value';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Clock, seconds } from '../../../kit/runtime/clock.ts';
import { codeOf, isAbort, Problem } from '../../../kit/runtime/errors.ts';
import type { Log } from '../../../kit/log/log.ts';
import { readableName } from '../../../kit/runtime/text.ts';
import { refuseUpgrade } from '../../../kit/http/refuse-upgrade.ts';
import { isWithin } from '../../../protocol/addresses.ts';
import type { ZoneNames } from '../../../protocol/names.ts';
import {
  enrolmentLimits,
  type SignCertificateError,
  type SignCertificateReply,
  SignCertificateRequest,
  type SignCertificateWaiting,
  SonarQuery,
} from '../../../protocol/enrolment-api.ts';
import { approvalLimits } from '../../../protocol/approvals-api.ts';
import type { Exchange } from './exchange.ts';
import { addressOf, isFromPage, isSocketPath, SocketListener, upgradeLimits } from './socket-listener.ts';

export interface ExchangePortOptions {
  host: string;
  port: number;
  /** The networks on the box's own links. */
  links: () => readonly string[];
  names: ZoneNames;
  exchange: Exchange;
  clock: Clock;
  log: Log;
}

const loopback = ['127.0.0.0/8', '::1/128'];
/** A reader that is not there reads this, and the socket closes. */
const policyViolation = 1008;

/** The insecure port: programs on the home network, one message each. */
export class ExchangePort {
  readonly listener: SocketListener;
  readonly #options: ExchangePortOptions;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: enrolmentLimits.messageBytes,
    perMessageDeflate: false,
  });

  constructor(options: ExchangePortOptions) {
    this.#options = options;
    this.listener = new SocketListener(createServer(upgradeLimits), {
      ...options,
      setting: 'enrolment.insecure-port',
      places: 64,
      mayConnect: (address) => isWithin(address, [...loopback, ...options.links()]),
      upgrade: (request, stream, head) => this.#upgrade(request, stream, head),
    });
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const [, search] = (request.url ?? '').split('?');
    if (!isSocketPath(request.url)) return refuseUpgrade(stream, 404);
    // A page in a browser at home, and whoever comes through a proxy on this machine, only look as if they were at home.
    const relayed = 'forwarded' in request.headers || 'x-forwarded-for' in request.headers;
    if (relayed || isFromPage(request.headers, this.#options.names)) return refuseUpgrade(stream, 403);
    const query = queryOf(search);
    const address = addressOf(request.socket);
    if (query === undefined || address === undefined) return refuseUpgrade(stream, 400);
    this.#sockets.handleUpgrade(request, stream, head, (socket) => this.#attend(socket, query, address));
  }

  #attend(socket: WebSocket, query: SonarQuery, address: string): void {
    const { clock, log } = this.#options;
    const [heard, gone] = [new AbortController(), new AbortController()];
    socket.on('error', (error) => log.debug({ code: codeOf(error) }, 'an exchange socket failed'));
    socket.once('close', () => gone.abort());
    socket.on('message', (data: Buffer, isBinary) => {
      if (heard.signal.aborted) return socket.close(policyViolation, 'one message is taken');
      heard.abort();
      void this.#answer(socket, isBinary ? '' : data.toString('utf8'), { query, address }, gone.signal);
    });
    const patience = AbortSignal.any([heard.signal, gone.signal]);
    void clock.sleep(seconds(enrolmentLimits.firstMessageSeconds), patience).then(
      () => socket.close(policyViolation, 'nothing was asked'),
      () => undefined,
    );
  }

  async #answer(
    socket: WebSocket,
    text: string,
    from: { query: SonarQuery; address: string },
    signal: AbortSignal,
  ): Promise<void> {
    const say = (message: SignCertificateReply | SignCertificateWaiting | SignCertificateError): void =>
      socket.send(JSON.stringify(message), () => undefined);
    const waiting = (code: string): void => {
      // The exchange as it was described has one answer; only who asks for more is told more.
      if (from.query.progress === '1') say({ waiting: { code, seconds: approvalLimits.waitSeconds } });
    };
    try {
      const request = requestIn(text);
      say({ deviceId: await this.#options.exchange.sign({ ...from, request }, waiting, signal) });
      socket.close();
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      say({ error: this.#told(error) });
      socket.close(policyViolation);
    }
  }

  /** What is not the device's doing says nothing of the box. */
  #told(error: unknown): SignCertificateError['error'] {
    if (error instanceof Problem && error.status < 500) {
      const { code, message, retryAfterSeconds } = error;
      return { code, message, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
    }
    this.#options.log.warn({ err: error }, 'a certificate exchange failed');
    const code = error instanceof Problem ? error.code : 'unexpected';
    return { code, message: 'something went wrong on the box; its log says more' };
  }
}

function queryOf(search: string | undefined): SonarQuery | undefined {
  const given: Record<string, string> = Object.fromEntries(new URLSearchParams(search));
  for (const name of ['os', 'device', 'app']) given[name] = readableName(given[name] ?? '');
  return Value.Check(SonarQuery, given) ? given : undefined;
}

/** Throws `bad-request`. */
function requestIn(text: string): SignCertificateRequest {
  const request = jsonIn(text);
  if (Value.Check(SignCertificateRequest, request)) return request;
  const message =
    'only { method: "signCertificate", csr, destination, medium } is taken here, as a text message of JSON';
  throw new Problem('bad-request', message, { status: 400 });
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
