import { execFile } from '../../../support/programs.ts';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { days } from '../../../../src/kit/runtime/clock.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { away, Browser, home, names } from '../../lab/lab.ts';
import {
  connectSecurely,
  type Credentials,
  enrolled,
  type EnrolmentLab,
  exchange,
  helloOf,
  type Key,
  newKey,
  openEnrolmentLab,
  pickUp,
  refusedWith,
  requestFor,
  serialOf,
} from './flow.ts';

const run = promisify(execFile);
const folder = temporaryFolder();
let lab: EnrolmentLab;
let owner: Browser;
let key: Key;
let device: Credentials;

beforeAll(async () => {
  lab = await openEnrolmentLab();
  owner = new Browser(lab);
  await owner.firstRun();
  key = await newKey();
  device = await enrolled(lab, owner, key, 'Küche');
});

const end = async (sessionId: string): Promise<void> => {
  expect((await owner.call('DELETE', `/api/sessions/${sessionId}`)).status).toBe(204);
};

const caPath = (of: EnrolmentLab): string => join(of.options.folder, 'enrolment', 'device-ca.pem');

/** The list of revoked serial numbers, in hex, as OpenSSL reads them. */
async function revokedSerials(from: EnrolmentLab): Promise<string[]> {
  const { rawPayload, headers } = await from.app.inject({
    method: 'GET',
    url: '/enrolment/revoked.crl',
    headers: { host: names.main },
  });
  expect(headers['content-type']).toBe('application/pkix-crl');
  writeFileSync(join(folder, 'list.der'), rawPayload);
  const list = join(folder, 'list.pem');
  const { stdout } = await run('openssl', [
    'crl',
    '-inform',
    'der',
    '-in',
    join(folder, 'list.der'),
    '-text',
    '-out',
    list,
  ]);
  const text = readFileSync(list, 'utf8') + stdout;
  return [...text.matchAll(/Serial Number: ([0-9A-F]+)/g)].map(([, serial = '']) => serial).toSorted();
}

describe('revocation', () => {
  it('ends open sockets at once, refuses the certificate from then on, and a new one is asked about', async () => {
    const phone = await enrolled(lab, owner, await newKey(), 'phone');
    const open = [connectSecurely(lab, phone), connectSecurely(lab, phone)];
    await Promise.all(open.map(helloOf));
    const bystander = connectSecurely(lab, device);
    await helloOf(bystander);
    await end(phone.deviceId);
    for (const { closed, messages } of open) {
      expect(await closed).toBe(4401);
      expect(messages.at(-1)).toEqual({ type: 'session-ended' });
    }
    expect(await refusedWith(connectSecurely(lab, phone))).toBe(403);
    expect(bystander.socket.readyState).toBe(bystander.socket.OPEN);
    bystander.socket.terminate();
    const again = await enrolled(lab, owner, { keyPem: phone.keyPem, publicKey: key.publicKey }, 'phone');
    expect(again.deviceId).not.toBe(phone.deviceId);
    expect(await refusedWith(connectSecurely(lab, phone))).toBe(403);
    const back = connectSecurely(lab, again);
    expect((await helloOf(back))['deviceId']).toBe(again.deviceId);
    back.socket.terminate();
  });

  it('is of all certificates of the device, is on the list, and survives a restart', async () => {
    const state = temporaryFolder();
    const first = await openEnrolmentLab({}, { folder: state });
    const person = new Browser(first);
    await person.firstRun();
    const tablet = await enrolled(first, person, await newKey(), 'tablet');
    await exchange(first, { csr: requestFor(tablet.keyPem, 'tablet'), medium: 2 });
    const renewed = String((await pickUp(person, tablet.deviceId)).json['device.crt']);
    const stays = await enrolled(first, person, key, 'stays');
    await person.call('DELETE', `/api/sessions/${tablet.deviceId}`);
    await first.close();

    const second = await openEnrolmentLab({ port: first.settings.port }, { folder: state });
    const back = connectSecurely(second, stays);
    expect((await helloOf(back))['deviceId']).toBe(stays.deviceId);
    back.socket.terminate();
    for (const certPem of [tablet.certPem, renewed])
      expect(await refusedWith(connectSecurely(second, { ...tablet, certPem }))).toBe(403);
    expect(await revokedSerials(second)).toEqual([serialOf(tablet.certPem), serialOf(renewed)].toSorted());
    const list = [
      'verify',
      '-crl_check',
      '-CRLfile',
      join(folder, 'list.pem'),
      '-CAfile',
      join(folder, 'ca.pem'),
    ];
    writeFileSync(join(folder, 'ca.pem'), stays.caPem);
    writeFileSync(join(folder, 'leaf.pem'), stays.certPem);
    expect((await run('openssl', [...list, join(folder, 'leaf.pem')])).stdout).toContain('OK');
    writeFileSync(join(folder, 'leaf.pem'), renewed);
    await expect(run('openssl', [...list, join(folder, 'leaf.pem')])).rejects.toThrow('certificate revoked');

    // Those that would have ended by themselves are forgotten, and open nothing. The machine's own time has not moved.
    second.clock.jump(second.clock.now() + days(31));
    expect(await revokedSerials(second)).toEqual([]);
    expect(await refusedWith(connectSecurely(second, stays, { rejectUnauthorized: false }))).toBe(403);
  });

  it('is of what a person let in, when that person goes', async () => {
    const { json } = await owner.call('POST', '/api/people', { body: { name: 'Bo', role: 'owner' } });
    const second = new Browser(lab);
    const joined = { inviteCode: json['inviteCode'], password: 'nine yellow bottles' };
    expect((await second.call('POST', '/api/join', { body: joined })).status).toBe(201);
    await second.open();
    const theirs = await enrolled(lab, second, await newKey(), 'theirs');
    const open = connectSecurely(lab, theirs);
    await helloOf(open);
    await owner.call('DELETE', `/api/people/${String(json['id'])}`);
    expect(await open.closed).toBe(4401);
    expect(await refusedWith(connectSecurely(lab, theirs))).toBe(403);
  });

  it('leaves no list where there is no CA', async () => {
    const fresh = await openEnrolmentLab();
    expect((await new Browser(fresh).call('GET', '/enrolment/revoked.crl')).status).toBe(404);
  });
});

describe('the open calls', () => {
  it('are answered so often for one home, and for all beyond the tunnel; at home nobody notices', async () => {
    const visited = await openEnrolmentLab();
    const count = async (path: string, addresses: readonly string[]): Promise<number> => {
      let answered = 0;
      for (const address of addresses) {
        visited.from = { ...away, address };
        const { status } = await new Browser(visited).call('GET', path);
        expect([404, 429]).toContain(status);
        if (status === 404) answered++;
      }
      return answered;
    };
    const neighbours = Array.from({ length: 25 }, (_, n) => `2001:db8::${n + 1}`);
    expect(await count('/enrolment/revoked.crl', neighbours)).toBe(20);
    const crowd = Array.from({ length: 40 * 6 }, (_, n) => `203.0.113.${n % 40}`);
    const answered = await count('/enrolment/certificates/x', crowd);
    // Three of each, and what was left for all.
    expect(answered).toBeGreaterThanOrEqual(40 * 3);
    expect(answered).toBeLessThanOrEqual(40 * 3 + 60);
    expect(await count('/enrolment/certificates/x', ['203.0.113.200'])).toBe(1);
    visited.from = home;
    expect((await new Browser(visited).call('GET', '/enrolment/revoked.crl')).status).toBe(404);
  });
});

describe('the CA of the box', () => {
  it('is the owner’s of the process alone', () => {
    expect(statSync(caPath(lab)).mode & 0o777).toBe(0o600);
    expect(statSync(join(lab.options.folder, 'enrolment')).mode & 0o777).toBe(0o700);
  });

  it('says when it is damaged, and nobody is given another one in silence', async () => {
    const state = temporaryFolder();
    const first = await openEnrolmentLab({}, { folder: state });
    const person = new Browser(first);
    await person.firstRun();
    await enrolled(first, person, key, 'x');
    await first.close();
    const pair = readFileSync(caPath(first), 'utf8');
    writeFileSync(caPath(first), pair.slice(pair.indexOf('-----BEGIN CERTIFICATE')));
    const second = await openEnrolmentLab({}, { folder: state });
    expect(second.health.conditions.value).toMatchObject([
      {
        name: 'enrolment',
        severity: 'warning',
        message: expect.stringContaining('device-ca.pem is damaged') as string,
      },
    ]);
    const [answer] = await exchange(second, { csr: requestFor(key.keyPem, 'x'), medium: 2 });
    expect(answer).toMatchObject({
      error: { code: 'device-ca-damaged', message: expect.not.stringContaining(state) as string },
    });
    expect((await new Browser(second).call('GET', '/enrolment/revoked.crl')).json['code']).toBe(
      'device-ca-damaged',
    );
  });
});
