import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { minutes, seconds } from '../../../../src/kit/runtime/clock.ts';
import type { Problem } from '../../../../src/kit/runtime/errors.ts';
import { networkOf } from '../../../../src/protocol/addresses.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { Browser, names } from '../../lab/lab.ts';
import { pendingOf } from '../pairing/flow.ts';
import {
  connectInsecurely,
  type EnrolmentLab,
  exchange,
  type Key,
  newKey,
  openEnrolmentLab,
  refusedWith,
  requestFor,
  type Signing,
} from './flow.ts';

const app = 'com.example.app';
const folder = temporaryFolder();
let lab: EnrolmentLab;
let owner: Browser;
let key: Key;

beforeAll(async () => {
  lab = await openEnrolmentLab({ folders: { [app]: folder } });
  owner = new Browser(lab);
  await owner.firstRun();
  key = await newKey();
});

const signing = (name: string): Signing => ({ csr: requestFor(key.keyPem, name), medium: 2 });
const errorOf = (messages: Record<string, unknown>[]): unknown => messages.at(-1)?.['error'];
/** So that the limits by address are not what is tried. */
const later = (): Promise<void> => lab.clock.advance(minutes(1));

describe('the insecure port', () => {
  it.each([
    ['another method', { method: 'getPlugins' }],
    ['no method', {}],
    ['no request', { method: 'signCertificate' }],
    ['another medium', { method: 'signCertificate', csr: 'x', medium: 3 }],
    ['a medium in words', { method: 'signCertificate', csr: 'x', medium: 'WWW' }],
    ['a request that is too long', { method: 'signCertificate', csr: 'x'.repeat(16_385) }],
    ['a list', []],
    ['null', null],
  ])('takes one message and nothing else: %s', async (_, message) => {
    const { socket, messages, closed } = connectInsecurely(lab);
    await once(socket, 'open');
    socket.send(JSON.stringify(message));
    expect(await closed).toBe(1008);
    expect(errorOf(messages)).toMatchObject({ code: 'bad-request' });
    await later();
  });

  it('refuses a destination before anybody is asked', async () => {
    for (const destination of [undefined, '', '..', '/etc', join(folder, '..', 'x')]) {
      const { csr } = signing('nobody');
      const wanted = destination === undefined ? { csr } : { csr, destination };
      expect(errorOf(await exchange(lab, wanted))).toMatchObject({ code: 'destination-refused' });
    }
    expect(await pendingOf(owner)).toEqual([]);
    await later();
  });

  it('refuses what is no message of text, too long, or a second one', async () => {
    const binary = connectInsecurely(lab);
    await once(binary.socket, 'open');
    binary.socket.send(Buffer.from(JSON.stringify({ method: 'signCertificate', ...signing('x') })));
    expect(await binary.closed).toBe(1008);
    const long = connectInsecurely(lab);
    await once(long.socket, 'open');
    long.socket.send('x'.repeat(30_000));
    expect(await long.closed).toBe(1009);
    const chatty = connectInsecurely(lab);
    await once(chatty.socket, 'open');
    chatty.socket.send(JSON.stringify({ method: 'signCertificate', ...signing('chatty') }));
    chatty.socket.send('{}');
    expect(await chatty.closed).toBe(1008);
    await lab.clock.advance(minutes(2));
  });

  it('waits ten seconds for the message', async () => {
    const silent = connectInsecurely(lab);
    await once(silent.socket, 'open');
    await lab.clock.advance(seconds(10));
    expect(await silent.closed).toBe(1008);
  });

  it.each([
    ['another path', 404, '/w', {}],
    ['no query', 400, '/sonar', {}],
    ['no app', 400, '/sonar?os=x&device=y', {}],
    ['an app that cannot be seen', 400, '/sonar?os=x&device=y&app=%E2%80%AE', {}],
    ['a long name', 400, `/sonar?os=x&app=z&device=${'y'.repeat(65)}`, {}],
    ['a page elsewhere', 403, '/sonar?os=x&device=y&app=z', { origin: 'https://evil.example' }],
    [
      'a page whose name was made to lead here',
      403,
      '/sonar?os=x&device=y&app=z',
      { origin: 'http://evil.example:9089', host: 'evil.example:9089' },
    ],
    [
      'a page of a program on the same computer',
      403,
      '/sonar?os=x&device=y&app=z',
      { origin: 'http://localhost:3000' },
    ],
    ['a proxy on the box', 403, '/sonar?os=x&device=y&app=z', { 'x-forwarded-for': '203.0.113.9' }],
  ])('answers %s with %i', async (_, status, path, headers) => {
    const url = `ws://127.0.0.1:${lab.settings.insecurePort}${path}`;
    const socket = new WebSocket(url, { headers });
    socket.on('error', () => undefined);
    const none = { socket, messages: [], closed: Promise.resolve(0) };
    expect(await refusedWith(none)).toBe(status);
  });

  it('is no web server', async () => {
    const answer = await fetch(`http://127.0.0.1:${lab.settings.insecurePort}/sonar`);
    expect([answer.status, answer.headers.get('upgrade')]).toEqual([426, 'websocket']);
  });

  it('takes a program that says as its origin where it connects to', async () => {
    for (const host of [`127.0.0.1:${lab.settings.insecurePort}`, `localhost:9089`, `${names.main}:9089`]) {
      const { socket } = connectInsecurely(lab, {}, { headers: { host, origin: `http://${host}` } });
      await once(socket, 'open');
      expect(socket.readyState).toBe(socket.OPEN);
      socket.terminate();
    }
  });

  it('has places, and takes them from the address with most when they do not suffice', async () => {
    const first = Array.from({ length: 64 }, () => connectInsecurely(lab));
    await Promise.all(first.map(({ socket }) => once(socket, 'open')));
    const other = connectInsecurely(lab, {}, { localAddress: '127.0.0.2' });
    await once(other.socket, 'open');
    expect(await Promise.race(first.map(({ closed }) => closed))).toBe(1006);
    const all = [...first, other];
    for (const { socket } of all) socket.terminate();
    await Promise.all(all.map(({ closed }) => closed));
  });

  it('is tried twenty times in a row by one address, not more', async () => {
    await later();
    const errors = [];
    for (let times = 0; times < 21; times++)
      errors.push(errorOf(await exchange(lab, { csr: 'x', medium: 2 })));
    expect(errors.slice(0, 20).every((error) => (error as Problem).code === 'csr-refused')).toBe(true);
    expect(errors[20]).toMatchObject({
      code: 'rate-limited',
      retryAfterSeconds: expect.any(Number) as number,
    });
    await later();
  });

  it('is tried a hundred times in a row by all together, and what it is busy with goes on', async () => {
    await later();
    const errors: unknown[] = [];
    for (let host = 2; host < 8; host++)
      for (let times = 0; times < 20; times++) {
        const { socket, messages, closed } = connectInsecurely(lab, {}, { localAddress: `127.0.0.${host}` });
        await once(socket, 'open');
        socket.send(JSON.stringify({ method: 'signCertificate', csr: 'x', medium: 2 }));
        await closed;
        errors.push((errorOf(messages) as Problem).code);
      }
    // A hundred by all, and three that each address has for itself.
    expect(errors.filter((code) => code === 'csr-refused')).toHaveLength(100 + 6 * 3);
    expect(errors.slice(118)).toEqual(['rate-limited', 'rate-limited']);
    expect((await owner.call('GET', '/api/me')).status).toBe(200);
    await later();
  });

  const address = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === 'IPv4' && !each.internal)?.address;
  it.skipIf(address === undefined)(
    'is for the home network alone (skipped where this machine has no address but loopback)',
    async () => {
      const open = await openEnrolmentLab({ host: '0.0.0.0' });
      const url = `ws://${address}:${open.settings.insecurePort}/sonar?os=x&device=y&app=z`;
      const connect = async (): Promise<string> => {
        const socket = new WebSocket(url);
        const failed = new Promise<string>((resolve) => socket.on('error', () => resolve('cut off')));
        const outcome = await Promise.race([once(socket, 'open').then(() => 'open'), failed]);
        socket.terminate();
        return outcome;
      };
      expect(await connect()).toBe('cut off');
      open.links.set([networkOf(address ?? '', 24, 64)]);
      expect(await connect()).toBe('open');
    },
  );

  it('can be shut', async () => {
    const shut = await openEnrolmentLab({ insecurePort: 0 });
    expect(shut.health.conditions.value).toMatchObject([
      {
        name: 'enrolment',
        severity: 'ok',
        message: expect.stringContaining('the exchange is off') as string,
      },
    ]);
  });

  it('says when its port is taken, and the box lives on', async () => {
    const second = await openEnrolmentLab({ insecurePort: lab.settings.insecurePort });
    expect(second.health.conditions.value).toMatchObject([
      {
        name: 'enrolment',
        severity: 'warning',
        message: expect.stringContaining('enrolment.insecure-port') as string,
      },
    ]);
    expect((await new Browser(second).open())['stage']).toBe('first-run');
  });
});
