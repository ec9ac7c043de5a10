import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { createHttpsApp, HttpsService } from '../../../src/kit/http/http-server.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { exchange, requests } from '../../support/faulty-requests.ts';

let service: HttpsService;
let caPem: string;
beforeAll(async () => {
  const ca = await createTestCa();
  const { keyPem, certPem } = await ca.issue(['localhost']);
  caPem = ca.caPem;
  service = new HttpsService({
    name: 'tested',
    host: '127.0.0.1',
    port: 0,
    setting: 'tested.port',
    build: async () => {
      const app = createHttpsApp({ log: silentLog, tls: { key: keyPem, cert: certPem }, bodyLimit: 1000 });
      app.get('/', async () => ({ hello: 'there' }));
      app.post('/', async () => ({ taken: true }));
      return app;
    },
  });
  await service.start();
});
afterAll(() => service.stop());

async function open(): Promise<ReturnType<typeof connect>> {
  const socket = connect({ host: '127.0.0.1', port: service.port, servername: 'localhost', ca: caPem });
  await new Promise((resolve, reject) =>
    socket.once('secureConnect', () => resolve(undefined)).once('error', reject),
  );
  return socket;
}

describe('HTTP/1.1 as RFC 9112 has it, at every server of the cloud', () => {
  it.each(requests('localhost', 200))('%s', async (_what, bytes, status, closes) => {
    const answer = await exchange(await open(), bytes);
    expect(answer).toMatchObject({ status, closed: closes });
    expect(answer.text.includes('"code":')).toBe(status >= 400);
  });

  it('gives a browser a page, also where the request was too broken to be one', async () => {
    const accept = 'Accept: text/html,*/*;q=0.8';
    for (const bytes of [
      `GET / HTTP/1.1\r\nHost: a b\r\n${accept}\r\n\r\n`,
      `GET /none HTTP/1.1\r\nHost: localhost\r\n${accept}\r\n\r\n`,
      `GET /% HTTP/1.1\r\nHost: localhost\r\n${accept}\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: localhost\r\n${accept}\r\nbroken\r\n\r\n`,
    ]) {
      const { text } = await exchange(await open(), bytes);
      expect(text).toMatch(/^HTTP\/1.1 40[04] /);
      expect(text).toContain('<!DOCTYPE html>');
    }
  });

  it('says 413 to somebody who is still sending, and they can read it', async () => {
    const socket = await open();
    const head = `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 8000000\r\n\r\n`;
    // More than all buffers on the way hold: a server that closes with it unread resets the connection.
    const { text, closed } = await exchange(socket, head + 'x'.repeat(8_000_000));
    expect(text).toMatch(/^HTTP\/1.1 413 /);
    expect(text).toContain('body-too-large');
    expect(closed).toBe(true);
  });
});
