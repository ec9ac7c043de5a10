import { createServer, type Server, type ServerResponse } from 'node:http';
import { codeOf, messageOf, Problem } from '../runtime/errors.ts';
import type { Health } from '../runtime/health.ts';
import { isSound } from './http-strict.ts';
import { listen, listenProblem } from './listen.ts';
import { refusal } from './refusal.ts';
import type { Service } from '../runtime/service.ts';

export interface HealthPageOptions {
  port: number;
  /** Name of the setting for `port`, for the error when it is taken. */
  setting: string;
  health: Health;
  /** Prometheus text exposition. */
  metrics: () => Promise<string>;
  /** What `porchlight status` shows, as data. */
  status: () => unknown;
}

/** `/healthz`, `/metrics` and `/status` for the machine itself: on loopback only, whatever the configuration says. */
export class HealthPage implements Service {
  readonly name = 'health-page';
  readonly #options: HealthPageOptions;
  #server: Server | undefined;

  constructor(options: HealthPageOptions) {
    this.#options = options;
  }

  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async start(): Promise<void> {
    const { port, setting } = this.#options;
    const server = createServer({ requestTimeout: 5000 }, (request, response) => {
      if (!isSound(request, response)) return;
      const path = request.method === 'GET' ? (request.url ?? '') : '';
      this.#answer(path, request.headers.host, response).catch((error: unknown) => {
        const problem = error instanceof Problem ? error : new Problem(codeOf(error), messageOf(error));
        const { status, headers, body } = refusal(problem, { accept: request.headers.accept });
        response.writeHead(status, headers).end(`${body}\n`);
      });
    });
    this.#server = server;
    const where = { host: '127.0.0.1', port };
    await listen(server, where).catch((error: unknown) => {
      throw listenProblem(error, { ...where, setting });
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server?.listening !== true) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async #answer(path: string, host: string | undefined, response: ServerResponse): Promise<void> {
    const { health, metrics, status } = this.#options;
    // A page in a browser on this machine must not read this by a name that resolves to loopback (DNS rebinding).
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host ?? ''))
      throw new Problem('misdirected-request', 'ask for this by 127.0.0.1 or localhost', { status: 421 });
    if (path === '/healthz') {
      const code = health.worst === 'error' ? 503 : 200;
      return json(response, code, { status: health.worst, conditions: health.conditions.value });
    }
    if (path === '/status') return json(response, 200, status());
    if (path === '/metrics') {
      const text = await metrics();
      const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };
      return void response.writeHead(200, headers).end(text);
    }
    throw new Problem('not-found', 'there are /healthz, /metrics and /status here', { status: 404 });
  }
}

function json(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}
