import { createPublicKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { days, hours } from '../../../../src/kit/runtime/clock.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { Browser } from '../../lab/lab.ts';
import {
  connectInsecurely,
  connectSecurely,
  type Credentials,
  enrolled,
  type EnrolmentLab,
  helloOf,
  type Key,
  newKey,
  openEnrolmentLab,
  requestFor,
} from './flow.ts';

/** What clients do that were written for the desktop program whose protocol this is. */
let lab: EnrolmentLab;
let owner: Browser;
let key: Key;
let first: Credentials;
let device: Credentials;

beforeAll(async () => {
  // TLS looks at the time of this machine: the CA is made long ago, and what is tried happens now.
  const earlier = await openEnrolmentLab({}, { clock: new FakeClock(Date.now() - days(40)) });
  owner = new Browser(earlier);
  await owner.firstRun();
  key = await newKey();
  first = await enrolled(earlier, owner, key);
  await earlier.close();
  lab = await openEnrolmentLab({}, { folder: earlier.options.folder });
  owner = new Browser(lab);
  await owner.signIn();
  device = await enrolled(lab, owner, key);
});

const paths = ['/', '/sonar', '/sonar/'];

describe('the paths of both ports', () => {
  it.each(paths)('%s leads to the secure one', async (path) => {
    const open = connectSecurely(lab, device, {}, path);
    expect(await helloOf(open)).toMatchObject({ type: 'hello', deviceId: device.deviceId });
    open.socket.terminate();
  });

  it.each(paths)('%s leads to the insecure one', async (path) => {
    const { socket, messages, closed } = connectInsecurely(lab, {}, {}, path);
    await once(socket, 'open');
    const csr = requestFor(key.keyPem, 'device');
    socket.send(JSON.stringify({ id: 1, method: 'signCertificate', csr, medium: 2, extra: true }));
    await closed;
    expect(messages).toEqual([{ deviceId: device.deviceId }]);
  });

  it.each(['/w', '/sonarx', '//', '/x'])('%s leads nowhere', async (path) => {
    const { socket } = connectInsecurely(lab, {}, {}, path);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    socket.terminate();
    expect(response.statusCode).toBe(404);
  });
});

/** What the secure port shows to a device that trusts `caPem`. */
async function chainFor({ certPem, keyPem }: Credentials, caPem: string): Promise<X509Certificate[]> {
  const { port } = lab.settings;
  const socket = connect({ host: '127.0.0.1', port, ca: caPem, cert: certPem, key: keyPem });
  await once(socket, 'secureConnect');
  const leaf = socket.getPeerX509Certificate();
  socket.destroy();
  const issuer = leaf?.issuerCertificate;
  return [leaf, issuer].filter((each): each is X509Certificate => each !== undefined);
}

const ageOf = (certificate: X509Certificate): number => Date.now() - certificate.validFromDate.getTime();

describe('a client that takes no certificate older than thirty days', () => {
  it('gets a young CA when it asks again, of the same key and name', () => {
    const [before, after] = [first, device].map(({ caPem }) => new X509Certificate(caPem));
    expect(ageOf(before as X509Certificate)).toBeGreaterThan(days(40));
    expect(ageOf(after as X509Certificate)).toBeLessThan(days(21) + hours(1));
    expect(ageOf(after as X509Certificate)).toBeGreaterThan(0);
    expect(after?.subject).toBe(before?.subject);
    expect(after?.publicKey.equals(createPublicKey(first.caPem))).toBe(true);
    expect(after?.serialNumber).not.toBe(before?.serialNumber);
  });

  it('is shown a chain of two, both young', async () => {
    const chain = await chainFor(device, device.caPem);
    expect(chain).toHaveLength(2);
    for (const certificate of chain) {
      expect(ageOf(certificate)).toBeGreaterThan(0);
      expect(ageOf(certificate)).toBeLessThan(days(30));
    }
    expect(chain[1]?.fingerprint256).toBe(new X509Certificate(device.caPem).fingerprint256);
  });

  it('is no reason for others to ask again: who trusts the first one goes on', async () => {
    expect((await chainFor(device, first.caPem)).length).toBe(2);
    const open = connectSecurely(lab, { ...device, caPem: first.caPem });
    expect(await helloOf(open)).toMatchObject({ type: 'hello' });
    open.socket.terminate();
  });

  it('is not kept out by a clock that was ahead, or behind, when the CA was made', async () => {
    for (const off of [days(400), -days(20_000)]) {
      const wrong = await openEnrolmentLab({}, { clock: new FakeClock(Date.now() + off) });
      const person = new Browser(wrong);
      await person.firstRun();
      await enrolled(wrong, person, key);
      const right = await openEnrolmentLab(
        {},
        { clock: new FakeClock(Date.now()), folder: wrong.options.folder },
      );
      const again = new Browser(right);
      await again.signIn();
      const { caPem } = await enrolled(right, again, await newKey(), 'another');
      const age = ageOf(new X509Certificate(caPem));
      expect(age).toBeGreaterThan(0);
      expect(age).toBeLessThan(days(2));
      await right.close();
      await wrong.close();
    }
  });
});
