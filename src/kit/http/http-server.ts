import { randomUUID } from 'node:crypto';
import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer, ServerOptions as HttpsOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { TypeBoxValidatorCompiler, type TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
} from 'fastify';
import { clientKey } from './client-key.ts';
import { codeOf, messageOf, Problem } from '../runtime/errors.ts';
import { faultOf, pathOf } from './http-strict.ts';
import { lingerAfterAnswers } from './linger.ts';
import { hostHere, listenProblem } from './listen.ts';
import type { Log } from '../log/log.ts';
import { refusal, refusalBytes } from './refusal.ts';
import type { Service } from '../runtime/service.ts';
import { Places } from './places.ts';
import { StorageProblem, storageProblem, toldOutside } from '../disk/problem.ts';
import { intermediateTls } from '../x509/tls-policy.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What is sent here is long, and the route takes it as it comes. */
    longBody?: boolean;
  }
}

export type HttpsApp = FastifyInstance<
  HttpsServer,
  RawRequestDefaultExpression<HttpsServer>,
  RawReplyDefaultExpression<HttpsServer>,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export type HttpApp = FastifyInstance<
  HttpServer,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** What Fastify and Node call things, in our codes. */
const codes: Record<string, [code: string, status: number]> = {
  FST_ERR_VALIDATION: ['bad-request', 400],
  FST_ERR_CTP_BODY_TOO_LARGE: ['body-too-large', 413],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported-media-type', 415],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['bad-request', 400],
  FST_ERR_CTP_INVALID_JSON_BODY: ['bad-request', 400],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['bad-request', 400],
  FST_ERR_BAD_URL: ['bad-request', 400],
};

/** Any error as the `Problem` that the caller of an HTTP API is told. What is not the caller's doing says nothing of us. */
export function problemOf(error: unknown): Problem {
  if (error instanceof StorageProblem) return toldOutside(error);
  if (error instanceof Problem) return error;
  if (codeOf(error) === 'ERR_SQLITE_ERROR') return toldOutside(storageProblem('a store', error));
  const known = codes[codeOf(error)];
  if (known !== undefined) return new Problem(known[0], messageOf(error), { status: known[1], cause: error });
  const status = (error as Partial<FastifyError>).statusCode ?? 500;
  if (status >= 400 && status < 500)
    return new Problem('bad-request', messageOf(error), { status, cause: error });
  return new Problem('unexpected', 'something went wrong on this side; try again later', {
    status: 500,
    cause: error,
  });
}

/** Requests are counted, not logged: a URL can hold what a log must not. */
const quiet = (): LogController => new LogController({ disableRequestLogging: true });

/** The limits every HTTP listener of ours has, API or page. */
export const httpLimits = {
  /** A request that has not arrived whole by then is answered 408 and its connection closed. */
  requestTimeoutMs: 10_000,
  /** The same for a route with `longBody`: a file of hundreds of megabytes, over a slow line. */
  longRequestTimeoutMs: 3_600_000,
  headersTimeoutMs: 5000,
  /** A TLS handshake that is not done by then is ended. */
  handshakeTimeoutMs: 10_000,
  /** So many at a time: for one more, the client with most of them loses the one that was quiet for longest (`Places`). */
  maxConnections: 8000,
  /** Beside them, of callers whom the server knows. */
  knownConnections: 2000,
  /** What is still connected so long after the server began to stop is cut off. */
  stopGraceMs: 300,
  keepAliveTimeoutMs: 65_000,
  /** Of one request; as much as what is published may answer. Browsers send all cookies of a name. */
  maxHeaderBytes: 65_536,
} as const;

/**
 * A Fastify application over HTTPS with our limits, our error shape `{ code, message, … }` and TypeBox validation.
 * Register routes and plugins on it before `listen`.
 */
export function createHttpsApp(options: {
  log: Log;
  tls: HttpsOptions;
  bodyLimit: number;
  trustProxy?: string[];
  requestTimeoutMs?: number;
  handshakeTimeoutMs?: number;
  maxConnections?: number;
  /** Path of a page of this server that people can go on with from a refusal. */
  home?: string;
  /** Who shares a share of the connections, by the address they come from; `undefined`: counts for nobody (a proxy). */
  sourceOf?: (address: string) => string | undefined;
  /** Whether this caller has proven over time who it is, and has a place that strangers cannot take. Asked at each request. */
  isKnown?: (socket: TLSSocket) => boolean;
}): HttpsApp {
  const requestTimeout = options.requestTimeoutMs ?? httpLimits.requestTimeoutMs;
  const app = fastify({
    loggerInstance: options.log,
    logController: quiet(),
    bodyLimit: options.bodyLimit,
    requestTimeout,
    clientErrorHandler: answerClientError,
    frameworkErrors: answerBadPath(options.home),
    keepAliveTimeout: httpLimits.keepAliveTimeoutMs,
    // Faulty ones are refused below, by what they say.
    rewriteUrl: (request) => (faultOf(request) === undefined ? pathOf(request) : (request.url ?? '/')),
    genReqId: () => randomUUID(),
    // Plugins are ours and load at once; on a busy or small machine *at once* can take long, and giving up helps nobody.
    pluginTimeout: 0,
    trustProxy: options.trustProxy ?? false,
    forceCloseConnections: true,
    https: {
      ...options.tls,
      handshakeTimeout: options.handshakeTimeoutMs ?? httpLimits.handshakeTimeoutMs,
      headersTimeout: Math.min(httpLimits.headersTimeoutMs, requestTimeout),
      connectionsCheckingInterval: 1000,
      maxHeaderSize: httpLimits.maxHeaderBytes,
      // Without a Host line: 400, too, by `faultOf` and in words.
      requireHostHeader: false,
      ...intermediateTls,
    },
  }).withTypeProvider<TypeBoxTypeProvider>();
  sharePlaces(app.server, options);
  lingerAfterAnswers(app.server);
  app.addHook('onRequest', async ({ raw }, reply) => {
    const fault = faultOf(raw);
    if (fault === undefined) return;
    // Where the next request begins is not certain.
    reply.header('connection', 'close');
    throw fault;
  });
  answerProblems(app as unknown as HttpApp, options.home);
  return app as unknown as HttpsApp;
}

/** Connections have places (`Places`), before any TLS. */
function sharePlaces(
  server: HttpsServer,
  options: Pick<Parameters<typeof createHttpsApp>[0], 'maxConnections' | 'sourceOf' | 'isKnown'>,
): void {
  const { maxConnections = httpLimits.maxConnections, sourceOf = clientKey, isKnown = () => false } = options;
  const places = new Places({ most: maxConnections, known: httpLimits.knownConnections });
  server.on('connection', (socket: Socket) => {
    // A connection that is reset before it is looked at has no address any more.
    const source = socket.remoteAddress === undefined ? undefined : sourceOf(socket.remoteAddress);
    if (source !== undefined) places.admit(socket, source);
  });
  server.on('request', ({ socket }: { socket: Socket }) =>
    isKnown(socket as TLSSocket) ? places.know(socket) : places.used(socket),
  );
}

/**
 * A Fastify application that opens no port: whoever owns the listener hands it requests with
 * `app.server.emit('request', …)`. For servers that choose the application by host name, and for sockets of this machine.
 */
export function createHttpApp(options: {
  log: Log;
  bodyLimit: number;
  requestTimeoutMs?: number;
  /** As for `createHttpsApp`. */
  home?: string;
}): HttpApp {
  const { requestTimeoutMs = httpLimits.requestTimeoutMs } = options;
  const logger: FastifyBaseLogger = options.log;
  const app = fastify({
    loggerInstance: logger,
    logController: quiet(),
    bodyLimit: options.bodyLimit,
    frameworkErrors: answerBadPath(options.home),
    genReqId: () => randomUUID(),
    pluginTimeout: 0,
    forceCloseConnections: true,
  }).withTypeProvider<TypeBoxTypeProvider>();
  // Whoever owns the listener may have no limit for a whole request; nobody here has so much to say.
  app.addHook('onRequest', async ({ raw, routeOptions }) => {
    const long = routeOptions.config.longBody === true;
    const late = setTimeout(() => raw.destroy(), long ? httpLimits.longRequestTimeoutMs : requestTimeoutMs);
    for (const over of ['end', 'close'] as const) raw.once(over, () => clearTimeout(late));
  });
  answerProblems(app, options.home);
  return app;
}

/** What Node finds wrong before there is a request to answer: in our error shape all the same, then the connection ends. */
export function answerClientError(error: Error, socket: Socket): void {
  // Before the TLS handshake is done there is no way to say anything.
  const unheard = /^(ECONNRESET|ERR_TLS_|ERR_SSL_)/.test(codeOf(error));
  if (!socket.writable || unheard) return void socket.destroy();
  const [code, status, message]: [string, number, string] =
    codeOf(error) === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? ['body-too-slow', 408, 'the request did not arrive in time; send it faster or in smaller parts']
      : codeOf(error) === 'HPE_HEADER_OVERFLOW'
        ? ['headers-too-large', 431, `the headers are larger than ${httpLimits.maxHeaderBytes} bytes`]
        : ['bad-request', 400, 'this is not HTTP'];
  const { rawPacket } = error as { rawPacket?: Buffer };
  const accept = /^accept:(.*)$/im.exec(rawPacket?.toString('latin1') ?? '')?.[1];
  socket.end(refusalBytes(refusal(new Problem(code, message, { status }), { accept })));
}

/** What Fastify finds wrong with the path itself, for which it has no error handler. */
function answerBadPath(home: string | undefined): (...args: Parameters<Refuse>) => void {
  return (error, request, reply) => void answerWith(home)(error, request, reply);
}

type Refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/** Answers with any error, in the shape that the asker can read. */
function answerWith(home: string | undefined): Refuse {
  return (error, request, reply) => {
    const { accept } = request.headers;
    const { status, headers, body } = refusal(problemOf(error), { accept, home });
    // Fastify ends the connection after a body that is too large; HTTP/2 has no such header (RFC 9113, 8.2.2).
    if (request.raw.httpVersionMajor > 1) reply.removeHeader('connection');
    return reply.status(status).headers(headers).send(body);
  };
}

function answerProblems(app: HttpApp, home: string | undefined): void {
  const answer = answerWith(home);
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  app.setErrorHandler(async (error, request, reply) => {
    const route = request.routeOptions.url ?? 'an unknown route';
    if (problemOf(error).status >= 500)
      request.log.error({ err: error }, `${request.method} ${route} failed`);
    return answer(error, request, reply);
  });
  app.setNotFoundHandler(async (request, reply) => {
    const message = `there is no ${request.method} ${request.url.split('?')[0]} here`;
    return answer(new Problem('not-found', message, { status: 404 }), request, reply);
  });
}

/**
 * A listening Fastify application as a `Service`. `build` runs at each start (constructors do nothing). A taken port is
 * the error `port-in-use`, which names the port and the setting.
 */
export class HttpsService implements Service {
  readonly name: string;
  readonly #options: { host: string; port: number; setting: string; build: () => Promise<HttpsApp> };
  readonly #connections = new Set<Socket>();
  #app: HttpsApp | undefined;

  constructor(options: {
    name: string;
    host: string;
    port: number;
    setting: string;
    build: () => Promise<HttpsApp>;
  }) {
    this.name = options.name;
    this.#options = options;
  }

  /** The port that is really open, which differs from the setting when that is 0. */
  get port(): number {
    const address = this.#app?.server.address();
    if (address === null || address === undefined || typeof address === 'string')
      throw new Error(`${this.name} is not listening`);
    return address.port;
  }

  async start(): Promise<void> {
    const { host, port, setting, build } = this.#options;
    this.#app = await build();
    this.#app.server.on('connection', (socket: Socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
    });
    try {
      await this.#app.listen({ host: await hostHere(host), port });
    } catch (error) {
      throw listenProblem(error, { host, port, setting });
    }
  }

  async stop(): Promise<void> {
    // Fastify ends what speaks HTTP; it does not know of WebSockets and unfinished handshakes, for which it would wait.
    const insist = setTimeout(
      () => this.#connections.forEach((socket) => socket.destroy()),
      httpLimits.stopGraceMs,
    );
    try {
      await this.#app?.close();
      this.#app = undefined;
    } finally {
      clearTimeout(insist);
    }
  }
}
