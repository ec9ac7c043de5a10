import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Certificates } from '../../../../src/box/auth/enrolment/certificate-uploader.ts';
import { minutes } from '../../../../src/kit/runtime/clock.ts';
import { Problem } from '../../../../src/kit/runtime/errors.ts';
import type { AuditEntry } from '../../../../src/protocol/audit-api.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { soon } from '../../../support/soon.ts';
import { Browser, names } from '../../lab/lab.ts';
import { decide, pendingOf } from '../pairing/flow.ts';
import {
  connectInsecurely,
  enrolled,
  type EnrolmentLab,
  exchange,
  exchangeAnswered,
  type Key,
  newKey,
  openEnrolmentLab,
  pickUp,
  requestFor,
  serialOf,
  type Signing,
} from './flow.ts';

const app = 'com.example.app';
const folder = temporaryFolder();
let lab: EnrolmentLab;
let owner: Browser;
let key: Key;
let other: Key;

beforeAll(async () => {
  for (const name of ['a', 'b']) mkdirSync(join(folder, name));
  lab = await openEnrolmentLab({ folders: { [app]: folder } });
  owner = new Browser(lab);
  await owner.firstRun();
  [key, other] = await Promise.all([newKey(), newKey()]);
});

const signing = (name: string, from = key): Signing => ({ csr: requestFor(from.keyPem, name), medium: 2 });
const errorOf = (messages: Record<string, unknown>[]): unknown => messages.at(-1)?.['error'];
const isId = expect.stringMatching(/^[0-9a-f-]{36}$/) as string;
/** So that the limits by address are not what is tried. */
const later = (): Promise<void> => lab.clock.advance(minutes(1));

/** The label by which an owner is asked; the answer is yes. */
async function askedAs(wanted: Signing, changed: Record<string, string> = {}): Promise<string> {
  const answer = exchange(lab, wanted, changed);
  await expect.poll(() => pendingOf(owner), soon).toHaveLength(1);
  const [question] = await pendingOf(owner);
  await decide(owner, true);
  expect((await answer).at(-1)).toEqual({ deviceId: isId });
  await later();
  return question?.label ?? '';
}

describe('who asks', () => {
  it('is asked about once, and the device id stays', async () => {
    expect(await askedAs(signing('one'))).toBe(`one (${app} on Pixel)`);
    const [first] = await exchange(lab, signing('one'));
    const [second] = await exchange(lab, signing('one'), { device: 'another name of it', os: 'iOS' });
    expect(first).toEqual({ deviceId: isId });
    expect(second).toEqual(first);
  });

  it('is another one with another key, name, app or place, and the owner is told which', async () => {
    expect(await askedAs(signing('two'))).toBe(`two (${app} on Pixel)`);
    expect(await askedAs(signing('two', other))).toBe(`another key for two (${app} on Pixel)`);
    expect(await askedAs({ ...signing('two'), medium: 1, destination: 'a' })).toBe(
      `another place for two (${app} on Pixel)`,
    );
    expect(await askedAs({ ...signing('two'), medium: 1, destination: join(folder, 'b') })).toContain(
      'another place',
    );
    expect(await askedAs(signing('two'), { app: 'another app' })).toBe('two (another app on Pixel)');
    expect(await askedAs(signing('three'))).toBe(`three (${app} on Pixel)`);
    expect(readdirSync(join(folder, 'a')).toSorted()).toEqual(['device.crt', 'sonarCA.crt']);
  });

  it('is shown to the owner with nothing in its name that cannot be seen', async () => {
    expect(await askedAs(signing('four'), { device: 'Pi\u202exel\u0000\n', app: ' x  y ' })).toBe(
      'four (x y on Pixel)',
    );
  });

  it('is told no, and no again without a question, until the owner forgets it', async () => {
    const refused = { code: 'client-refused', message: expect.stringContaining('said no') as string };
    const answer = await exchangeAnswered(lab, owner, signing('five'), { allow: false });
    expect(answer).toEqual({ error: refused });
    expect(errorOf(await exchange(lab, signing('five')))).toEqual(refused);
    const { json } = await owner.call('GET', '/api/approvals');
    const no = (json['remembered'] as { id: string; allowed: boolean }[]).find(({ allowed }) => !allowed);
    expect((await owner.call('DELETE', `/api/approvals/${no?.id}`)).status).toBe(204);
    expect(await askedAs(signing('five'))).toContain('five');
  });

  it('is told that nobody answered, after two minutes', async () => {
    const answer = exchange(lab, signing('six'));
    await expect.poll(() => pendingOf(owner), soon).toHaveLength(1);
    await lab.clock.advance(minutes(2));
    expect(errorOf(await answer)).toMatchObject({ code: 'approval-expired' });
  });

  it('may hang up, ask again, and is the same question', async () => {
    const { socket } = connectInsecurely(lab);
    await once(socket, 'open');
    socket.send(JSON.stringify({ method: 'signCertificate', ...signing('seven') }));
    await expect.poll(() => pendingOf(owner), soon).toHaveLength(1);
    const [before] = await pendingOf(owner);
    socket.terminate();
    const codes: unknown[] = [];
    const answer = exchange(lab, signing('seven'), { progress: '1' }, ({ waiting }) => codes.push(waiting));
    await expect.poll(() => codes, soon).toContainEqual({ code: before?.code, seconds: 120 });
    await decide(owner, true);
    expect((await answer).at(-1)).toEqual({ deviceId: isId });
    await later();
  });

  it('waits in vain at a box that has no owner yet', async () => {
    const unclaimed = await openEnrolmentLab();
    expect(errorOf(await exchange(unclaimed, signing('x')))).toMatchObject({ code: 'not-claimed' });
  });
});

describe('medium 2', () => {
  it('lays the certificates on a shelf: once, for five minutes, and nobody else’s', async () => {
    const { deviceId } = await exchangeAnswered(lab, owner, signing('shelf'));
    expect((await pickUp(owner, 'shelf')).status).toBe(404);
    const url = `/enrolment/certificates/${String(deviceId)}`;
    const { statusCode } = await lab.app.inject({ method: 'HEAD', url, headers: { host: names.main } });
    expect(statusCode).toBe(404);
    const { status, json } = await pickUp(new Browser(lab), deviceId);
    expect(status).toBe(200);
    expect(Object.keys(json).toSorted()).toEqual(['device.crt', 'sonarCA.crt']);
    expect((await pickUp(owner, deviceId)).status).toBe(404);
    await exchange(lab, signing('shelf'));
    await lab.clock.advance(minutes(5));
    expect((await pickUp(owner, deviceId)).status).toBe(404);
    await exchange(lab, signing('shelf'));
    expect((await pickUp(owner, deviceId)).status).toBe(200);
  });

  it('uses the uploader that it is given, and says when that fails', async () => {
    const uploaded: Certificates[] = [];
    let broken = false;
    const elsewhere = await openEnrolmentLab({
      uploader: {
        upload: async (certificates) => {
          if (broken) throw new Problem('upload-failed', 'the shop is shut');
          uploaded.push(certificates);
        },
      },
    });
    const person = new Browser(elsewhere);
    await person.firstRun();
    const { deviceId } = await exchangeAnswered(elsewhere, person, signing('up'));
    expect(uploaded).toMatchObject([{ deviceId }]);
    expect(serialOf(uploaded[0]?.certificatePem ?? '')).toMatch(/^[0-9A-F]{32}$/);
    expect((await pickUp(person, deviceId)).status).toBe(404);
    broken = true;
    expect(errorOf(await exchange(elsewhere, signing('up')))).toEqual({
      code: 'upload-failed',
      message: 'something went wrong on the box; its log says more',
    });
  });

  it('is a new certificate each time, and the last one again after eight in a day', async () => {
    const { deviceId, certPem } = await enrolled(lab, owner, key, 'many');
    const certificates = [certPem];
    for (let times = 0; times < 9; times++) {
      await exchange(lab, signing('many'));
      certificates.push(String((await pickUp(owner, deviceId)).json['device.crt']));
      await later();
    }
    expect(new Set(certificates.slice(0, 8).map(serialOf)).size).toBe(8);
    expect(certificates.slice(8)).toEqual([certificates[7], certificates[7]]);
    const { json } = await owner.call('GET', '/api/audit');
    const issued = (json['entries'] as AuditEntry[]).filter(
      ({ action, who }) => action === 'certificate-issued' && who.startsWith('many '),
    );
    expect(issued).toHaveLength(8);
  });
});
