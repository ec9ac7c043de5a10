import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import * as fc from 'fast-check';
import { Value } from 'typebox/value';
import { beforeAll, describe, expect, it } from 'vitest';
import { minutes } from '../../../../src/kit/runtime/clock.ts';
import { createLog } from '../../../../src/kit/log/log.ts';
import {
  DeviceHello,
  DeviceReply,
  SignCertificateError,
  SignCertificateReply,
} from '../../../../src/protocol/enrolment-api.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { mutated as mutationsOf } from '../../../support/messages.ts';
import { soon } from '../../../support/soon.ts';
import { Browser } from '../../lab/lab.ts';
import { decide, pendingOf } from '../pairing/flow.ts';
import {
  connectInsecurely,
  connectSecurely,
  type Credentials,
  enrolled,
  type EnrolmentLab,
  exchange,
  helloOf,
  type Key,
  newKey,
  openEnrolmentLab,
  requestFor,
} from './flow.ts';

const app = 'com.example.app';
const allowed = temporaryFolder();
const folder = temporaryFolder();
/** Everything that the box said in its log, at its most talkative. */
const lines: string[] = [];
const log = createLog({ level: 'trace', format: 'json', write: (line) => lines.push(line) });
let lab: EnrolmentLab;
let owner: Browser;
let key: Key;
let device: Credentials;

beforeAll(async () => {
  lab = await openEnrolmentLab({ folders: { [app]: allowed } }, { folder, log });
  owner = new Browser(lab);
  await owner.firstRun();
  key = await newKey();
  device = await enrolled(lab, owner, key);
});

/** What strangers must not change. */
async function state(): Promise<unknown> {
  const { json: sessions } = await owner.call('GET', '/api/sessions');
  const { json: approvals } = await owner.call('GET', '/api/approvals');
  const ids = (sessions['sessions'] as { id: string }[]).map(({ id }) => id);
  return { ids, approvals: { ...approvals, now: undefined }, files: readdirSync(allowed) };
}

/** Of the schema, but for the request, which nobody draws by chance. */
const good = fc.record(
  {
    method: fc.constant('signCertificate'),
    csr: fc.oneof(fc.string({ minLength: 1 }), fc.constant('-----BEGIN CERTIFICATE REQUEST-----\nAAAA')),
    destination: fc.string({ unit: 'binary', maxLength: 200 }),
    medium: fc.constantFrom(1, 2),
  },
  { requiredKeys: ['method', 'csr'] },
);
/** Of which one field is replaced, taken away or added. */
const mutated = fc
  .tuple(
    good,
    fc.constantFrom('method', 'csr', 'destination', 'medium', 'id', '__proto__', 'constructor'),
    fc.oneof(
      fc.anything({ maxDepth: 2 }),
      fc.constantFrom(undefined, null, '', -1, 0, 3, 1.5, 'WWW', 'x'.repeat(17_000), '\u0000'),
    ),
  )
  .map(([message, field, value]): object => Object.fromEntries([...Object.entries(message), [field, value]]));
const texts = fc.oneof(
  fc.oneof(good, mutated, fc.jsonValue()).map((message) => JSON.stringify(message) ?? ''),
  fc.string({ unit: 'binary' }),
);

describe('whatever is sent', () => {
  it('to the insecure port is answered with what is wrong, and changes nothing', async () => {
    const before = await state();
    await fc.assert(
      fc.asyncProperty(texts, fc.string({ unit: 'binary', maxLength: 70 }), async (text, name) => {
        await lab.clock.advance(minutes(1));
        const { socket, messages, closed } = connectInsecurely(lab, { device: `d${name}`.slice(0, 60) });
        await once(socket, 'open');
        socket.send(text);
        expect([1008, 1009]).toContain(await closed);
        expect(messages.every((message) => Value.Check(SignCertificateError, message))).toBe(true);
        const codes = messages.map(({ error }) => (error as SignCertificateError['error']).code);
        expect(['bad-request', 'csr-refused', 'destination-refused', undefined]).toContain(codes[0]);
      }),
      { numRuns: 150 },
    );
    expect(await state()).toEqual(before);
  });

  it('to the insecure port, made of what a device did send, brings nothing but what is wrong', async () => {
    const csr = requestFor(key.keyPem, 'recorded');
    const recording = { method: 'signCertificate', csr, destination: '/nowhere', medium: 2 };
    // The owner has said no to it, so that what is left of it after a change is no question.
    const asked = exchange(lab, recording);
    await expect.poll(() => pendingOf(owner), soon).toHaveLength(1);
    await decide(owner, false);
    await asked;
    const before = await state();
    const codes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(mutationsOf(recording), async (message) => {
        await lab.clock.advance(minutes(1));
        const answers = await exchange(lab, message as typeof recording);
        for (const answer of answers) {
          expect(Value.Check(SignCertificateError, answer)).toBe(true);
          codes.add((answer['error'] as SignCertificateError['error']).code);
        }
      }),
      { numRuns: 150 },
    );
    expect([...codes].toSorted()).toEqual([
      'bad-request',
      'client-refused',
      'csr-refused',
      'destination-refused',
    ]);
    expect(await state()).toEqual(before);
  });

  it('as an upgrade of either port is refused, or opens what it should', async () => {
    const word = fc.oneof(
      fc.stringMatching(/^[ -~]{0,60}$/),
      fc.constantFrom('evil.example:9089', '[::1', '[fe80::1%25eth0]:9088', 'null', 'http://[', '%ff'),
    );
    const header = fc.constantFrom('host', 'origin', 'forwarded', 'sec-websocket-key', 'upgrade', 'cookie');
    const query = fc.oneof(fc.webQueryParameters(), fc.stringMatching(/^[!-~]{0,80}$/));
    const path = fc.oneof(fc.constant('/sonar'), fc.webPath());
    await fc.assert(
      fc.asyncProperty(path, query, header, word, async (at, search, name, value) => {
        const usual = {
          host: 'localhost',
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
          [name]: value,
        };
        const lines = Object.entries(usual).map((pair) => pair.join(': '));
        const head = [`GET ${at}?os=x&device=y&app=z&${search} HTTP/1.1`, ...lines, '', ''].join('\r\n');
        const { insecurePort, port } = lab.settings;
        for (const socket of [
          connectTcp({ host: '127.0.0.1', port: insecurePort }),
          connectTls({ host: 'localhost', port, ca: device.caPem, cert: device.certPem, key: device.keyPem }),
        ]) {
          socket.on('error', () => undefined).write(head);
          const [data] = (await once(socket, 'data')) as [Buffer];
          expect(data.toString('latin1')).toMatch(/^HTTP\/1\.1 (101|40[0345]|426) /);
          const closed = once(socket, 'close');
          socket.destroy();
          await closed;
        }
      }),
      { numRuns: 100 },
    );
  });

  it('to the secure port is answered or not understood, and changes nothing', async () => {
    const before = await state();
    const requests = fc.oneof(
      fc
        .record({ id: fc.nat(), method: fc.constantFrom('ping', 'state') })
        .map((each) => JSON.stringify(each)),
      texts.filter((text) => text.length < 4000),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(requests, { minLength: 1, maxLength: 15 }), async (all) => {
        const open = connectSecurely(lab, device);
        expect(Value.Check(DeviceHello, await helloOf(open))).toBe(true);
        for (const text of all) open.socket.send(text);
        await expect.poll(() => open.messages.length, soon).toBe(all.length + 1);
        expect(open.messages.slice(1).every((message) => Value.Check(DeviceReply, message))).toBe(true);
        open.socket.terminate();
        await open.closed;
      }),
      { numRuns: 20 },
    );
    expect(await state()).toEqual(before);
  });

  it('as bytes to both ports ends there', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
      fc
        .tuple(fc.constantFrom('GET', 'POST', 'CONNECT', 'PRI'), fc.webPath(), fc.string())
        .map(([method, path, more]) =>
          Buffer.from(`${method} ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n\r\n`),
        ),
    );
    const { insecurePort, port } = lab.settings;
    await fc.assert(
      fc.asyncProperty(bytes, fc.constantFrom(insecurePort, port), async (data, at) => {
        const socket = connectTcp({ host: '127.0.0.1', port: at });
        socket.on('error', () => undefined);
        const closed = once(socket, 'close');
        socket.resume().end(data);
        await closed;
      }),
      { numRuns: 100 },
    );
    const open = connectSecurely(lab, device);
    expect(await helloOf(open)).toMatchObject({ deviceId: device.deviceId });
    open.socket.terminate();
  });

  it('again, by who saw it pass, brings the device its certificate once more, and nothing to anybody else', async () => {
    const csr = requestFor(key.keyPem, 'replayed');
    const there = exchange(lab, { csr, destination: allowed });
    await expect.poll(() => pendingOf(owner), soon).toHaveLength(1);
    await decide(owner, true);
    const [reply] = await there;
    expect(Value.Check(SignCertificateReply, reply)).toBe(true);
    const before = await state();
    const [again] = await exchange(lab, { csr, destination: allowed });
    expect(again).toEqual(reply);
    expect(await state()).toEqual(before);
    // Elsewhere, or for another app, an owner is asked.
    const other = connectInsecurely(lab);
    await once(other.socket, 'open');
    other.socket.send(JSON.stringify({ method: 'signCertificate', csr, medium: 2 }));
    await expect.poll(() => pendingOf(owner), soon).toHaveLength(1);
    other.socket.terminate();
    await lab.clock.advance(minutes(2));
  });
});

describe('the log', () => {
  it('has no key in it, nor any piece of one, at its most talkative', () => {
    const ca = readFileSync(join(folder, 'enrolment', 'device-ca.pem'), 'utf8');
    const secrets = [ca.slice(0, ca.indexOf('-----BEGIN CERTIFICATE')), key.keyPem, owner.cookie ?? '']
      .flatMap((text) => text.split('\n'))
      .filter((line) => line.length > 20 && !line.startsWith('-----'));
    expect(lines.length).toBeGreaterThan(0);
    expect(secrets.length).toBeGreaterThan(50);
    const whole = lines.join('\n');
    expect(secrets.filter((secret) => whole.includes(secret))).toEqual([]);
  });
});
