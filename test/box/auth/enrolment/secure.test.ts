import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { days, seconds } from '../../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../../src/kit/runtime/fact.ts';
import { rsaKeyPem, signCertificate } from '../../../../src/kit/x509/x509.ts';
import type { Endpoints } from '../../../../src/protocol/access-api.ts';
import { soon } from '../../../support/soon.ts';
import { Browser, boxId, names } from '../../lab/lab.ts';
import {
  connectSecurely,
  type Credentials,
  enrolled,
  type EnrolmentLab,
  helloOf,
  type Key,
  newKey,
  openEnrolmentLab,
  refusedWith,
} from './flow.ts';

const ways = new OwnedFact<Endpoints>({
  main: `https://${names.main}`,
  mirrors: [],
  tunnel: null,
  address: null,
});
const state = new OwnedFact(0);
let lab: EnrolmentLab;
let owner: Browser;
let key: Key;
let device: Credentials;

beforeAll(async () => {
  lab = await openEnrolmentLab({}, { ways, changes: [state] });
  owner = new Browser(lab);
  await owner.firstRun();
  key = await newKey();
  device = await enrolled(lab, owner, key, 'Küche');
});

/** How OpenSSL or the server ended it. */
async function failed({ socket }: ReturnType<typeof connectSecurely>): Promise<string> {
  const [error] = (await once(socket, 'error')) as [Error & { code?: string }];
  return `${error.code ?? ''} ${error.message}`;
}

/** A certificate that only looks like one of the box's own. */
async function forged(like: Credentials, issuer?: { certPem: string; keyPem: string }): Promise<Credentials> {
  const certPem = signCertificate({
    commonName: 'Küche',
    usage: ['clientAuth'],
    notBefore: new Date(Date.now() - days(1)),
    notAfter: new Date(Date.now() + days(1)),
    subjectKeyPem: like.keyPem,
    ...(issuer === undefined ? {} : { issuer }),
  });
  return { ...like, certPem };
}

const caPath = (of: EnrolmentLab): string => join(of.options.folder, 'enrolment', 'device-ca.pem');

describe('a device’s certificate', () => {
  it('is for its key, under its name, for thirty days, to come in with and for nothing else', async () => {
    const certificate = new X509Certificate(device.certPem);
    const ca = new X509Certificate(device.caPem);
    expect(certificate.subject).toBe('CN=Küche');
    expect(certificate.publicKey.equals(key.publicKey)).toBe(true);
    expect(certificate.checkIssued(ca) && certificate.verify(ca.publicKey)).toBe(true);
    expect([certificate.ca, certificate.keyUsage]).toEqual([false, ['1.3.6.1.5.5.7.3.2']]);
    expect(certificate.validToDate.getTime() - lab.clock.now()).toBeLessThanOrEqual(days(30));
    expect(certificate.serialNumber).toMatch(/^[0-9A-F]{32}$/);
    expect(ca.subject).toBe(`CN=Porchlight devices of ${boxId.slice(0, 8)}`);
  });

  it('opens the secure port: who it is, what is new, and answers', async () => {
    const open = connectSecurely(lab, device);
    expect(await helloOf(open)).toEqual({
      type: 'hello',
      deviceId: device.deviceId,
      label: 'Küche (com.example.app on Pixel)',
      boxId,
      boxName: 'Our box',
      ways: ways.value,
      certificateEndsAt: new X509Certificate(device.certPem).validToDate.getTime(),
    });
    ways.set({ ...ways.value, mirrors: [`https://a.${names.main}`] });
    state.set(state.value + 1);
    await expect.poll(() => open.messages, soon).toContainEqual({ type: 'ways', ways: ways.value });
    await expect.poll(() => open.messages, soon).toContainEqual({ type: 'state' });
    open.socket.send(JSON.stringify({ id: 7, method: 'state' }));
    await expect.poll(() => open.messages, soon).toContainEqual({ id: 7, success: { health: 'ok' } });
    open.socket.close();
  });

  it('is known in the list of sessions, with when and from where it was used', async () => {
    const { json } = await owner.call('GET', '/api/sessions');
    expect(json['sessions']).toContainEqual(
      expect.objectContaining({ id: device.deviceId, kind: 'device', lastAddress: '127.0.0.1' }),
    );
  });

  it.each([
    ['no JSON', 'hello', null],
    ['a list', '[]', null],
    ['no id', '{"method":"ping"}', null],
    ['an id in words', '{"id":"1","method":"ping"}', '1'],
    ['an id below nothing', '{"id":-1,"method":"ping"}', -1],
    ['another method', '{"id":3,"method":"revoke"}', 3],
    ['an id that is a list', '{"id":[3],"method":"ping"}', null],
    ['an id that is too long', `{"id":"${'x'.repeat(65)}","method":"ping"}`, null],
    ['bytes', Buffer.from([0xff, 0]), null],
  ])('does nothing with %s', async (_, message, id) => {
    const open = connectSecurely(lab, device);
    await helloOf(open);
    open.socket.send(message);
    const error = { code: 'bad-request', message: expect.any(String) as string };
    await expect.poll(() => open.messages.at(-1), soon).toEqual({ id, error });
    open.socket.close();
  });

  it('gets no more than twenty answers in a row, and no long message in', async () => {
    const open = connectSecurely(lab, device);
    await helloOf(open);
    for (let id = 0; id < 21; id++) open.socket.send(JSON.stringify({ id, method: 'ping' }));
    await expect.poll(() => open.messages.length, soon).toBe(22);
    expect(open.messages.at(-1)).toMatchObject({ id: 20, error: { code: 'rate-limited' } });
    open.socket.send('x'.repeat(5000));
    expect(await open.closed).toBe(1009);
  });

  it('ends its sockets with itself', async () => {
    const short = await openEnrolmentLab();
    const person = new Browser(short);
    await person.firstRun();
    const credentials = await enrolled(short, person, key);
    const endsAt = new X509Certificate(credentials.certPem).validToDate.getTime();
    short.clock.jump(endsAt - seconds(10));
    const open = connectSecurely(short, credentials);
    await helloOf(open);
    await short.clock.advance(seconds(9));
    expect(open.socket.readyState).toBe(open.socket.OPEN);
    await short.clock.advance(seconds(1));
    expect(await open.closed).toBe(4401);
    // The server's own was renewed by the clock of the test, and is of a day to come.
    const late = connectSecurely(short, credentials, { rejectUnauthorized: false });
    expect(await refusedWith(late)).toBe(403);
  });

  it('is no bearer of anything on the box’s pages', async () => {
    expect((await new Browser(lab).call('GET', '/api/me')).status).toBe(401);
  });
});

describe('the secure port', () => {
  it('has no handshake for who has no certificate, or one of somebody else’s', async () => {
    const own = await rsaKeyPem(2048);
    const ca = signCertificate({
      commonName: new X509Certificate(device.caPem).subject.slice(3),
      ca: true,
      notBefore: new Date(Date.now() - days(1)),
      notAfter: new Date(Date.now() + days(1)),
      subjectKeyPem: own,
    });
    expect(await failed(connectSecurely(lab, { caPem: device.caPem }))).toMatch(/certificate.required/i);
    for (const other of [await forged(device), await forged(device, { certPem: ca, keyPem: own })])
      expect(await failed(connectSecurely(lab, other))).toMatch(/alert|ECONNRESET/i);
  });

  it('knows a certificate of its own CA that it never gave to a device, and refuses it', async () => {
    const pair = readFileSync(caPath(lab), 'utf8');
    const keyPem = pair.slice(0, pair.indexOf('-----BEGIN CERTIFICATE'));
    const other = await forged(device, { certPem: device.caPem, keyPem });
    expect(await refusedWith(connectSecurely(lab, other))).toBe(403);
    const { json } = await owner.call('GET', '/api/audit');
    expect(json['entries']).toContainEqual(
      expect.objectContaining({
        action: 'credential-refused',
        who: expect.stringContaining('Küche') as string,
      }),
    );
  });

  it('takes no page and no other path', async () => {
    expect(await refusedWith(connectSecurely(lab, device, {}, '/w'))).toBe(404);
    const page = connectSecurely(lab, device, { headers: { origin: 'https://evil.example' } });
    expect(await refusedWith(page)).toBe(403);
    const own = connectSecurely(lab, device, {
      headers: { origin: `https://127.0.0.1:${lab.settings.port}` },
    });
    expect((await helloOf(own))['type']).toBe('hello');
    own.socket.terminate();
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'resumes no session of %s: each connection shows its certificate',
    async (version) => {
      const tickets: Buffer[] = [];
      const visit = async (session?: Buffer): Promise<[TLSSocket, boolean]> => {
        const socket = connect({
          host: '127.0.0.1',
          port: lab.settings.port,
          ca: device.caPem,
          cert: device.certPem,
          key: device.keyPem,
          maxVersion: version,
          ...(session === undefined ? {} : { session }),
        });
        socket.on('session', (ticket: Buffer) => tickets.push(ticket));
        await once(socket, 'secureConnect');
        // What the server has to say about sessions comes with the first bytes after the handshake.
        socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
        await once(socket, 'data');
        return [socket, socket.isSessionReused()];
      };
      const [first] = await visit();
      const sessions = [first.getSession(), ...tickets].filter((each) => each !== undefined);
      first.destroy();
      for (const session of sessions) {
        const [socket, reused] = await visit(session);
        expect(reused).toBe(false);
        socket.destroy();
      }
    },
  );

  it('has a certificate for the names of now', async () => {
    const seen = async (): Promise<string | undefined> => {
      const socket = connect({ host: '127.0.0.1', port: lab.settings.port, rejectUnauthorized: false });
      socket.on('error', () => undefined);
      await once(socket, 'secureConnect');
      const found = socket.getPeerX509Certificate();
      socket.destroy();
      return found?.subjectAltName;
    };
    expect(await seen()).toBe('DNS:localhost, IP Address:127.0.0.1');
    lab.serverNames.set([...lab.serverNames.value, 'porchlight.local', '192.168.1.20']);
    await expect.poll(seen, soon).toContain('DNS:porchlight.local, IP Address:192.168.1.20');
  });

  it('has sixteen places for one device, wherever it connects from', async () => {
    const all = Array.from({ length: 16 }, () => connectSecurely(lab, device));
    await Promise.all(all.map(helloOf));
    expect(await refusedWith(connectSecurely(lab, device))).toBe(503);
    expect(await refusedWith(connectSecurely(lab, device, { localAddress: '127.0.0.2' }))).toBe(503);
    for (const { socket } of all) socket.terminate();
    await Promise.all(all.map(({ closed }) => closed));
  });
});
