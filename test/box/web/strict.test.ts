import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadIdentity } from '../../../src/box/identity/identity.ts';
import { HttpRedirect } from '../../../src/box/web/redirect.ts';
import { Web } from '../../../src/box/web/web.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { zoneName } from '../../../src/protocol/names.ts';
import { exchange, requests } from '../../support/faulty-requests.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { htmlFaults } from '../../support/html.ts';
import { webParts } from '../../support/web-parts.ts';

const zoneRoot = 'box.test';
const reached: string[] = [];
const upstream = createServer((request, response) => {
  reached.push(request.url ?? '');
  response.end('served');
});
let web: Web;
let redirect: HttpRedirect;
let zone = '';
let service = '';

beforeAll(async () => {
  const identity = await loadIdentity({ stateFolder: temporaryFolder(), clock: systemClock });
  zone = zoneName(identity.boxId, zoneRoot);
  service = `hello.${zone}`;
  await once(upstream.listen(0, '127.0.0.1'), 'listening');
  web = new Web({
    ...webParts(),
    identity,
    zoneRoot,
    certificate: new OwnedFact(undefined),
    host: '127.0.0.1',
    port: 0,
    services: [
      {
        label: 'hello',
        target: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
        host: 'target',
        answerTimeoutMs: 5000,
      },
    ],
    name: new OwnedFact('Our box'),
    details: () => ({ urls: [['main', `https://${zone}/`]], conditions: [] }),
    probe: () => undefined,
    probePath: '/probe',
    health: new Health(systemClock),
    log: silentLog,
  });
  await web.start();
  redirect = new HttpRedirect({ host: '127.0.0.1', port: 0, httpsPort: () => 443, zone });
  await redirect.start();
});
afterAll(async () => {
  await redirect.stop();
  await web.stop();
  upstream.close();
});

async function secure(): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: web.port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  return socket;
}
const plain = async (): Promise<Socket> => {
  const socket = connectTcp(redirect.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
};

describe('HTTP/1.1 as RFC 9112 has it', () => {
  it.each([0, 1, 2].flatMap((at) => requests('x', 0).map(([what], index) => [at, what, index] as const)))(
    'listener %i: %s',
    async (at, _what, index) => {
      const [open, host, sound] = (
        [
          [secure, () => zone, 200],
          [secure, () => service, 200],
          [plain, () => zone, 308],
        ] as const
      )[at] ?? [plain, () => zone, 0];
      const [, bytes, status, closes] = requests(host(), sound)[index] ?? ['', '', 0, false];
      reached.length = 0;
      const answer = await exchange(await open(), bytes);
      expect(answer).toMatchObject({ status, closed: closes });
      // What is in doubt reaches no service, and what is not reaches it by its path.
      expect(reached).toEqual(status < 400 && at === 1 ? ['/'] : []);
    },
  );
});

const get = async (path: string, open = secure, more = ''): Promise<string> => {
  const head = `GET ${path} HTTP/1.1\r\nHost: ${zone}\r\nAccept: text/html,*/*;q=0.8\r\nConnection: close\r\n${more}\r\n`;
  return (await exchange(await open(), head)).text;
};
const bodyOf = (text: string): string =>
  text.slice(text.indexOf('<!DOCTYPE'), text.lastIndexOf('</html>') + 7);

describe('pages', () => {
  it.each(['/status', '/none', '/probe?nonce=1', '/%', '/echo'])(
    '%s is valid HTML with an icon of its own',
    async (path) => {
      const html = bodyOf(await get(path));
      expect(await htmlFaults(html)).toEqual([]);
      expect(html).toContain('<link rel="icon" href="data:image/svg+xml,');
    },
  );

  it('the redirect has one, for what does not follow by itself', async () => {
    const text = await get('/x?<"', plain);
    expect(text).toMatch(/^HTTP\/1.1 308 /);
    expect(await htmlFaults(bodyOf(text))).toEqual([]);
  });

  it('the state is sent zipped to who can read that', async () => {
    const text = await get('/status', secure, 'Accept-Encoding: gzip\r\n');
    expect(text).toMatch(/content-encoding: gzip/i);
    expect(text).not.toContain('<html');
  });
});
