import type { Socket } from 'node:net';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { Agent, buildConnector, request as send } from 'undici';
import { abortable } from '../runtime/abortable.ts';
import { codeOf, isAbort, messageOf, Problem } from '../runtime/errors.ts';
import { mayBeRepeated, retryAfterSeconds } from './refused-answer.ts';

export interface HttpClientOptions {
  /** `https://host:port`, without a path. */
  origin: string;
  /** The client certificate to present, PEM. */
  key?: string;
  cert?: string;
  /** PEM certificates to trust instead of the system's. */
  ca?: string | undefined;
  /** For the whole exchange. */
  timeoutMs?: number;
  /** Connect here instead of resolving the host of `origin` (its name stays in SNI and Host). */
  connectTo?: { host: string; port: number };
  /** Said with every call. */
  headers?: Readonly<Record<string, string>>;
  /** Use only IPv4 or only IPv6, when it matters from which address of ours the server is asked. */
  family?: 4 | 6;
}

export interface HttpRequest<S extends TSchema> {
  method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  /** Sent as JSON; `URLSearchParams` as a form. */
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  /** The answer must be JSON of this shape; without a schema the body is ignored and the result is `undefined`. */
  answer?: S;
  signal?: AbortSignal;
}

const maxAnswerBytes = 1024 * 1024;

/** A JSON client for one server. Every failure is a `Problem`: the server's own code, or `unreachable`, `bad-answer`. */
export class HttpClient {
  readonly #options: HttpClientOptions;
  /** Open sockets: undici would wait seconds for those that are still in their handshake before it is closed. */
  readonly #sockets = new Set<Socket>();
  #agent: Agent | undefined;

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  async request<S extends TSchema>(call: HttpRequest<S>): Promise<Static<S>> {
    const { origin, timeoutMs = 10_000, headers } = this.#options;
    this.#agent ??= this.#connect();
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = call.signal === undefined ? timeout : AbortSignal.any([timeout, call.signal]);
    try {
      // undici hears of an abort only once it is connected.
      const sent = send(origin + call.path, {
        method: call.method,
        dispatcher: this.#agent,
        signal,
        ...encoded({ ...call, headers: { ...headers, ...call.headers } }),
      });
      const response = await abortable(sent, signal);
      const text = await bounded(response.body);
      if (response.statusCode >= 300)
        throw problemFrom(origin, response.statusCode, response.headers['retry-after'], text);
      return call.answer === undefined
        ? (undefined as Static<S>)
        : shaped(call.answer, text, origin + call.path);
    } catch (error) {
      if (error instanceof Problem) throw error;
      if (call.signal?.aborted === true) throw error;
      const why = isAbort(error) || timeout.aborted ? `no answer within ${timeoutMs} ms` : messageOf(error);
      throw new Problem('unreachable', `${origin} cannot be reached: ${why}`, {
        status: 502,
        cause: error,
        details: { origin, system: codeOf(error) },
      });
    }
  }

  async close(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    const destroyed = agent?.destroy();
    for (const socket of this.#sockets) socket.destroy(new Error('the client is closed'));
    await destroyed;
  }

  #connect(): Agent {
    const { key, cert, ca, connectTo, family } = this.#options;
    const connect = buildConnector({
      timeout: 5000,
      ...(key === undefined ? {} : { key }),
      ...(cert === undefined ? {} : { cert }),
      ...(ca === undefined ? {} : { ca }),
      ...(family === undefined ? {} : { family, autoSelectFamily: false }),
    });
    // A host and port among the connector's options would be replaced by those of the origin.
    const where = connectTo === undefined ? {} : { hostname: connectTo.host, port: String(connectTo.port) };
    return new Agent({
      connect: (options, done) => {
        // The connector answers its socket, which its type does not tell.
        const socket = connect({ ...options, ...where }, done) as unknown as Socket;
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
      },
    });
  }
}

function encoded({ body, headers }: HttpRequest<TSchema>): {
  body?: string;
  headers: Record<string, string>;
} {
  if (body === undefined) return { headers: { ...headers } };
  const [type, text] =
    body instanceof URLSearchParams
      ? ['application/x-www-form-urlencoded', body.toString()]
      : ['application/json', JSON.stringify(body)];
  return { body: text, headers: { 'content-type': type, ...headers } };
}

async function bounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxAnswerBytes)
      throw new Problem('bad-answer', `the answer is larger than ${maxAnswerBytes} bytes`, { status: 502 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function shaped<S extends TSchema>(schema: S, text: string, url: string): Static<S> {
  const value = parse(text);
  if (Value.Check(schema, value)) return value;
  const [first] = Value.Errors(schema, value);
  const why = value === undefined ? 'it is not JSON' : `${first?.instancePath || 'it'} ${first?.message}`;
  throw new Problem('bad-answer', `the answer of ${url} is not what was agreed: ${why}`, { status: 502 });
}

function problemFrom(
  origin: string,
  status: number,
  retryAfter: string | string[] | undefined,
  text: string,
): Problem {
  const body = parse(text) as { code?: unknown; message?: unknown } | undefined;
  const code = typeof body?.code === 'string' ? body.code.slice(0, 60) : `http-${status}`;
  const message = typeof body?.message === 'string' ? body.message.slice(0, 500) : 'without a reason';
  const after = retryAfterSeconds(retryAfter);
  return new Problem(code, `${origin} answered ${status}: ${message}`, {
    status,
    retryable: mayBeRepeated(status),
    ...(after === undefined ? {} : { retryAfterSeconds: after }),
  });
}
