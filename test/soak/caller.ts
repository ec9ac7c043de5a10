import { Agent, request } from 'node:https';

export interface Answer {
  status: number;
  json: Record<string, unknown>;
  cookie: string | undefined;
}

export interface Call {
  body?: unknown;
  form?: Record<string, string>;
  headers?: Record<string, string>;
}

/** Calls to one HTTPS server on loopback. Whatever answer there is counts as answered; throws when there is none. */
export class Caller {
  readonly #where: { port: number; host: string; key?: string; cert?: string };
  readonly #agent: Agent;

  constructor(where: { port: number; host: string; key?: string; cert?: string }) {
    this.#where = where;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 4 });
  }

  get origin(): string {
    return `https://${this.#where.host}:${this.#where.port}`;
  }

  call(method: string, path: string, { body, form, headers = {} }: Call = {}): Promise<Answer> {
    const { port, host, key, cert } = this.#where;
    const text = form === undefined ? body && JSON.stringify(body) : new URLSearchParams(form).toString();
    const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded';
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          host: '127.0.0.1',
          port,
          servername: host,
          // Which certificate it has is no question here: after a cut it may be the identity's.
          rejectUnauthorized: false,
          agent: this.#agent,
          method,
          path,
          timeout: 20_000,
          headers: {
            host: `${host}:${port}`,
            ...(typeof text === 'string'
              ? { 'content-type': type, 'content-length': Buffer.byteLength(text) }
              : {}),
            ...headers,
          },
          ...(key === undefined || cert === undefined ? {} : { key, cert }),
        },
        (response) => {
          let got = '';
          response.on('data', (chunk: Buffer) => (got += chunk.toString()));
          response.on('error', reject);
          response.on('close', () => (response.complete ? undefined : reject(new Error('cut off'))));
          response.on('end', () => {
            const isJson = response.headers['content-type']?.startsWith('application/json') === true;
            resolve({
              status: response.statusCode ?? 0,
              json: (isJson ? JSON.parse(got) : {}) as Record<string, unknown>,
              cookie: /^(?:__Host-)?porchlight=([^;]*)/.exec(response.headers['set-cookie']?.[0] ?? '')?.[1],
            });
          });
        },
      );
      asked.on('timeout', () => asked.destroy(new Error('no answer within 20 s')));
      asked.on('error', reject);
      asked.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
