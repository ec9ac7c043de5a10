import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import acme from 'acme-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AcmeCa } from '../../../src/box/certificate/acme.ts';
import { ecKeyPem } from '../../../src/box/certificate/pair.ts';
import { hours, minutes, seconds } from '../../../src/kit/runtime/clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { Answer, Fault, Resource } from './acme-proxy.ts';
import { createKeeper, createLab, eventually, type Lab } from './lab.ts';
import { OffsetClock } from './offset-clock.ts';

const problem = (status: number, type: string, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail: 'so it is', status }),
});

/** `fault` for the first `times` requests of `resource`. */
const first = (times: number, resource: Resource, fault: Answer | 'silence'): Fault => {
  let left = times;
  return (seen) => (seen.resource === resource && left-- > 0 ? fault : undefined);
};

describe('a CA that misbehaves', () => {
  const folder = temporaryFolder();
  let lab: Lab;
  beforeAll(async () => (lab = await createLab({ folder })));
  afterAll(() => lab.close());

  const resources = [
    'directory', 'nonce', 'account', 'new-order', 'order', 'authorization', 'challenge', 'finalize', 'certificate',
  ] as const; // prettier-ignore
  const faults: Record<string, Answer | 'silence'> = {
    '500': problem(500, 'serverInternal'),
    'a page instead of an answer': {
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: '<h1>Welcome</h1>',
    },
    'another JSON': { status: 200, headers: { 'content-type': 'application/json' }, body: '{"status":[]}' },
    nothing: 'silence',
  };
  const cases = resources.flatMap((resource) =>
    Object.keys(faults).map((fault) => [resource, fault] as const),
  );

  it.each(cases)(
    '%s answered with %s: goes on with the same order as soon as it is right again',
    async (resource, name) => {
      const clock = new OffsetClock();
      const acme = { directoryUrl: lab.proxy.directoryUrl, termsAgreed: true, timeoutMs: 250 };
      const tested = createKeeper(lab, join(folder, `${resource} ${name}`), { clock, acme });
      const before = lab.proxy.count('new-order');
      lab.proxy.fault = first(2, resource, faults[name] ?? 'silence');
      await tested.keeper.start();
      await eventually('a certificate', () => {
        clock.advance(seconds(1));
        return tested.steps.includes('challenges-removed') && tested.severity() === 'ok';
      });
      await tested.keeper.stop();
      expect(await lab.challenges()).toEqual([]);
      // Two orders whose answers were lost, and the one that became the certificate.
      const lost = resource === 'new-order' ? 2 : 0;
      expect(lab.proxy.count('new-order') - before).toBe(1 + lost);
    },
  );

  it('429 with Retry-After: asks nothing until then, not even when started again', async () => {
    const clock = new OffsetClock();
    const state = join(folder, 'limited');
    lab.proxy.fault = first(1, 'new-order', problem(429, 'rateLimited', { 'retry-after': '7200' }));
    const tested = createKeeper(lab, state, { clock });
    await tested.keeper.start();
    await eventually('told', () => tested.message()?.includes('429') === true);
    const asked = lab.proxy.seen.length;
    clock.advance(hours(1.9));
    await tested.keeper.stop();
    expect(tested.severity()).toBe('error');
    expect(tested.message()).toMatch(/there is no certificate yet; the CA answered 429 .* next attempt/);

    const again = createKeeper(lab, state, { clock });
    await again.keeper.start();
    await eventually('waiting', () => again.message()?.includes('next attempt') === true);
    expect(lab.proxy.seen.length).toBe(asked);
    clock.advance(hours(0.1) + minutes(5));
    await eventually('a certificate', () => again.severity() === 'ok');
    await again.keeper.stop();
  });

  it('Retry-After while it looks and signs: is not asked more often', async () => {
    const tested = createKeeper(lab, join(folder, 'patient'));
    lab.proxy.headers = { 'retry-after': '1' };
    const before = lab.proxy.seen.length;
    await tested.keeper.start();
    await eventually('a certificate', () => tested.severity() === 'ok');
    await tested.keeper.stop();
    lab.proxy.headers = {};
    const looks = lab.proxy.seen.slice(before).filter(({ resource }) => resource === 'authorization');
    // Two authorizations, looked at together, when they are found and a second later.
    expect(looks.length).toBe(4);
    expect((looks[2]?.at ?? 0) - (looks[1]?.at ?? 0)).toBeGreaterThan(950);
  });

  const accountOf = (state: string): { keyPem: string; url: string } => {
    const accounts = JSON.parse(readFileSync(join(state, 'accounts.json'), 'utf8')) as Record<string, never>;
    return accounts[lab.proxy.directoryUrl] as unknown as { keyPem: string; url: string };
  };

  it('an account that the CA has forgotten is made again at once, with its key', async () => {
    const state = join(folder, 'forgotten');
    mkdirSync(state);
    const account = { keyPem: await ecKeyPem(), url: `${lab.proxy.origin}/my-account/0123456789abcdef` };
    writeFileSync(join(state, 'accounts.json'), JSON.stringify({ [lab.proxy.directoryUrl]: account }));
    const tested = createKeeper(lab, state);
    await tested.keeper.start();
    await eventually('a certificate', () => tested.severity() === 'ok');
    await tested.keeper.stop();
    expect(accountOf(state).keyPem).toBe(account.keyPem);
    expect(accountOf(state).url).not.toBe(account.url);
  });

  it('an account that was closed is replaced by a new one at once', async () => {
    const state = join(folder, 'closed');
    mkdirSync(state);
    const ca = new AcmeCa({ directoryUrl: lab.proxy.directoryUrl, caPem: lab.ca.caPem });
    const keyPem = await ecKeyPem();
    const signal = AbortSignal.timeout(10_000);
    const url = await ca.register({ keyPem, termsAgreed: true }, signal);
    const client = new acme.Client({
      directoryUrl: lab.proxy.directoryUrl,
      accountKey: keyPem,
      accountUrl: url,
    });
    await ca.call(signal, () => client.updateAccount({ status: 'deactivated' }));
    ca.close();
    writeFileSync(
      join(state, 'accounts.json'),
      JSON.stringify({ [lab.proxy.directoryUrl]: { keyPem, url } }),
    );
    const tested = createKeeper(lab, state);
    await tested.keeper.start();
    await eventually('a certificate', () => tested.severity() === 'ok');
    await tested.keeper.stop();
    expect(accountOf(state).keyPem).not.toBe(keyPem);
  });
});

describe('a CA that reuses authorizations', () => {
  const folder = temporaryFolder();
  let lab: Lab;
  beforeAll(async () => (lab = await createLab({ folder, pebbleEnv: { PEBBLE_AUTHZREUSE: '100' } })));
  afterAll(() => lab.close());

  it('is not asked to validate what is valid already', async () => {
    const clock = new OffsetClock();
    const tested = createKeeper(lab, join(folder, 'state'), { clock });
    await tested.keeper.start();
    await eventually('a certificate', () => tested.severity() === 'ok');
    const serial = tested.keeper.certificate.value?.serial;
    tested.steps.length = 0;
    clock.advanceTo((tested.keeper.certificate.value?.notAfter ?? 0) - hours(1));
    await eventually('another', () => tested.keeper.certificate.value?.serial !== serial);
    await tested.keeper.stop();
    expect(tested.steps).not.toContain('challenges-added');
    expect(tested.steps).toContain('pair-switched');
  });
});
