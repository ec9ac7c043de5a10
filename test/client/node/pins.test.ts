import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Identity } from '../../../src/box/facts.ts';
import { loadIdentity } from '../../../src/box/identity/identity.ts';
import type { LocalBox } from '../../../src/client/node/find.ts';
import { PinnedBox } from '../../../src/client/node/pinned-fetch.ts';
import { Pins } from '../../../src/client/node/pins.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { temporaryFolder } from '../../support/folder.ts';

const folder = temporaryFolder();
const host = 'porchlight-abcd2345.local';
const now = Date.UTC(2030, 0, 1);
let good: Identity;
let evil: Identity;
let server: Server;
/** What reached the server, past TLS. */
const requests: string[] = [];

beforeAll(async () => {
  [good, evil] = (await Promise.all(
    ['good', 'evil'].map((name) => loadIdentity({ stateFolder: join(folder, name), clock: systemClock })),
  )) as [Identity, Identity];
  server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.host}`);
    response.end('hello');
  });
  present(good);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const present = ({ keyPem, certPem }: Identity): void =>
  server.setSecureContext({ key: keyPem, cert: certPem });
const port = (): number => (server.address() as AddressInfo).port;
const box = ({ boxId: id, fingerprint }: Identity): LocalBox => ({
  name: 'Kitchen',
  id,
  host,
  port: port(),
  path: '/',
  addresses: ['127.0.0.1'],
  fingerprint,
});

it('trusts a box on first use, remembers it, and refuses another one under its name, loudly', async () => {
  const file = join(folder, 'state', 'pins.json');
  const pins = new Pins(file);
  expect(await pins.trust(box(good))).toBe('new');
  const opened = await pins.open(box(good), now);
  expect(await (await opened.fetch('/a?b')).text()).toBe('hello');
  await opened.close();
  expect(requests).toEqual([`GET /ping ${host}:${port()}`, `GET /a?b ${host}:${port()}`]);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    [host]: { fingerprint: good.fingerprint, name: 'Kitchen', since: now },
  });
  expect(statSync(file).mode & 0o777).toBe(0o600);

  const again = new Pins(file);
  expect(await again.trust(box(good))).toBe('known');
  expect(await again.trust(box(evil))).toBe('changed');
  await expect(again.open(box(evil), now)).rejects.toMatchObject({
    code: 'identity-changed',
    message: expect.stringContaining(`porchlight find --forget ${host}`) as string,
  });
  expect(requests).toHaveLength(2);

  expect(await again.forget(host)).toBe(true);
  expect(await again.forget(host)).toBe(false);
  expect(await again.trust(box(evil))).toBe('new');
});

it('sends nothing to a box that announces one identity and presents another, and does not remember it', async () => {
  const pins = new Pins(join(folder, 'other.json'));
  const before = requests.length;
  await expect(pins.open(box(evil), now)).rejects.toMatchObject({ code: 'identity-changed' });
  expect(await pins.trust(box(evil))).toBe('new');
  const opened = new PinnedBox(box(good));
  await opened.fetch('/');
  // The identity changes under a connection that is pinned: the next connection is refused.
  present(evil);
  server.closeAllConnections();
  await expect(opened.fetch('/secret', { method: 'POST', body: 'x' })).rejects.toMatchObject({
    code: 'identity-changed',
  });
  await opened.close();
  present(good);
  expect(requests.slice(before)).toEqual([`GET / ${host}:${port()}`]);
});

it('goes nowhere but to the box', async () => {
  const opened = new PinnedBox(box(good));
  for (const path of ['//evil.example/', 'https://evil.example/', ''])
    await expect(opened.fetch(path)).rejects.toMatchObject({ code: 'bad-path' });
  await expect(new PinnedBox({ ...box(good), addresses: [] }).fetch('/')).rejects.toThrow('fetch failed');
});

it('takes turns when several boxes are seen for the first time', async () => {
  const pins = new Pins(join(folder, 'many.json'));
  const boxes = ['a', 'b', 'c'].map((label) => ({ ...box(good), host: `porchlight-${label}.local` }));
  for (const opened of await Promise.all(boxes.map((each) => pins.open(each, now)))) await opened.close();
  expect(await Promise.all(boxes.map((each) => pins.trust(each)))).toEqual(['known', 'known', 'known']);
});

it.each(['{', '[]x', '{"a.local":{}}', '{"a.local":null}'])(
  'does not trust anew by a damaged file: %s',
  async (text) => {
    const file = join(folder, 'damaged.json');
    writeFileSync(file, text);
    await expect(new Pins(file).open(box(good), now)).rejects.toMatchObject({ code: 'pins-damaged' });
    expect(readFileSync(file, 'utf8')).toBe(text);
  },
);
