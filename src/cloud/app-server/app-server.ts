import { readBuiltFiles, sendBuiltFile } from '../../kit/http/built-files.ts';
import type { Health } from '../../kit/runtime/health.ts';
import { createHttpsApp, type HttpsApp, HttpsService } from '../../kit/http/http-server.ts';
import type { Log } from '../../kit/log/log.ts';
import type { Service } from '../../kit/runtime/service.ts';
import { pageHeaders } from './page-headers.ts';

export interface AppServerOptions {
  host: string;
  /** 0: any free one; see `port`. */
  port: number;
  tls: { keyPem: string; certPem: string };
  /** The built app: what `node src/web/build.ts` leaves in `dist/web/app`. */
  folder: string;
  /** `https://host[:port]` of the registration-server, as browsers reach it. */
  registrationOrigin: string;
  zoneRoot: string;
  log: Log;
  health: Health;
}

/** Serves the hosted app: a handful of static files, and where its cloud is. It keeps nothing about anybody. */
export class AppServer implements Service {
  readonly name = 'app';
  readonly #options: AppServerOptions;
  readonly #http: HttpsService;
  readonly #counters = { pages: 0, files: 0, notModified: 0 };

  constructor(options: AppServerOptions) {
    this.#options = options;
    const { host, port } = options;
    this.#http = new HttpsService({
      name: this.name,
      host,
      port,
      setting: 'app.port',
      build: () => this.#build(),
    });
  }

  /** The port that is really open. */
  get port(): number {
    return this.#http.port;
  }

  get metrics(): Readonly<Record<string, number>> {
    return { ...this.#counters };
  }

  /** Throws `pages-not-built`, `port-in-use`. */
  async start(): Promise<void> {
    await this.#http.start();
    this.#options.health.set(this.name, 'ok', 'the app is served');
  }

  async stop(): Promise<void> {
    await this.#http.stop();
    this.#options.health.clear(this.name);
  }

  async #build(): Promise<HttpsApp> {
    const { tls, log, folder, registrationOrigin, zoneRoot } = this.#options;
    const files = await readBuiltFiles(folder);
    const app = createHttpsApp({
      log,
      tls: { key: tls.keyPem, cert: tls.certPem },
      bodyLimit: 1024,
      home: '/',
    });
    const headers = pageHeaders({ registrationOrigin, zoneRoot });
    app.addHook('onRequest', async (_request, reply) => void reply.headers(headers));
    for (const [path, file] of files) {
      app.get(path, async (request, reply) => {
        this.#counters[path === '/' ? 'pages' : 'files']++;
        sendBuiltFile(file, request, reply);
        if (reply.statusCode === 304) this.#counters.notModified++;
        return reply;
      });
    }
    const config = { registration: registrationOrigin, zoneRoot };
    app.get('/config.json', async (_request, reply) =>
      reply.header('cache-control', 'no-cache').send(config),
    );
    await app.ready();
    return app;
  }
}
