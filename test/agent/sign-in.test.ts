import { constants, sign, X509Certificate } from 'node:crypto';
import { beforeEach, expect, it } from 'vitest';
import type { PairedBox } from '../../src/agent/paired-box.ts';
import { SignIn } from '../../src/agent/sign-in.ts';
import { codeOf } from '../../src/kit/runtime/errors.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import { rsaKeyPem, signCertificate } from '../../src/kit/x509/x509.ts';
import {
  type AgentView,
  type ExchangeRequest,
  type SessionSignInAnswer,
  type SessionSignInRequest,
  signedText,
} from '../../src/protocol/agent-api.ts';
import { identity } from '../box/lab/identity.ts';
import { FakeClock } from '../support/fake-clock.ts';

const { boxId, keyPem } = identity;
const [app, other] = ['https://app.test', 'https://other.test'];
const der = (certPem: string): string => new X509Certificate(certPem).raw.toString('base64');

let clock: FakeClock;
let view: AgentView;
let signIn: SignIn;
/** What the box was asked. */
let asked: SessionSignInRequest[];

beforeEach(() => {
  clock = new FakeClock();
  asked = [];
  view = {
    boxId,
    sessionId: 'first',
    person: 'Ada',
    origins: [app, other],
    certificate: der(identity.certPem),
  };
  signIn = withOrigins([]);
});

function withOrigins(origins: readonly string[]): SignIn {
  const box: PairedBox = {
    id: boxId,
    name: 'Our box',
    get view() {
      return view;
    },
    signIn: async (request) => {
      asked.push(request);
      return {} as SessionSignInAnswer;
    },
    refresh: async () => undefined,
  };
  return new SignIn({
    boxes: { all: () => [box] },
    origins,
    deviceName: 'desk',
    platform: 'linux',
    pageHours: 12,
    person: { allows: async () => true, tell: () => undefined },
    clock,
    log: silentLog,
  });
}

/** What a page brings back that asked from `origin`, signed by `key` for `text`. */
function signed(origin: string, text: Partial<Parameters<typeof signedText>[0]> = {}, key = keyPem) {
  const { challenge } = signIn.alive(origin, undefined);
  const signedAt = clock.now();
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const what = Buffer.from(signedText({ boxId, origin, challenge, signedAt, ...text }));
  const signature = sign('sha256', what, { key, ...padding }).toString('base64url');
  return { challenge, signedAt, signature, deviceId: 'page' };
}

const exchange = (origin: string, request: ExchangeRequest): Promise<unknown> =>
  signIn.exchange(origin, request, new AbortController().signal).then(() => 'in', codeOf);

it('takes a challenge for the page that asked for it, and has the session made for that page', async () => {
  expect(await exchange(app, signed(app))).toBe('in');
  expect(asked).toMatchObject([{ origin: app, deviceId: 'page', expiredAt: clock.now() + 43_200_000 }]);
  // A page of another app brings it, with a signature that is right for one of them or the other.
  expect(await exchange(other, signed(app))).toBe('not-paired');
  expect(await exchange(other, signed(app, { origin: other }))).toBe('not-paired');
  expect(asked).toHaveLength(1);
});

it('takes it for the session of the agent in which it was made, and no other', async () => {
  const before = signed(app);
  // Paired again with the same box.
  view = { ...view, sessionId: 'second' };
  expect(await exchange(app, before)).toBe('not-paired');
  expect(await exchange(app, signed(app))).toBe('in');
});

it('takes the signature of the key that the box id is of, over all that counts', async () => {
  for (const text of [
    { boxId: `${'b'.repeat(51)}a` },
    { origin: other },
    { challenge: 'c'.repeat(43) },
    { signedAt: 1 },
  ])
    expect([text, await exchange(app, signed(app, text))]).toEqual([text, 'signature-wrong']);

  const key = await rsaKeyPem(2048);
  expect(await exchange(app, signed(app, {}, key))).toBe('signature-wrong');
  // Whoever spoke for the box gave another certificate, with the key that signs.
  const [notBefore, notAfter] = [new Date(0), new Date(4e12)];
  const certPem = signCertificate({ commonName: 'Porchlight box', subjectKeyPem: key, notBefore, notAfter });
  view = { ...view, certificate: der(certPem) };
  expect(await exchange(app, signed(app, {}, key))).toBe('signature-wrong');
  expect(asked).toEqual([]);
});

it('speaks to the pages that the person named, of those that the box lists', async () => {
  signIn = withOrigins([other, 'https://evil.test']);
  expect(await signIn.isAllowed(app)).toBe(false);
  expect(await signIn.isAllowed('https://evil.test')).toBe(false);
  expect(await signIn.isAllowed(other)).toBe(true);
  expect(await exchange(app, signed(other))).toBe('not-paired');
  expect(await exchange(other, signed(other))).toBe('in');
});
