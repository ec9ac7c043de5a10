import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { Problem } from '../../kit/runtime/errors.ts';
import { refusal } from '../../kit/http/refusal.ts';
import { type Headers, headLines } from './forwarding.ts';

export type HttpVisitorRequest = IncomingMessage | Http2ServerRequest;
export type HttpVisitorResponse = ServerResponse | Http2ServerResponse;

/** Statuses whose answers have no content (RFC 9110, 6.4.1). */
const withoutContent = new Set([204, 205, 304]);

/**
 * One request of a visitor and the answer to it, over HTTP/1.1 or HTTP/2. Node's objects for the two look alike and are not:
 * where they differ is known here and nowhere else.
 */
export class HttpVisitor {
  readonly request: HttpVisitorRequest;
  readonly response: HttpVisitorResponse;
  #over = false;

  constructor(request: HttpVisitorRequest, response: HttpVisitorResponse) {
    this.request = request;
    this.response = response;
    // `destroyed` is nothing that an answer over HTTP/2 has; both tell when there is nobody any more.
    response.once('close', () => (this.#over = true));
  }

  get method(): string {
    return this.request.method ?? 'GET';
  }

  get path(): string {
    return this.request.url ?? '/';
  }

  /** The head of the answer is on its way, or nobody waits for it any more. */
  get closed(): boolean {
    return this.#over || this.response.headersSent;
  }

  /** Nobody waits for anything any more. */
  get gone(): boolean {
    return this.#over;
  }

  /** The body has come whole. */
  get bodyIsHere(): boolean {
    return this.request.readableEnded;
  }

  /** Runs when the exchange is over, well or not. */
  onceGone(run: () => void): void {
    this.response.once('close', run);
  }

  /** *Go on with the body* (RFC 9110, 10.1.1). */
  goOn(): void {
    if (!this.closed) this.response.writeContinue();
  }

  /** An interim answer (RFC 9110, 15.2). HTTP/1.0 knows none. */
  inform(status: number, headers: Headers): void {
    const { response } = this;
    if (this.closed) return;
    if ('stream' in response) return response.stream.additionalHeaders({ ...headers, ':status': status });
    if (this.request.httpVersion !== '1.1') return;
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Information'}\r\n${headLines(headers)}\r\n`;
    const write = (socket: Socket): void => void (this.closed || socket.write(head, 'latin1'));
    // Behind another answer on the same connection there is no way to the visitor yet.
    if (response.socket === null) response.once('socket', write);
    else write(response.socket);
  }

  /** Throws for what cannot be said. */
  head(status: number, headers: Headers): void {
    const { trailer: _, ...others } = headers;
    const fields = this.#takesTrailers(status, headers) ? headers : others;
    (this.response as ServerResponse).writeHead(status, fields);
  }

  /** Answers in the box's own words. */
  refuse(problem: Problem): void {
    refuseRequest(this.request, this.response, problem);
  }

  end(trailers: Readonly<Record<string, string>>): void {
    if (Object.keys(trailers).length > 0) this.response.addTrailers(trailers);
    this.response.end();
  }

  /** What was cut off must not look complete. */
  cutOff(): void {
    const { response } = this;
    if ('stream' in response) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else response.destroy();
  }

  /** Takes what still comes of the body and forgets it, so that the answer is read; not for ever. */
  drain(mostMs: number): void {
    const { request, response } = this;
    if (request.readableEnded || request.destroyed) return;
    const late = setTimeout(() => {
      if ('stream' in response) response.stream.close(constants.NGHTTP2_NO_ERROR);
      else request.destroy();
    }, mostMs);
    for (const over of ['end', 'close'] as const) request.once(over, () => clearTimeout(late));
    request.resume();
  }

  /** In HTTP/1.1 fields follow content that comes in chunks (RFC 9112, 7.1.2). */
  #takesTrailers(status: number, headers: Headers): boolean {
    if ('stream' in this.response) return true;
    const content = this.method !== 'HEAD' && !withoutContent.has(status);
    return content && this.request.httpVersion === '1.1' && headers['content-length'] === undefined;
  }
}

/** Answers a request that nobody else does, in words: a page for browsers, JSON for programs. */
export function refuseRequest(
  request: HttpVisitorRequest,
  response: HttpVisitorResponse,
  problem: Problem,
): void {
  const { status, headers, body } = refusal(problem, { accept: request.headers.accept });
  const length = String(Buffer.byteLength(body));
  (response as ServerResponse).writeHead(status, { ...headers, 'content-length': length });
  (response as ServerResponse).end(request.method === 'HEAD' ? undefined : body);
}
