import { createServer, type Server } from 'node:http';
import { clientKey } from '../../kit/http/client-key.ts';
import { answerClientError, httpLimits } from '../../kit/http/http-server.ts';
import { isSound } from '../../kit/http/http-strict.ts';
import { hostName } from '../../kit/http/http-text.ts';
import { listen, listenProblem } from '../../kit/http/listen.ts';
import { escaped } from '../../kit/http/markup.ts';
import { Places } from '../../kit/http/places.ts';
import { plainPage, plainPageHeaders } from '../../kit/http/plain-page.ts';
import type { Service } from '../../kit/runtime/service.ts';

/** Plain HTTP serves nothing: it sends every visitor to the same page over HTTPS. */
export class HttpRedirect implements Service {
  readonly name = 'redirect';
  readonly #options: { host: string; port: number; httpsPort: () => number; zone: string };
  #server: Server | undefined;

  constructor(options: { host: string; port: number; httpsPort: () => number; zone: string }) {
    this.#options = options;
  }

  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async start(): Promise<void> {
    const { host, port, httpsPort, zone } = this.#options;
    const server = createServer(
      {
        requestTimeout: 5000,
        headersTimeout: 5000,
        connectionsCheckingInterval: 1000,
        maxHeaderSize: httpLimits.maxHeaderBytes,
        requireHostHeader: false,
      },
      (request, response) => {
        if (!isSound(request, response)) return;
        const location = redirectTarget(request.headers.host, request.url, zone, httpsPort());
        response.writeHead(308, { ...plainPageHeaders, location }).end(redirectPage(location));
      },
    );
    const places = new Places({ most: 256 });
    server.on('connection', (socket) => places.admit(socket, clientKey(socket.remoteAddress ?? '', 'link')));
    this.#server = server;
    server.on('clientError', answerClientError);
    await listen(server, { host, port }).catch((error: unknown) => {
      throw listenProblem(error, { host, port, setting: 'web.http-port', hostSetting: 'web.host' });
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined || !server.listening) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/**
 * Where a plain request goes: the same path at the same name when the name is the box's own, else at the main name, so
 * that a forged Host header sends nobody elsewhere.
 */
export function redirectTarget(
  host: string | undefined,
  path: string | undefined,
  zone: string,
  httpsPort: number,
): string {
  const name = hostName(host ?? '');
  const own =
    name === zone ||
    (name.endsWith(`.${zone}`) && /^[a-z0-9.-]+$/.test(name)) ||
    /^[a-z0-9-]+\.local$/.test(name);
  const authority = (own ? name : zone) + (httpsPort === 443 ? '' : `:${httpsPort}`);
  // A request target in absolute form or `*` (RFC 9112, 3.2) has no path of ours.
  return `https://${authority}${path?.startsWith('/') === true ? path : '/'}`;
}

/** For what does not follow by itself (RFC 9110, 15.4.9). */
const redirectPage = (location: string): string =>
  plainPage({
    title: 'Moved · Porchlight',
    main: `<h1>This page is served over HTTPS</h1>\n<p><a href="${escaped(location)}">${escaped(location)}</a></p>`,
  });
