import { Visitors } from '../../../src/box/web/visitors.ts';
import { loopbackLinks } from '../../support/web-parts.ts';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { Access } from '../../../src/box/access.ts';
import type { ZoneCertificate } from '../../../src/box/facts.ts';
import { loadIdentity } from '../../../src/box/identity/identity.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { zoneNames } from '../../../src/protocol/names.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { type PublishedBox, publishedBox } from '../../support/published-box.ts';
import { launchBrowser, noBrowser } from '../../web/browser.ts';
import { accessOptions, password } from '../lab/lab.ts';

/*
 * A published service beside the console, under the same zone, tries to put a cookie of the console's name into the browser. To
 * a reader that takes U+00A0 for a space its cookie had that name, and two of the name were none: the owner was locked out.
 */

const folder = temporaryFolder();
let zone: string;
let access: Access;
let box: PublishedBox;

/** Says the bytes as they are: Node's own server would not. */
const evil = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.once('data', () => {
    const cookies = ['\u00A0', ' \u00A0', ''].map(
      (space) => `Set-Cookie: ${space}__Host-porchlight=evil; Domain=${zone}; Path=/; Secure\r\n`,
    );
    const page = '<!doctype html><title>evil</title>';
    const head = `HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: ${page.length}\r\nconnection: close\r\n`;
    socket.end(`${head}${cookies.join('')}\r\n${page}`, 'latin1');
  });
});

const visitors = new Visitors({ links: new OwnedFact(loopbackLinks) });

beforeAll(async () => {
  const identity = await loadIdentity({ stateFolder: folder, clock: systemClock });
  const names = zoneNames(identity.boxId, 'box.test', ['a', 'b']);
  zone = names.main;
  access = new Access({
    ...accessOptions(new FakeClock()),
    boxId: identity.boxId,
    names,
    folder: temporaryFolder(),
    visitorOf: (socket) => visitors.of(socket),
  });
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
  const target = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`;
  await access.start(new AbortController().signal);
  const certificate = new OwnedFact<ZoneCertificate | undefined>(undefined);
  box = await publishedBox(folder, { services: { evil: target } }, { access, certificate, visitors });
});

afterAll(async () => {
  await box.stop();
  await access.stop();
  evil.close();
});

const origin = (): string => `https://${zone}:${box.web.port}`;

const call = (method: string, path: string, headers: readonly string[], body = ''): Promise<string> =>
  box.say(
    zone,
    [
      `${method} ${path} HTTP/1.1`,
      `host: ${zone}:${box.web.port}`,
      `origin: ${origin()}`,
      'connection: close',
      ...headers,
      ...(body === '' ? [] : ['content-type: application/json', `content-length: ${body.length}`]),
    ],
    body,
  );

it('cookies of other names, and of the same, do not make the owner’s none', async () => {
  const first = { setupCode: access.setupCode, name: 'Ada', password };
  expect(await call('POST', '/api/first-run', [], JSON.stringify(first))).toMatch(/^HTTP\/1.1 201 /);
  const entered = await call('POST', '/api/login', [], JSON.stringify({ name: 'Ada', password }));
  const good = /__Host-porchlight=[\w-]+/.exec(entered)?.[0] ?? '';
  expect(await call('GET', '/api/people', [`cookie: ${good}`])).toMatch(/^HTTP\/1.1 200 /);
  for (const other of ['\u00A0__Host-porchlight=evil', '__Host-porchlight=evil']) {
    for (const cookies of [`${other}; ${good}`, `${good}; ${other}`]) {
      const socket = box.open(zone);
      const lines = ['GET /api/people HTTP/1.1', `host: ${zone}:${box.web.port}`, 'connection: close'];
      socket.write(Buffer.from(`${lines.join('\r\n')}\r\ncookie: ${cookies}\r\n\r\n`, 'latin1'));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /);
    }
  }
});

it.skipIf(noBrowser !== undefined)(
  `a page of a service puts nothing into the browser that the console sees ${noBrowser ?? ''}`,
  async () => {
    const browser = await launchBrowser('--host-resolver-rules=MAP *.box.test 127.0.0.1');
    onTestFinished(() => browser.close());
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    // In words of the page, where this file's imports are not.
    const inPage = (script: string): Promise<unknown> => page.evaluate(script);
    const post = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const signIn = JSON.stringify({ ...post, body: JSON.stringify({ name: 'Ada', password }) });
    const stage = `fetch('/api/session').then((answer) => answer.json()).then(({ stage }) => stage)`;
    await page.goto(origin());
    expect(await inPage(`fetch('/api/login', ${signIn}).then(({ status }) => status)`)).toBe(204);
    expect(await inPage(stage)).toBe('in');
    const evilOrigin = `https://${box.hostOf('evil')}:${box.web.port}`;
    await page.goto(evilOrigin);
    expect(await page.title()).toBe('evil');
    // What it sets is its own: with the zone as domain, it would be the console's as well.
    const cookies = await context.cookies([origin()]);
    expect(cookies.map(({ name, domain }) => [name, domain])).toEqual([['__Host-porchlight', zone]]);
    // What its scripts set cannot be held back, and must not matter.
    for (const name of ['\u00A0__Host-porchlight', '__Host-porchlight', '__host-porchlight'])
      await inPage(`document.cookie = ${JSON.stringify(`${name}=evil; domain=${zone}; path=/; secure`)}`);
    await page.goto(origin());
    expect(await inPage(stage)).toBe('in');
  },
);
