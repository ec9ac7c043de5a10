import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request, type Server } from 'node:https';
import type { TestCa } from '../../../src/cli/home/test-ca.ts';

/** What a request is for, by the paths that Pebble uses. */
export type Resource =
  | 'directory' | 'nonce' | 'account' | 'new-order' | 'order' | 'authorization' | 'challenge' | 'finalize'
  | 'certificate' | 'renewal-info' | 'other'; // prettier-ignore

export interface SeenRequest {
  resource: Resource;
  method: string;
  path: string;
  /** The payload of a signed request. */
  payload: Record<string, unknown> | undefined;
  /** Monotonic, ms. */
  at: number;
  /** The account key that a request for an account carries. */
  key: string | undefined;
}

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body: string;
}

/** What happens to a request instead of reaching Pebble: an answer, silence, or nothing (it is passed on). */
export type Fault = (seen: SeenRequest) => Answer | 'silence' | undefined;

const resources: [RegExp, Resource][] = [
  [/^\/dir$/, 'directory'],
  [/^\/nonce/, 'nonce'],
  [/^\/sign-me-up|^\/my-account/, 'account'],
  [/^\/order-plz/, 'new-order'],
  [/^\/my-order/, 'order'],
  [/^\/authZ/, 'authorization'],
  [/^\/chalZ/, 'challenge'],
  [/^\/finalize-order/, 'finalize'],
  [/^\/certZ/, 'certificate'],
  [/^\/renewal-info/, 'renewal-info'],
];

/**
 * Stands before Pebble: sees every request, makes faults, and adds what Pebble lacks, renewal information (RFC 9773)
 * and profiles. The Host header is passed on, so that every URL Pebble makes leads back here.
 */
export class AcmeProxy {
  /** All requests, in order. */
  readonly seen: SeenRequest[] = [];
  fault: Fault = () => undefined;
  /** What becomes of an answer of Pebble's. */
  alter: (seen: SeenRequest, answer: Answer) => Answer = (_, answer) => answer;
  /** Headers that are added to what Pebble answers. */
  headers: Record<string, string> = {};
  /** Answers `renewalInfo`; while set, the directory lists it. */
  renewalInfo: ((certId: string) => Answer) | undefined;
  /** While set, the directory lists these profiles. */
  profiles: Record<string, string> | undefined;
  readonly #server: Server;
  readonly #agent: Agent;
  readonly #upstream: URL;

  private constructor(options: { server: Server; upstream: string; ca: TestCa }) {
    this.#server = options.server;
    this.#upstream = new URL(options.upstream);
    this.#agent = new Agent({ keepAlive: true, ca: options.ca.caPem });
  }

  static async start(options: { upstream: string; ca: TestCa }): Promise<AcmeProxy> {
    const { keyPem, certPem } = await options.ca.issue(['127.0.0.1']);
    const server = createServer({ key: keyPem, cert: certPem });
    const proxy = new AcmeProxy({ server, ...options });
    server.on('request', (incoming, outgoing) => void proxy.#handle(incoming, outgoing));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get origin(): string {
    const address = this.#server.address();
    return `https://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  get directoryUrl(): string {
    return `${this.origin}/dir`;
  }

  count(resource: Resource): number {
    return this.seen.filter((request) => request.resource === resource).length;
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      const body = await bytes(incoming);
      const path = incoming.url ?? '/';
      const resource = resources.find(([pattern]) => pattern.test(path))?.[1] ?? 'other';
      const seen = {
        resource,
        path,
        method: incoming.method ?? 'GET',
        at: performance.now(),
        ...signed(body),
      };
      this.seen.push(seen);
      const fault = this.fault(seen);
      if (fault === 'silence') return;
      const answer = fault ?? this.#own(seen) ?? this.alter(seen, await this.#pass(incoming, body));
      outgoing.writeHead(answer.status, answer.headers ?? {}).end(answer.body);
    } catch {
      outgoing.destroy();
    }
  }

  #own({ resource, path }: SeenRequest): Answer | undefined {
    if (resource !== 'renewal-info') return undefined;
    return this.renewalInfo?.(path.split('/').at(-1) ?? '') ?? { status: 404, body: '' };
  }

  async #pass(
    incoming: IncomingMessage,
    body: Buffer,
  ): Promise<Answer & { headers: Record<string, string> }> {
    const { port, hostname } = this.#upstream;
    const { url: path, method, headers } = incoming;
    const outgoing = request({ agent: this.#agent, hostname, port, path, method, headers });
    outgoing.end(body);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    const text = (await bytes(response)).toString();
    const status = response.statusCode ?? 500;
    return {
      status,
      headers: { ...passedOn(response.headers), ...this.headers },
      body: path === '/dir' ? this.#directory(text) : text,
    };
  }

  #directory(text: string): string {
    const directory = JSON.parse(text) as { meta: object };
    return JSON.stringify({
      ...directory,
      ...(this.renewalInfo === undefined ? {} : { renewalInfo: `${this.origin}/renewal-info` }),
      meta: { ...directory.meta, ...(this.profiles === undefined ? {} : { profiles: this.profiles }) },
    });
  }
}

function passedOn(headers: IncomingHttpHeaders): Record<string, string> {
  const {
    'content-length': _length,
    'transfer-encoding': _encoding,
    connection: _connection,
    ...rest
  } = headers;
  return Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)]));
}

async function bytes(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The readable parts of a signed request (RFC 7515). */
function signed(body: Buffer): Pick<SeenRequest, 'payload' | 'key'> {
  try {
    const { payload, protected: header } = JSON.parse(body.toString()) as {
      payload: string;
      protected: string;
    };
    const { jwk } = parsed(header) ?? {};
    return { payload: parsed(payload), key: jwk === undefined ? undefined : JSON.stringify(jwk) };
  } catch {
    return { payload: undefined, key: undefined };
  }
}

function parsed(base64url: string): Record<string, unknown> | undefined {
  const text = Buffer.from(base64url, 'base64url').toString();
  return text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
}
