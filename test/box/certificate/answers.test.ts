import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isBadNonce, refusal, wordsOf } from '../../../src/box/certificate/acme-shapes.ts';
import { hours } from '../../../src/kit/runtime/clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { AcmeProxy, Answer, Resource } from './acme-proxy.ts';
import { createKeeper, createLab, eventually, type Lab } from './lab.ts';
import { OffsetClock } from './offset-clock.ts';

/** Pebble behind a proxy that changes its answers into what other CAs are known to send. */
const folder = temporaryFolder();
let lab: Lab;
beforeAll(async () => (lab = await createLab({ folder })));
afterAll(() => lab.close());
afterEach(() => {
  lab.proxy.alter = (_, answer) => answer;
  lab.proxy.fault = () => undefined;
});

type Fields = Record<string, unknown>;
type Alter = AcmeProxy['alter'];

/** Changes the JSON of the answers to `resources`. */
const fields =
  (resources: readonly Resource[], change: (fields: Fields) => Fields): Alter =>
  ({ resource }, answer) =>
    resources.includes(resource) && answer.status < 400
      ? { ...answer, body: JSON.stringify(change(JSON.parse(answer.body) as Fields)) }
      : answer;
const status =
  (resource: Resource, code: number): Alter =>
  (seen, answer) =>
    seen.resource === resource && answer.status < 300 ? { ...answer, status: code } : answer;
const without =
  (...names: string[]) =>
  (all: Fields) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)));

const orders = ['new-order', 'order', 'finalize'] as const;
const laterOrders = ['order', 'finalize'] as const;

describe('a CA that answers in its own way', () => {
  const ways: [string, Alter][] = [
    ['meta: null', fields(['directory'], (all) => ({ ...all, meta: null, renewalInfo: null }))],
    ['no meta', fields(['directory'], without('meta'))],
    ['meta of another kind', fields(['directory'], (all) => ({ ...all, meta: { profiles: null, caaIdentities: null } }))],
    ['certificate and error null until there is one', fields(orders, (all) => ({ certificate: null, error: null, ...all }))],
    ['authorizations and finalize null in later orders', fields(laterOrders, (all) => ({ ...all, authorizations: null, finalize: null }))],
    ['no authorizations and finalize in later orders', fields(laterOrders, without('authorizations', 'finalize'))],
    ['no authorizations in the first order', fields(['new-order'], without('authorizations', 'finalize'))],
    ['no certificate in the answer to finalize', fields(['finalize'], without('certificate', 'expires', 'identifiers'))],
    ['wildcard: null', fields(['authorization'], (all) => ({ wildcard: null, expires: null, ...all }))],
    ['no identifier', fields(['authorization'], without('identifier', 'wildcard', 'expires'))],
    ['challenges of kinds to come', fields(['authorization'], (all) => ({ ...all, challenges: [null, 7, { type: 'dns-persist-01', url: null }, ...(all['challenges'] as []), { type: 'x' }] }))],
    ['challenges without status', fields(['authorization'], (all) => ({ ...all, challenges: (all['challenges'] as Fields[]).map((one) => ({ ...one, error: null, validated: null })) }))],
    ['little of a challenge', fields(['challenge'], (all) => ({ status: all['status'] }))],
    ['201 at finalize', status('finalize', 201)],
    ['202 at finalize', status('finalize', 202)],
    ['200 for a new order', status('new-order', 200)],
    ['201 for an order', status('order', 201)],
    ['202 for a challenge', status('challenge', 202)],
    ['line ends of Windows in a chain', ({ resource }, answer) => resource === 'certificate' ? { ...answer, body: answer.body.replaceAll('\n', '\r\n') } : answer],
    ['words around a chain and no line end', ({ resource }, answer) => resource === 'certificate' ? { ...answer, body: `subject=x\r\n${answer.body.trim()}` } : answer],
    ['line ends of Windows in JSON', ({ resource }, answer) => resource === 'certificate' ? answer : { ...answer, body: answer.body.replaceAll('\n', '\r\n') }],
  ]; // prettier-ignore

  it.each(ways)('gives a certificate all the same: %s', async (name, alter) => {
    lab.proxy.alter = alter;
    const before = lab.proxy.count('new-order');
    const tested = createKeeper(lab, join(folder, name.replaceAll(/\W+/g, '-')));
    await tested.keeper.start();
    await eventually('a certificate', () => tested.severity() === 'ok', 30_000);
    await tested.keeper.stop();
    expect(lab.proxy.count('new-order') - before).toBe(1);
    const { chainPem = '' } = tested.keeper.certificate.value ?? {};
    expect(chainPem).toMatch(/^(-----BEGIN CERTIFICATE-----\n([\w+/=]+\n)+-----END CERTIFICATE-----\n){2,}$/);
  });
});

const problem = (code: number, type: string, more: Fields = {}): Answer => ({
  status: code,
  headers: { 'content-type': 'application/problem+json', 'replay-nonce': 'bm90aGluZw' },
  body: JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail: `no, ${type}`, ...more }),
});

describe('what a CA says', () => {
  it('to an address for notices that it does not take costs the address, and is a condition of its own', async () => {
    const state = join(folder, 'contact');
    const acme = { directoryUrl: lab.proxy.directoryUrl, caPem: lab.ca.caPem, termsAgreed: true };
    lab.proxy.fault = ({ resource, payload }) =>
      resource === 'account' && payload?.['contact'] !== undefined
        ? problem(400, 'invalidContact', { detail: 'contact email has forbidden domain "example.com"' })
        : undefined;
    const contactEmail = 'eve@example.com';
    const tested = createKeeper(lab, state, { acme: { ...acme, contactEmail } });
    await tested.keeper.start();
    await eventually('a certificate', () => tested.severity() === 'ok');
    await tested.keeper.stop();
    expect(tested.says('certificate.contact')).toContain('forbidden domain "example.com"');

    const again = createKeeper(lab, state, { acme: { ...acme, contactEmail } });
    await again.keeper.start();
    expect(again.says('certificate.contact')).toContain('forbidden domain');
    await again.keeper.stop();

    // Another one is told to the account, with the next certificate.
    lab.proxy.fault = () => undefined;
    const clock = new OffsetClock();
    const corrected = createKeeper(lab, state, { clock, acme: { ...acme, contactEmail: 'eve@lamp.test' } });
    await corrected.keeper.start();
    expect(corrected.says('certificate.contact')).toBeUndefined();
    const { serial, notAfter = 0 } = corrected.keeper.certificate.value ?? {};
    clock.advanceTo(notAfter - hours(1));
    await eventually('renewed', () => corrected.keeper.certificate.value?.serial !== serial);
    await corrected.keeper.stop();
    const contacts = lab.proxy.seen.map(
      ({ resource, payload }) => resource === 'account' && payload?.['contact'],
    );
    expect(contacts).toContainEqual(['mailto:eve@lamp.test']);
  });

  it('stands in the condition in its own words, those of subproblems and of a failed order, too', async () => {
    const subproblems = [
      {
        type: 'urn:ietf:params:acme:error:caa',
        detail: 'CAA forbids\r\nthis',
        identifier: { value: 'x.test' },
      },
    ];
    lab.proxy.fault = ({ resource }) =>
      resource === 'new-order' ? problem(403, 'compound', { detail: 'some of it', subproblems }) : undefined;
    const tested = createKeeper(lab, join(folder, 'words'));
    await tested.keeper.start();
    await eventually(
      'told',
      () => tested.message()?.includes('some of it; x.test: CAA forbids this') === true,
    );
    await tested.keeper.stop();

    lab.proxy.fault = () => undefined;
    lab.proxy.alter = fields(['finalize'], (all) => ({
      ...all,
      status: 'invalid',
      error: { type: 'urn:ietf:params:acme:error:badCSR', detail: 'this key is on a list', status: 403 },
    }));
    const failed = createKeeper(lab, join(folder, 'failed order'));
    await failed.keeper.start();
    await eventually('told', () => failed.message()?.includes(': this key is on a list;') === true);
    await failed.keeper.stop();
    expect(failed.severity()).toBe('error');
  });

  it('of every nonce that it gives out itself is told as that', async () => {
    lab.proxy.fault = ({ resource, method }) =>
      resource === 'account' && method === 'POST'
        ? problem(400, 'badNonce', { detail: 'JWS has an invalid anti-replay nonce' })
        : undefined;
    const tested = createKeeper(lab, join(folder, 'nonces'));
    await tested.keeper.start();
    await eventually(
      'told',
      () => tested.message()?.includes('refuses the nonces that it gives out itself') === true,
    );
    expect(tested.message()).toContain('invalid anti-replay nonce');
    expect(tested.health.conditions.value.find(({ name }) => name === 'certificate')?.remedy).toContain(
      'tell who runs it',
    );
    // It is the CA's fault, and soon over: no reason to wait for as long as after a refusal.
    lab.proxy.fault = () => undefined;
    await eventually('a certificate', () => tested.severity() === 'ok', 30_000);
    await tested.keeper.stop();
  });

  it.each([
    [{ detail: 'a\r\nb\u0007c' }, 'a b c'],
    [{ title: 'Forbidden' }, 'Forbidden'],
    [{}, 'without a reason'],
    [undefined, 'without a reason'],
    ['', 'without a reason'],
    ['<html><style>p{}</style><p>Access\n denied</p></html>', 'Access denied'],
    [{ detail: 'x'.repeat(9000) }, 'x'.repeat(500)],
    [{ detail: 7, subproblems: [{ detail: 'y' }, 7] }, 'without a reason; y; without a reason'],
  ])('is one short line, whatever it is: %j', (data, words) => {
    expect(wordsOf(data)).toBe(words);
    expect(isBadNonce(data)).toBe(false);
    expect(refusal({ status: 418, data, retryAfterSeconds: undefined, url: 'https://ca.test/' }).code).toBe(
      'acme-http-418',
    );
  });
});
