import { createHash } from 'node:crypto';
import { describe, it, type TestContext } from 'vitest';
import { connect, finish, type FinishOptions, isReturn } from '../../src/client/connect.ts';
import type { RememberedBox } from '../../src/client/remembered.ts';
import { memoryStore, type Store } from '../../src/client/store.ts';
import { codeOf } from '../../src/kit/runtime/errors.ts';
import { ConnectQuery } from '../../src/protocol/access-api.ts';
import { Value } from 'typebox/value';
import { StandIn } from './stand-in.ts';

const redirectUri = 'https://app.example/back?page=1';

interface Begun {
  box: StandIn;
  store: Store;
  state: string;
  url: URL;
  /** The window comes back, with this changed. */
  back: (changes?: Record<string, string | null>, options?: Partial<FinishOptions>) => Promise<RememberedBox>;
}

/** A box the window was sent to, whose owner said yes. */
async function begin({ onTestFinished }: TestContext, prepare?: (box: StandIn) => void): Promise<Begun> {
  const box = await StandIn.start();
  onTestFinished(() => box.stop());
  prepare?.(box);
  const store = memoryStore();
  const common = { clientId: box.clientId, redirectUri, store, runtime: box.runtime() };
  const asked = { id: box.id, name: 'Kitchen', ways: box.ways };
  const { url: href, state } = await connect({ ...common, box: asked });
  const url = new URL(href);
  box.codes.set('one-time-code', {
    challenge: url.searchParams.get('code_challenge') ?? '',
    redirectUri: url.searchParams.get('redirect_uri') ?? '',
  });
  const back: Begun['back'] = (changes = {}, options = {}) => {
    const returned = new URL(redirectUri);
    const query = { code: 'one-time-code', state, iss: box.origin('main'), ...changes };
    for (const [name, value] of Object.entries(query))
      if (value !== null) returned.searchParams.set(name, value);
    return finish({ ...common, url: returned.href, publicPage: true, ...options });
  };
  return { box, store, state, url, back };
}

const outcome = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => codeOf(error),
  );

describe.concurrent('connect', () => {
  it('leads to the box’s main name with all that it asks for, and no two requests are alike', async (context) => {
    const { expect } = context;
    const { box, url, store, state } = await begin(context);
    expect(url.origin + url.pathname).toBe(`${box.origin('main')}/connect`);
    const query = Object.fromEntries(url.searchParams);
    expect(Value.Check(ConnectQuery, query)).toBe(true);
    expect(query).toMatchObject({ client_id: box.clientId, redirect_uri: redirectUri, state });
    // The verifier stays here: what travels is its hash (RFC 7636, 4.2).
    const kept = JSON.parse((await store.load(`connect:${state}`)) ?? '') as { verifier: string };
    expect(url.href).not.toContain(kept.verifier);
    const hash = createHash('sha256').update(kept.verifier).digest('base64url');
    expect(query['code_challenge']).toBe(hash);
    const again = await connect({
      clientId: box.clientId,
      redirectUri,
      store,
      box: { id: box.id, name: '', ways: box.ways },
      origin: box.origin('remote'),
    });
    expect(again.state).not.toBe(state);
    expect(new URL(again.url).origin).toBe(box.origin('remote'));
  });

  it('ends with a box to remember, its code exchanged through the tunnel from a public page', async (context) => {
    const { expect } = context;
    const { box, store, back } = await begin(context);
    const remembered = await back();
    expect(remembered).toMatchObject({ id: box.id, name: 'Kitchen', clientId: box.clientId, ways: box.ways });
    expect(box.access.has(remembered.tokens?.access ?? '')).toBe(true);
    expect(box.short).toEqual(['POST remote']);
    expect(new Set(box.lookups)).toEqual(new Set([`remote.${box.zone}`]));
    expect(await store.keys()).toEqual([]);
  });

  it('exchanges the code at home from a page of the home network, at the first name that answers', async (context) => {
    const { expect } = context;
    const { box, back } = await begin(context);
    box.only('refuses', 'a');
    await back({}, { publicPage: false });
    expect(box.short).toEqual(['POST a']);
  });

  it('exchanges it at home when there is no tunnel and the person has agreed', async (context) => {
    const { expect } = context;
    const { box, back } = await begin(context, (box) => box.change({ tunnel: null }));
    await back({}, { localAllowed: true });
    expect(box.short).toEqual(['POST main']);
  });

  it('waits for the tunnel that first run has just opened, and learns of it', async (context) => {
    const { expect } = context;
    const { box, back } = await begin(context, (box) => box.change({ tunnel: null }));
    const finished = back({}, { registration: box.registration });
    await expect.poll(() => box.registrationCalls, { timeout: 20_000 }).toBeGreaterThan(0);
    expect(box.lookups).toEqual([]);
    box.change({});
    box.registrations = [box.announced()];
    expect((await finished).ways.tunnel).toBe(box.origin('remote'));
    expect(box.short).toEqual(['POST remote']);
  });

  it('touches no name of the home network from a public page', async (context) => {
    const { expect } = context;
    const { box, back } = await begin(context, (box) => box.change({ tunnel: null }));
    expect(await outcome(back())).toBe('no-way');
    expect(box.lookups).toEqual([]);
  });

  it('is taken once', async (context) => {
    const { expect } = context;
    const { box, back } = await begin(context);
    await back();
    expect(await outcome(back())).toBe('connect-unknown');
    expect(box.short).toEqual(['POST remote']);
  });

  it.for<[string, Record<string, string | null>, string]>([
    ['a state that is not ours', { state: 'x'.repeat(43) }, 'connect-unknown'],
    ['no state', { state: null }, 'connect-unknown'],
    ['no issuer', { iss: null }, 'connect-mismatch'],
    ['another issuer', { iss: 'https://evil.example' }, 'connect-mismatch'],
    ['an issuer that only looks alike', { iss: 'https://box.example' }, 'connect-mismatch'],
    ['no code', { code: null }, 'connect-mismatch'],
    ['a wrong code', { code: 'other' }, 'invalid-grant'],
    ['a no', { code: null, error: 'access_denied' }, 'access-denied'],
    ['an error out of the blue', { code: null, error: '<script>' }, 'connect-refused'],
  ])('is refused for %s', async ([, changes, code], context) => {
    const { expect } = context;
    const { box, back } = await begin(context);
    expect(await outcome(back(changes))).toBe(code);
    expect(box.calls.length).toBe(code === 'invalid-grant' ? 1 : 0);
    // Whatever it was, it was the one try of this state.
    if (changes['state'] === undefined) expect(await outcome(back())).toBe('connect-unknown');
  });

  it.for<[string, Record<string, unknown>]>([
    ['another box', { box_id: 'b'.repeat(52) }],
    [
      'ways out of the zone',
      { ways: { main: 'https://evil.example', mirrors: [], tunnel: null, address: null } },
    ],
    ['no ways', { ways: undefined }],
    ['no token', { access_token: undefined }],
    ['a token of another kind', { token_type: 'mac' }],
    ['a token that never was', { expires_in: 0 }],
  ])('takes no tokens that come with %s', async ([, changes], context) => {
    const { expect } = context;
    const { box, back } = await begin(context);
    box.tokenAnswer = (answer) => ({ ...answer, ...changes });
    expect(await outcome(back())).toBe('bad-answer');
  });

  it('takes the name it went to for the issuer, also one outside the zone', async (context) => {
    const { expect } = context;
    const { box, store, back } = await begin(context);
    const origin = 'https://porchlight-aaaaaaaa.local:8443';
    const asked = { id: box.id, name: 'Kitchen', ways: box.ways };
    const { url, state } = await connect({ clientId: box.clientId, redirectUri, store, box: asked, origin });
    const challenge = new URL(url).searchParams.get('code_challenge') ?? '';
    box.codes.set('local', { challenge, redirectUri });
    expect((await back({ state, iss: origin, code: 'local' })).id).toBe(box.id);
  });

  it('forgets requests that nobody came back from', async (context) => {
    const { expect } = context;
    const { box, store, state } = await begin(context);
    const clock = {
      now: () => Date.now() + 2 * 60 * 60_000,
      monotonic: () => 0,
      sleep: async () => undefined,
    };
    const asked = { id: box.id, name: 'Kitchen', ways: box.ways };
    await store.save('connect:broken', '{"id":');
    const given = { clientId: box.clientId, redirectUri, store, box: asked, runtime: { clock } };
    const { state: next } = await connect(given);
    expect(await store.keys()).toEqual([`connect:${next}`]);
    expect(next).not.toBe(state);
  });
});

it('tells a return of the box from any other URL of the page', ({ expect }) => {
  expect(isReturn('https://app.example/?code=a&state=b')).toBe(true);
  expect(isReturn('https://app.example/?error=access_denied&state=b')).toBe(true);
  expect(isReturn('https://app.example/?state=b')).toBe(false);
  expect(isReturn('https://app.example/?code=a')).toBe(false);
});
