import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { certId } from '../../../src/box/certificate/ari.ts';
import { ecKeyPem } from '../../../src/box/certificate/pair.ts';
import { days, hours, seconds } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { zoneNames } from '../../../src/protocol/names.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { Answer } from './acme-proxy.ts';
import { createKeeper, createLab, eventually, type Lab, type TestedKeeper } from './lab.ts';
import { OffsetClock } from './offset-clock.ts';

const folder = temporaryFolder();
let lab: Lab;
beforeAll(async () => (lab = await createLab({ folder })));
afterAll(() => lab.close());
afterEach(() => {
  lab.proxy.fault = () => undefined;
  lab.proxy.renewalInfo = undefined;
  lab.proxy.profiles = undefined;
});

/** The zone of a box that has not reached the dns-server yet. */
const never = new OwnedFact(undefined);

const serial = ({ keeper }: TestedKeeper): string | undefined => keeper.certificate.value?.serial;

/** Started, with its first certificate. */
async function withCertificate(tested: TestedKeeper): Promise<TestedKeeper> {
  await tested.keeper.start();
  await eventually('a certificate', () => tested.severity() === 'ok');
  return tested;
}

const window = (start: number, end: number): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/json', 'retry-after': '21600' },
  body: JSON.stringify({ suggestedWindow: { start: new Date(start), end: new Date(end) } }),
});

const newOrders = (): (Record<string, unknown> | undefined)[] =>
  lab.proxy.seen.filter(({ resource }) => resource === 'new-order').map(({ payload }) => payload);

describe('renewal', () => {
  it('happens at a third of the lifetime left, without a break in the fact', async () => {
    const clock = new OffsetClock();
    const tested = await withCertificate(createKeeper(lab, join(folder, 'third'), { clock }));
    const before = tested.keeper.certificate.value;
    const { notBefore = 0, notAfter = 0 } = before ?? {};
    const values: (string | undefined)[] = [];
    tested.keeper.certificate.subscribe((value) => values.push(value?.serial));
    clock.advanceTo(notAfter - ((notAfter - notBefore) * 11) / 30 - days(1));
    await eventually('looked again', () => clock.asleep > 0);
    expect(values).toEqual([]);
    clock.advanceTo(notAfter - (notAfter - notBefore) / 3);
    await eventually('renewed', () => serial(tested) !== before?.serial);
    await tested.keeper.stop();
    expect(values).toEqual([serial(tested)]);
    const current = readFileSync(join(folder, 'third', 'current'), 'utf8').trim();
    expect(current).toBe(serial(tested)?.toLowerCase());
  });

  it('follows the window of the CA, tells what it replaces, and asks at the pace of the CA', async () => {
    const clock = new OffsetClock();
    const asked: string[] = [];
    let now = { start: clock.now() + days(30), end: clock.now() + days(32) };
    lab.proxy.renewalInfo = (id) => (asked.push(id), window(now.start, now.end));
    const state = join(folder, 'window');
    const tested = await withCertificate(createKeeper(lab, state, { clock }));
    const first = tested.keeper.certificate.value;
    const firstId = certId(first?.chainPem ?? '');
    expect(asked).toEqual([firstId]);

    await tested.keeper.stop();
    const seen = lab.proxy.seen.length;
    const again = await withCertificate(createKeeper(lab, state, { clock }));
    expect(lab.proxy.seen.length).toBe(seen);

    clock.advance(hours(5.9));
    clock.advance(hours(0.2));
    await eventually('asked again', () => asked.length === 2);

    // Revoked, says the CA: the window lies in the past, so it is time now.
    now = { start: clock.now() - days(2), end: clock.now() - days(1) };
    clock.advance(hours(7));
    await eventually('renewed', () => serial(again) !== first?.serial);
    now = { start: clock.now() + days(30), end: clock.now() + days(32) };
    await again.keeper.stop();
    expect(newOrders().at(-1)?.['replaces']).toBe(firstId);
  });

  it('drops "replaces" once when it is refused', async () => {
    const clock = new OffsetClock();
    const from = clock.now() + days(30);
    lab.proxy.renewalInfo = () => window(from, from + days(2));
    const tested = await withCertificate(createKeeper(lab, join(folder, 'refused'), { clock }));
    const before = serial(tested);
    const placed = newOrders().length;
    lab.proxy.fault = ({ resource, payload }) =>
      resource === 'new-order' && payload?.['replaces'] !== undefined
        ? {
            status: 409,
            body: JSON.stringify({ type: 'urn:ietf:params:acme:error:alreadyReplaced', detail: 'no' }),
            headers: { 'content-type': 'application/problem+json' },
          }
        : undefined;
    clock.advance(days(33));
    await eventually('renewed', () => serial(tested) !== before);
    await tested.keeper.stop();
    const orders = newOrders().slice(placed);
    expect(orders.map((order) => typeof order?.['replaces'])).toEqual(['string', 'undefined']);
  });

  it('says nothing of what it replaces when that has expired', async () => {
    const clock = new OffsetClock();
    lab.proxy.renewalInfo = () => window(clock.now() + days(30), clock.now() + days(32));
    const tested = await withCertificate(createKeeper(lab, join(folder, 'expired'), { clock }));
    const before = tested.keeper.certificate.value;
    await tested.keeper.stop();
    clock.advanceTo((before?.notAfter ?? 0) + days(1));
    const again = createKeeper(lab, join(folder, 'expired'), { clock, zone: never });
    await again.keeper.start();
    await eventually('said', () => again.severity() === 'error');
    expect(again.message()).toContain('has expired');
    expect(serial(again)).toBe(before?.serial);
    await again.keeper.stop();
    const third = createKeeper(lab, join(folder, 'expired'), { clock });
    await third.keeper.start();
    await eventually('renewed', () => serial(third) !== undefined && serial(third) !== before?.serial);
    await third.keeper.stop();
    expect(newOrders().at(-1)?.['replaces']).toBeUndefined();
  });
});

describe('profiles', () => {
  it.each([
    ['asks for one that the CA lists', { shortlived: 'six days' }, 'shortlived', undefined],
    ['does not ask for one that the CA does not list, and says so', { classic: '' }, undefined, 'warning'],
    ['does not ask a CA without profiles', undefined, undefined, 'warning'],
  ])('%s', async (_, profiles, ordered, severity) => {
    lab.proxy.profiles = profiles;
    const acme = { directoryUrl: lab.proxy.directoryUrl, termsAgreed: true, profile: 'shortlived' };
    const tested = await withCertificate(createKeeper(lab, join(folder, `profile ${_}`), { acme }));
    await tested.keeper.stop();
    expect(newOrders().at(-1)?.['profile']).toBe(ordered);
    const condition = tested.health.conditions.value.find(({ name }) => name === 'certificate.profile');
    expect(condition?.severity).toBe(severity);
  });
});

describe('a clock that is plainly wrong', () => {
  it('before the build: nothing is asked until it is right', async () => {
    const clock = new OffsetClock();
    const seen = lab.proxy.seen.length;
    const builtAt = clock.now() + days(1);
    const tested = createKeeper(lab, join(folder, 'early'), { clock, builtAt });
    await tested.keeper.start();
    await eventually('said', () => tested.message()?.includes('the clock says') === true);
    expect(tested.severity()).toBe('error');
    expect(lab.proxy.seen.length).toBe(seen);
    clock.advanceTo(builtAt + seconds(30));
    await eventually('a certificate', () => tested.severity() === 'ok');
    await tested.keeper.stop();
  });

  it('before the last certificate: it is kept, and nothing is asked', async () => {
    const clock = new OffsetClock();
    const tested = await withCertificate(createKeeper(lab, join(folder, 'late'), { clock }));
    await tested.keeper.stop();
    const seen = lab.proxy.seen.length;
    clock.advance(-days(3));
    const again = createKeeper(lab, join(folder, 'late'), { clock });
    await again.keeper.start();
    await eventually('said', () => again.message()?.includes('the clock says') === true);
    expect(serial(again)).toBe(serial(tested));
    expect(lab.proxy.seen.length).toBe(seen);
    await again.keeper.stop();
  });
});

describe('a clock far ahead', () => {
  it('costs one order: the certificate is used, and the clock is reported', async () => {
    const clock = new OffsetClock();
    clock.advance(days(4000));
    const placed = newOrders().length;
    const tested = createKeeper(lab, join(folder, 'ahead'), { clock });
    await tested.keeper.start();
    await eventually('said', () => tested.message()?.includes('has expired') === true && clock.asleep > 0);
    expect(tested.keeper.certificate.value?.names).toContain(lab.names.main);
    expect(tested.severity()).toBe('error');
    await tested.keeper.stop();
    expect(newOrders().length - placed).toBe(1);
  });
});

describe('a clock that was ahead', () => {
  it('does not keep the box from asking the CA when to renew', async () => {
    const clock = new OffsetClock();
    const asked: string[] = [];
    lab.proxy.renewalInfo = (id) => (asked.push(id), window(clock.now() + days(30), clock.now() + days(32)));
    const state = join(folder, 'was ahead');
    const tested = await withCertificate(createKeeper(lab, state, { clock }));
    clock.advance(days(20));
    await eventually('asked ahead of time', () => asked.length === 2);
    await tested.keeper.stop();
    clock.advance(-days(20));
    const again = createKeeper(lab, state, { clock });
    await again.keeper.start();
    await eventually('asked again', () => asked.length === 3);
    await eventually('at its pace again', () => clock.asleep > 0);
    await again.keeper.stop();
    expect(asked.length).toBe(3);
  });
});

describe('a pair on disk that cannot be used', () => {
  const damages: [string, (file: (name: string) => string) => void | Promise<void>, RegExp][] = [
    [
      'the key of another',
      async (file) => writeFileSync(file('key.pem'), await ecKeyPem()),
      /the key is not the one/,
    ],
    [
      'half a file',
      (file) => writeFileSync(file('chain.pem'), '-----BEGIN CERTIFICATE-----\nMIIB'),
      /there is no certificate/,
    ],
    ['garbage', (file) => writeFileSync(file('key.pem'), 'x'), /its key cannot be read/],
    [
      'a chain of strangers',
      (file) => {
        const [leaf = ''] = readFileSync(file('chain.pem'), 'utf8').split(/(?<=-----END CERTIFICATE-----)/);
        writeFileSync(file('chain.pem'), `${leaf}\n${lab.ca.caPem}`);
      },
      /did not sign/,
    ],
  ];
  it.each(damages)('%s: is not used, which is said, and another is obtained', async (name, damage, said) => {
    const state = join(folder, name);
    const tested = await withCertificate(createKeeper(lab, state));
    await tested.keeper.stop();
    const pair = join(state, 'pairs', readFileSync(join(state, 'current'), 'utf8').trim());
    await damage((file) => join(pair, file));

    const zone = createKeeper(lab, state, { zone: never });
    await zone.keeper.start();
    await eventually('said', () => zone.severity() !== undefined);
    expect(zone.message()).toMatch(said);
    expect(zone.message()).toContain('waiting for the zone');
    expect(zone.keeper.certificate.value).toBeUndefined();
    await zone.keeper.stop();

    const again = await withCertificate(createKeeper(lab, state));
    await again.keeper.stop();
    expect(serial(again)).not.toBe(serial(tested));
  });

  it('another zone root: a new order for the new names', async () => {
    const state = join(folder, 'renamed');
    const tested = await withCertificate(createKeeper(lab, state));
    await tested.keeper.stop();
    const names = zoneNames(lab.identity.boxId, 'other.localhost', []);
    const again = createKeeper(lab, state, { names, zone: never });
    await again.keeper.start();
    await eventually('said', () => again.severity() !== undefined);
    expect(again.message()).toMatch(/it is for .*box\.localhost, not for .*other\.localhost/);
    await again.keeper.stop();
  });
});

describe('stopping', () => {
  it('in the middle takes the TXT values away', async () => {
    let stopped: Promise<void> | undefined;
    const tested = createKeeper(lab, join(folder, 'stopped'), {
      onStep: (step) => {
        if (step === 'challenges-added') stopped ??= tested.keeper.stop();
      },
    });
    await tested.keeper.start();
    await eventually('stopping', () => stopped !== undefined);
    await stopped;
    expect(await lab.challenges()).toEqual([]);
    expect(tested.keeper.certificate.value).toBeUndefined();
  });
});
