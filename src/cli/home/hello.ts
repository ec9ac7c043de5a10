import { createServer, type Server } from 'node:http';
import { listen, listenProblem } from '../../kit/http/listen.ts';
import type { Service } from '../../kit/runtime/service.ts';

/** The small local web service that a home on one machine publishes. */
export class HelloService implements Service {
  readonly name = 'hello';
  readonly #port: number;
  #server: Server | undefined;

  constructor(options: { port: number }) {
    this.#port = options.port;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const from = String(request.headers['x-forwarded-for'] ?? 'somebody');
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(`Hello ${from}, from a small service behind a Porchlight box.\n`);
    });
    this.#server = server;
    const where = { host: '127.0.0.1', port: this.#port };
    await listen(server, where).catch((error: unknown) => {
      throw listenProblem(error, { ...where, setting: 'ports' });
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server?.listening !== true) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
