import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { upgrade } from 'undici';
import { bodyOf } from '../../box/web/forwarding.ts';
import type { PinnedBox } from '../../client/node/pinned-fetch.ts';
import { messageOf, Problem } from '../../kit/runtime/errors.ts';
import { lowerAscii } from '../../kit/http/http-text.ts';
import { headersToBox, headersToBrowser, type Sides } from './proxy-headers.ts';

/** A box that says nothing for so long after a request is not waited for. */
const answerTimeoutMs = 60_000;

/**
 * A reverse proxy (RFC 9110, 7.6) from its pages to one box. Every connection to it is by the identity that is
 * pinned, or nothing is sent. Both throw `identity-changed`, `box-away`, before anything is answered.
 */
export class BoxProxy {
  readonly #box: PinnedBox;
  readonly #sides: Sides;

  constructor(options: { box: PinnedBox; proxy: string }) {
    this.#box = options.box;
    this.#sides = { proxy: options.proxy, box: options.box.origin };
  }

  /** Bodies are streams both ways. */
  async request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const answer = await this.#box.dispatcher
      .request({
        origin: this.#sides.box,
        path: pathOf(request),
        method: request.method ?? 'GET',
        headers: headersToBox(request.headers, this.#sides),
        body: bodyOf(request) === 'none' ? null : request,
        signal: gone.signal,
        headersTimeout: answerTimeoutMs,
        bodyTimeout: 0,
      })
      .catch(away);
    response.writeHead(answer.statusCode, headersToBrowser(answer.headers, this.#sides));
    // What was cut off on one side is cut off on the other: both are destroyed.
    await pipeline(answer.body, response).catch(() => undefined);
  }

  /** WebSocket (RFC 6455): two pipes once the box has agreed. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (lowerAscii(request.headers.upgrade ?? '') !== 'websocket' || bodyOf(request) !== 'none')
      throw new Problem('bad-request', 'only WebSockets are opened here', { status: 400 });
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    const answer = await upgrade(this.#sides.box + pathOf(request), {
      dispatcher: this.#box.dispatcher,
      protocol: 'websocket',
      headers: headersToBox(request.headers, this.#sides) as IncomingHttpHeaders,
      signal: gone.signal,
    }).catch(away);
    const box = answer.socket;
    box.on('error', () => socket.destroy());
    box.once('close', () => socket.destroy());
    socket.once('close', () => box.destroy());
    const headers = headersToBrowser(answer.headers, this.#sides);
    const lines = Object.entries(headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((one) => `${name}: ${one}\r\n`),
    );
    const start = `HTTP/1.1 101 ${STATUS_CODES[101]}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n`;
    socket.write(`${start}${lines.join('')}\r\n`, 'latin1');
    if (head.length > 0) box.write(head);
    box.pipe(socket);
    socket.pipe(box);
  }

  close(): Promise<void> {
    return this.#box.close();
  }
}

function pathOf({ url = '/' }: IncomingMessage): string {
  if (url.startsWith('/')) return url;
  throw new Problem('bad-request', 'ask for a path', { status: 400 });
}

function away(error: unknown): never {
  if (error instanceof Problem) throw error;
  throw new Problem(
    'box-away',
    `the box does not answer: ${messageOf(error)}. Check that it has power and its network cable, and that this computer is on the same network; then look again`,
    { status: 502, cause: error },
  );
}
