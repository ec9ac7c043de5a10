import { once } from 'node:events';
import { type ClientRequest, createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, expect, it } from 'vitest';
import { createHttpApp } from '../../../src/kit/http/http-server.ts';
import { silentLog } from '../../../src/kit/log/log.ts';

const app = createHttpApp({ log: silentLog, bodyLimit: 1000, requestTimeoutMs: 300 });
const server = createServer((incoming, response) => app.server.emit('request', incoming, response));
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await app.close();
});

const take = async ({ body }: { body: unknown }): Promise<object> => ({
  bytes: (await buffer(body as IncomingMessage)).length,
});

it('a request that takes its time is cut off, but where a route takes what is long', async () => {
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  app.put('/short', take);
  app.put('/long', { config: { longBody: true } }, take);
  await app.ready();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const begin = (path: string): ClientRequest => {
    const headers = { 'content-type': 'application/octet-stream', 'content-length': 2 };
    const sent = request({ host: '127.0.0.1', port, method: 'PUT', path, headers });
    sent.write('a');
    return sent;
  };
  const [long, short] = [begin('/long'), begin('/short')];
  const [error] = await once(short, 'error').catch((thrown: unknown) => [thrown]);
  expect(error).toMatchObject({ code: 'ECONNRESET' });
  long.end('b');
  const [response] = (await once(long, 'response')) as [IncomingMessage];
  expect((await buffer(response)).toString()).toBe('{"bytes":2}');
});
