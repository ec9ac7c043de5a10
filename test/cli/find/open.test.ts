import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { LocalProxy } from '../../../src/cli/find/local-proxy.ts';
import { headersToBox, headersToBrowser } from '../../../src/cli/find/proxy-headers.ts';
import { proven } from '../../../src/cli/find/proven.ts';
import type { LocalBox } from '../../../src/client/node/find.ts';
import { Pins } from '../../../src/client/node/pins.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { boxId, openLab, password, type Lab } from '../../box/lab/lab.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { soon } from '../../support/soon.ts';
import { accessibilityFaults, launchBrowser, noBrowser, takePictures } from '../../web/browser.ts';

const folder = temporaryFolder();
const host = 'porchlight-aaaaaaaa.local';
const name = 'porchlight-aaaaaaaa.localhost';

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** A browser that keeps cookies by host name, for whatever `Host` a request goes to. */
class Visitor {
  readonly proxy: number;
  readonly #cookies = new Map<string, Map<string, string>>();

  constructor(proxy: number) {
    this.proxy = proxy;
  }

  cookiesOf(of: string): string {
    return [...(this.#cookies.get(of) ?? [])].map(([key, value]) => `${key}=${value}`).join('; ');
  }

  async call(
    method: string,
    url: string | URL,
    headers: Record<string, string> = {},
    body?: string,
  ): Promise<Answer> {
    const { hostname, host: authority, pathname, search } = new URL(url);
    const cookie = this.cookiesOf(hostname);
    const asking = httpRequest({
      host: '127.0.0.1',
      port: this.proxy,
      agent: false,
      method,
      path: pathname + search,
      headers: { host: authority, ...(cookie === '' ? {} : { cookie }), ...headers },
    });
    asking.end(body);
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    const jar = this.#cookies.get(hostname) ?? new Map<string, string>();
    this.#cookies.set(hostname, jar);
    for (const set of answer.headers['set-cookie'] ?? []) {
      const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      jar.set(key, value);
    }
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: await text(answer) };
  }

  async follow(url: string): Promise<Answer> {
    const answer = await this.call('GET', url, { accept: 'text/html' });
    const { location } = answer.headers;
    return typeof location === 'string' ? this.follow(new URL(location, url).href) : answer;
  }
}

function fingerprintOf(certificate: Buffer | string): string {
  return createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex');
}

function announced(port: number, certificate: Buffer | string): LocalBox {
  const fingerprint = fingerprintOf(certificate);
  return { name: 'Our <box>', id: boxId, host, port, path: '/status', addresses: ['127.0.0.1'], fingerprint };
}

async function proxyTo(found: () => LocalBox[], file: string): Promise<[LocalProxy, Visitor, string]> {
  const pins = new Pins(join(folder, file));
  const proxy = new LocalProxy({
    pins,
    look: () => Promise.all(found().map((box) => proven(box, pins))),
    nothing: 'no box answers',
    port: 0,
    clock: systemClock,
  });
  onTestFinished(() => proxy.stop());
  await proxy.start(new AbortController().signal);
  const address = proxy.newAddress();
  return [proxy, new Visitor(Number(new URL(address).port)), address];
}

async function presentedBy(lab: Lab): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: lab.port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate()?.toString() ?? '';
  socket.destroy();
  return certificate;
}

it('lists the boxes, opens a real one, and lets its pages work as under its own name', async () => {
  const lab = await openLab();
  const box = announced(lab.port, await presentedBy(lab));
  const [, me, address] = await proxyTo(() => [box], 'open.json');
  const list = new URL(address).origin;
  const own = `http://${name}:${me.proxy}`;

  // Nobody else: no other name, no page or user without the address, and the address but once.
  expect(await me.call('GET', `http://evil.test:${me.proxy}/`)).toMatchObject({ status: 421 });
  expect(await me.call('GET', `http://${name}:1/`)).toMatchObject({ status: 421 });
  for (const url of [`${list}/`, `${list}/?porchlight-ticket=x`, `${own}/ping`, `${list}/open?box=${host}`])
    expect(await me.call('GET', url)).toMatchObject({ status: 403 });
  const page = await me.follow(address);
  expect(page).toMatchObject({ status: 200 });
  for (const said of ['Our &lt;box&gt;', 'first seen', box.fingerprint, host])
    expect(page.body).toContain(said);
  expect((await new Visitor(me.proxy).follow(address)).status).toBe(403);

  const opened = await me.follow(`${list}/open?box=${host}`);
  expect(opened.status).toBe(200);
  expect(opened.body).toContain('This is your Porchlight box');
  expect((await me.follow(`${list}/look`)).body).toContain('the box it was before');

  const json = { origin: own, 'content-type': 'application/json' };
  const person = JSON.stringify({ setupCode: lab.access.setupCode ?? '', name: 'Ada', password });
  const foreign = { ...json, origin: 'http://evil.test' };
  expect((await me.call('POST', `${own}/api/first-run`, foreign, person)).status).toBe(403);
  expect((await me.call('POST', `${own}/api/first-run`, json, person)).status).toBeLessThan(300);
  expect(me.cookiesOf(name)).toContain('box.__Host-porchlight=');
  const { csrf } = JSON.parse((await me.call('GET', `${own}/api/session`)).body) as { csrf: string };
  expect((await me.call('GET', `${own}/api/people`)).status).toBe(200);
  expect((await me.call('POST', `${own}/api/logout`, json, '{}')).status).toBe(403);

  const open = (headers: Record<string, string>): WebSocket =>
    new WebSocket(`ws://127.0.0.1:${me.proxy}/api/events`, {
      headers: { host: `${name}:${me.proxy}`, ...headers },
    });
  const refused = open({ origin: own });
  expect(String(await once(refused, 'error'))).toContain('403');
  const events = open({ origin: own, cookie: me.cookiesOf(name) });
  await once(events, 'open');
  const heard: string[] = [];
  events.on('message', (data: Buffer) => heard.push(data.toString()));
  const withToken = { ...json, 'x-csrf-token': csrf };
  expect((await me.call('POST', `${own}/api/logout`, withToken, '{}')).status).toBeLessThan(300);
  await expect.poll(() => heard.at(-1), soon).toContain('session-ended');

  await lab.close();
  const gone = await me.follow(`${own}/`);
  expect(gone.status).toBe(502);
  expect(gone.body).toContain('The box does not answer');
});

it.skipIf(noBrowser !== undefined)(
  `works in a browser: names, cookies, WebSocket ${noBrowser ?? ''}`,
  async () => {
    const lab = await openLab();
    const box = announced(lab.port, await presentedBy(lab));
    const [, me, address] = await proxyTo(() => [box], 'browser.json');
    const browser = await launchBrowser();
    onTestFinished(() => browser.close());
    // The page of the box's state lets no script speak to anybody; this one is the test's.
    const context = await browser.newContext({ bypassCSP: true });
    const page = await context.newPage();
    await page.goto(address);
    await takePictures(page, 'find-open');
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByRole('link', { name: 'Our <box>' }).click();
    await page.waitForURL(`http://${name}:${me.proxy}/status`);
    // In words of the page, where this file's imports are not.
    const inPage = (script: string): Promise<unknown> => page.evaluate(script);
    const person = JSON.stringify({ setupCode: lab.access.setupCode ?? '', name: 'Ada', password });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: person };
    expect(await inPage(`fetch('/api/first-run', ${JSON.stringify(init)}).then(({ ok }) => ok)`)).toBe(true);
    expect(await inPage(`fetch('/api/people').then(({ status }) => status)`)).toBe(200);
    const socket = `new Promise((resolve) => {
    const socket = new WebSocket('ws://' + location.host + '/api/events');
    socket.onopen = () => resolve('open');
    socket.onclose = () => resolve('refused');
  })`;
    expect(await inPage(socket)).toBe('open');
    // Elsewhere on this computer, a page that was not let in.
    await page.goto(`http://other.localhost:${me.proxy}/`);
    expect(await page.getByRole('alert').textContent()).toContain('No box is known under this name');
  },
);

it('refuses an identity that changed loudly, and sends it nothing', async () => {
  const ca = await createTestCa();
  const asked: string[] = [];
  const serve = async (): Promise<LocalBox> => {
    const { keyPem, certPem } = await ca.issue([host]);
    const server = createServer({ key: keyPem, cert: certPem }, (request, response) => {
      asked.push(request.url ?? '');
      response.end('hello');
    });
    onTestFinished(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return announced((server.address() as AddressInfo).port, certPem);
  };
  const [box, other] = [await serve(), await serve()];
  let found = [box];
  const [proxy, me, address] = await proxyTo(() => found, 'changed.json');
  const list = new URL(address).origin;
  await me.follow(address);
  expect((await me.follow(`${list}/open?box=${host}`)).body).toBe('hello');

  // Says so itself, and then does not say so.
  for (const pretender of [other, { ...other, fingerprint: box.fingerprint }]) {
    found = [pretender];
    asked.length = 0;
    const looked = await me.follow(`${list}/look`);
    expect(looked.body).toContain('NOT THE BOX IT WAS: refused');
    expect(looked.body).not.toContain('/open?');
    const page = await me.follow(`${list}/open?box=${host}`);
    expect(page.status).toBe(502);
    expect(page.body).toContain('STOP: this is not the box it was');
    expect(page.body).toContain(`porchlight find --forget ${host}`);
    expect(asked).toEqual([]);
    expect(proxy.boxes).toMatchObject([{ identity: 'changed' }]);
  }

  // A pretender beside it does not take its place.
  found = [other, box];
  await me.follow(`${list}/look`);
  expect((await me.follow(`${list}/open?box=${host}`)).body).toBe('hello');
});

it('says on each side what that side understands', () => {
  const sides = { proxy: 'http://x.localhost:4490', box: 'https://x.local:4443' };
  const sent = headersToBox(
    {
      host: 'x.localhost:4490',
      origin: sides.proxy,
      referer: `${sides.proxy}/console?a`,
      cookie: 'porchlight-door-4490=secret; box.__Host-porchlight=a=b; theme=1',
      connection: 'keep-alive, x-hop',
      'x-hop': '1',
      expect: '100-continue',
    },
    sides,
  );
  expect(sent).toEqual({
    host: 'x.local:4443',
    origin: sides.box,
    referer: `${sides.box}/console?a`,
    cookie: '__Host-porchlight=a=b',
  });
  expect(headersToBox({ origin: 'http://evil.test', referer: 'http://x.localhost:44901/' }, sides)).toEqual({
    host: 'x.local:4443',
    origin: 'http://evil.test',
  });
  expect(
    headersToBrowser(
      {
        location: `${sides.box}/login`,
        'set-cookie': ['__Host-a=b; Path=/; Secure; HttpOnly; Domain=x; Max-Age=0'],
      },
      sides,
    ),
  ).toEqual({
    location: `${sides.proxy}/login`,
    'set-cookie': ['box.__Host-a=b; Path=/; HttpOnly; Max-Age=0'],
  });
  expect(headersToBrowser({ location: 'https://x.local:44431/' }, sides)).toEqual({
    location: 'https://x.local:44431/',
  });
});
