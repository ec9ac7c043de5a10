import { createServer, type Server } from 'node:http';
import { listenProblem } from '../../kit/http-server.ts';
import { hostName } from '../../kit/http-text.ts';
import type { Service } from '../../kit/service.ts';

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
      { requestTimeout: 5000, headersTimeout: 5000, connectionsCheckingInterval: 1000, maxHeaderSize: 8192 },
      (request, response) => {
        response
          .writeHead(308, { location: redirectTarget(request.headers.host, request.url, zone, httpsPort()) })
          .end();
      },
    );
    server.maxConnections = 256;
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) =>
        reject(listenProblem(error, { host, port, setting: 'web.http-port', hostSetting: 'web.host' })),
      );
      server.listen({ host, port }, resolve);
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
