import type { Socket } from 'node:net';
import httpProxy from '@fastify/http-proxy';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../../kit/errors.ts';
import { createHttpApp, type HttpApp } from '../../kit/http-server.ts';
import type { Log } from '../../kit/log.ts';

/** A local service that the box publishes under its certificate, as `https://<label>.<zone>`. */
export interface PublishedService {
  label: string;
  /** `http://127.0.0.1:8080` */
  target: string;
}

interface ForwardedRequest {
  socket: Socket;
  headers: { host?: string | undefined };
}

/** Headers by which a service learns who asked, and that must therefore come from us alone. */
const forwardingHeaders = new Set([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
]);

/** Uploads go through as a stream; this only keeps a mistake from being endless. */
const bodyLimit = 16 * 1024 ** 3;

/**
 * A reverse proxy (HTTP and WebSocket) for one service, as an application that never listens itself: web.ts hands it
 * the requests for the service's name. `addressOf` tells the visitor's address for a connection.
 */
export async function createServiceProxy(options: {
  service: PublishedService;
  addressOf: (socket: Socket) => string;
  log: Log;
}): Promise<HttpApp> {
  const { service, addressOf, log } = options;
  const app = createHttpApp({ log, bodyLimit });
  const forwarded = (request: ForwardedRequest): Record<string, string> => ({
    'x-forwarded-for': addressOf(request.socket),
    'x-forwarded-proto': 'https',
    ...(request.headers.host === undefined ? {} : { 'x-forwarded-host': request.headers.host }),
  });
  // The plugin's types lack this function, which its documentation has.
  const wsClientOptions: object = {
    rewriteRequestHeaders: (headers: Record<string, string>, request: FastifyRequest) => ({
      ...headers,
      ...(request.headers.origin === undefined ? {} : { origin: request.headers.origin }),
      ...(request.headers.cookie === undefined ? {} : { cookie: request.headers.cookie }),
      ...forwarded(request.raw),
    }),
  };
  await app.register(httpProxy, {
    upstream: service.target,
    websocket: true,
    undici: { headersTimeout: 60_000, bodyTimeout: 0, connectTimeout: 5000 },
    wsServerOptions: { maxPayload: 16 * 1024 * 1024 },
    wsClientOptions,
    replyOptions: {
      rewriteRequestHeaders: (request, headers) => ({
        ...Object.fromEntries(Object.entries(headers).filter(([name]) => !forwardingHeaders.has(name))),
        ...forwarded(request.raw),
      }),
      onError: (reply, { error }) => {
        log.info({ service: service.label, err: error }, `${service.label} did not answer`);
        const message = `the service “${service.label}” on the box does not answer; is it running?`;
        void reply.status(502).send(new Problem('service-not-answering', message).toJSON());
      },
    },
  });
  await app.ready();
  return app;
}
