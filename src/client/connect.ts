import { Problem } from '../kit/runtime/errors.ts';
import type { Endpoints } from '../protocol/access-api.ts';
import { accessLimits, accessPaths, type BoxId } from '../protocol/constants.ts';
import { askJson } from './answers.ts';
import { discover } from './discover.ts';
import { isOpen } from './ping.ts';
import { challengeOf, randomText } from './pkce.ts';
import type { RememberedBox } from './remembered.ts';
import { type Runtime, runtimeFrom } from './runtime.ts';
import type { Store } from './store.ts';
import { tokenAnswer } from './token-answer.ts';
import { allEndpoints, isLocal, parseEndpointsOf, type Endpoint, zoneOf } from './endpoints.ts';

/** What both ends of connecting need: the one before the window leaves for the box, and the one after it came back. */
interface ConnectOptions {
  /** Under which name the box's owner allowed this app, and where the box sends the window back to, exactly. */
  clientId: string;
  redirectUri: string;
  /** Keeps the secret of the request while the window is away. */
  store: Store;
  runtime?: Partial<Runtime> | undefined;
}

export interface ConnectRequest extends ConnectOptions {
  box: { id: BoxId; name: string; ways: Endpoints };
  /** The way by which the window goes to the box; default `main`. */
  origin?: string | undefined;
}

interface Pending {
  id: BoxId;
  ways: Endpoints;
  /** By which of its names the window went to the box. */
  origin: string;
  verifier: string;
  begunAt: number;
}

const keyOf = (state: string): string => `connect:${state}`;
/** First run takes a person a while. */
const longestMs = 60 * 60_000;

/**
 * Where to navigate the top window so that the box asks its owner (RFC 6749, 4.1.1, with PKCE, RFC 7636). `state` names
 * this request: the box comes back with it, and tells the registration-server of it as soon as its page is opened.
 */
export async function connect(request: ConnectRequest): Promise<{ url: string; state: string }> {
  const { crypto, clock } = runtimeFrom(request.runtime);
  const { id, ways } = request.box;
  const { origin = ways.main } = request;
  const [state, verifier] = [randomText(crypto), randomText(crypto)];
  const pending: Pending = { id, ways, origin, verifier, begunAt: clock.now() };
  await forgetOld(request.store, clock.now());
  await request.store.save(keyOf(state), JSON.stringify(pending));
  const url = new URL(accessPaths.connect, origin);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: request.clientId,
    redirect_uri: request.redirectUri,
    state,
    code_challenge: await challengeOf(crypto, verifier),
    code_challenge_method: 'S256',
  }).toString();
  return { url: url.href, state };
}

export interface FinishOptions extends ConnectOptions {
  /** The URL that the box sent the window back to. */
  url: string;
  /**
   * The page came from the internet: names of the home network are left alone, and the code is exchanged through the
   * tunnel (docs/SDK.md). `false` in Node, and for pages that come from the home network themselves.
   */
  publicPage: boolean;
  /** The person agreed that this page talks to the home network: taken when there is no tunnel. */
  localAllowed?: boolean | undefined;
  /** Origin of the registration-server: where the tunnel is learned of when it opened only during first run. */
  registration?: string | undefined;
  /** Of a program that is no browser: what people call the device it runs on. */
  deviceName?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** `error` of RFC 6749, 4.1.2.1; `access_denied` when the person said no. */
const isErrorCode = (text: string): boolean => /^[a-z_]{1,60}$/.test(text);

/** True for a URL that the box sends the window back with: call `finish` with it, then take it out of the address bar. */
export function isReturn(url: string): boolean {
  const { searchParams } = new URL(url);
  return searchParams.has('state') && (searchParams.has('code') || searchParams.has('error'));
}

/**
 * Ends what `connect` began: checks what the box came back with and exchanges the one-time code. Throws `Problem`:
 * `connect-unknown` (not begun here, or used before), `connect-mismatch` (not from the box it went to), `access-denied`,
 * `no-way` (no way that this page may use), `unreachable`, `invalid-grant` (code too old), `bad-answer`.
 */
export async function finish(options: FinishOptions): Promise<RememberedBox> {
  const runtime = runtimeFrom(options.runtime);
  const query = new URL(options.url).searchParams;
  const pending = await takePending(options.store, query.get('state') ?? '', runtime.clock.now());
  checkIssuer(query.get('iss'), pending);
  const error = query.get('error');
  if (error !== null) {
    const code = isErrorCode(error) ? error.replaceAll('_', '-') : 'connect-refused';
    throw new Problem(code, `the box did not let this app in: ${code}`, { status: 403, retryable: false });
  }
  const code = query.get('code');
  if (code === null) throw mismatch('it brought no code');
  const origin = await exchangeOrigin(pending, options, runtime);
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: options.redirectUri,
    client_id: options.clientId,
    code_verifier: pending.verifier,
    ...(options.deviceName === undefined ? {} : { device_name: options.deviceName }),
  };
  const sent = { method: 'POST', body: new URLSearchParams(form) };
  const { value } = await askJson(origin + accessPaths.token, sent, { runtime, signal: options.signal });
  const zone = zoneOf(pending.ways);
  const answer = tokenAnswer(value, { id: pending.id, zone, now: runtime.clock.now() });
  return {
    id: pending.id,
    name: answer.name,
    clientId: options.clientId,
    ways: answer.ways,
    outside: false,
    tokens: answer.tokens,
  };
}

/** One use: whatever comes of it, the same `state` is not taken again. */
async function takePending(store: Store, state: string, now: number): Promise<Pending> {
  const text = await store.load(keyOf(state));
  await store.remove(keyOf(state));
  const pending = text === undefined ? undefined : pendingIn(text);
  if (pending === undefined || now - pending.begunAt > longestMs) {
    throw new Problem('connect-unknown', 'this page did not ask for that, or too long ago: connect again', {
      status: 400,
      retryable: false,
    });
  }
  return pending;
}

function pendingIn(text: string): Pending | undefined {
  try {
    const pending = JSON.parse(text) as Pending;
    const ways = parseEndpointsOf(pending.ways, pending.id);
    return ways && { ...pending, ways };
  } catch {
    return undefined;
  }
}

async function forgetOld(store: Store, now: number): Promise<void> {
  for (const key of await store.keys()) {
    if (!key.startsWith(keyOf(''))) continue;
    const pending = pendingIn((await store.load(key)) ?? '');
    if (pending === undefined || now - pending.begunAt > longestMs) await store.remove(key);
  }
}

/** RFC 9207: an answer that comes from another box than the one that was asked is not taken. Each name is an issuer. */
function checkIssuer(issuer: string | null, { ways, origin }: Pending): void {
  const issuers = [origin, ...allEndpoints(ways).map((endpoint) => endpoint.origin)];
  if (issuer === null) throw mismatch('it does not say which box it is from');
  if (!issuers.includes(issuer)) throw mismatch('it is from another box');
}

const mismatch = (why: string): Problem =>
  new Problem('connect-mismatch', `the answer to the connect request is not taken: ${why}`, {
    status: 400,
    retryable: false,
  });

/**
 * Where the code is exchanged: the first open one of the ways that this page may use. Asked before the code is sent, because
 * a code that gets lost on the way is used up.
 */
async function exchangeOrigin(pending: Pending, options: FinishOptions, runtime: Runtime): Promise<string> {
  const { registration, signal = new AbortController().signal } = options;
  const end = runtime.clock.monotonic() + (accessLimits.codeSeconds - 10) * 1000;
  let { ways } = pending;
  for (;;) {
    const candidates = endpointsFor(ways, options);
    for (const endpoint of candidates) if (await isOpen(endpoint, runtime, signal)) return endpoint.origin;
    signal.throwIfAborted();
    if (registration === undefined || runtime.clock.monotonic() > end)
      throw noEndpoint(candidates.length > 0);
    // First run opens the tunnel: it may take a moment to be announced. The code lives for a minute.
    await runtime.clock.sleep(2000, signal);
    ways = (await freshWays(pending, registration, runtime, signal)) ?? ways;
  }
}

/** From a public page through the tunnel (docs/SDK.md), and only by leave of the person at home. */
export function endpointsFor(
  ways: Endpoints,
  { publicPage, localAllowed = !publicPage }: Pick<FinishOptions, 'publicPage' | 'localAllowed'>,
): Endpoint[] {
  const all = allEndpoints(ways);
  const local = all.filter((endpoint) => localAllowed && isLocal(endpoint));
  const tunnel = all.filter((endpoint) => !isLocal(endpoint));
  return publicPage ? [...tunnel, ...local] : [...local, ...tunnel];
}

const noEndpoint = (tried: boolean): Problem =>
  tried
    ? new Problem('unreachable', 'the box does not answer this page: connect again in a minute', {
        status: 502,
      })
    : new Problem(
        'no-way',
        'the box has no tunnel yet, and this page may not talk to the home network: connect again in a minute',
        { status: 503 },
      );

/** What the registration-server says about the box now; `undefined` when it says nothing, or cannot be asked. */
async function freshWays(
  pending: Pending,
  registration: string,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<Endpoints | undefined> {
  try {
    const { boxes } = await discover({ registration, runtime, signal });
    return boxes.find(({ id, ways }) => id === pending.id && zoneOf(ways) === zoneOf(pending.ways))?.ways;
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}
