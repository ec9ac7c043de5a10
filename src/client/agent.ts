import { codeOf, Problem } from '../kit/runtime/errors.ts';
import type { Endpoints } from '../protocol/access-api.ts';
import { agentBoxPaths, agentPaths, agentPorts, type BoxId } from '../protocol/constants.ts';
import { askJson } from './answers.ts';
import { endpointsFor } from './connect.ts';
import { isOpen } from './ping.ts';
import { randomText } from './pkce.ts';
import type { RememberedBox } from './remembered.ts';
import { type Runtime, runtimeFrom } from './runtime.ts';
import type { Store } from './store.ts';
import { tokenAnswer } from './token-answer.ts';
import { zoneOf } from './endpoints.ts';

export interface AgentSignInOptions {
  box: { id: BoxId; ways: Endpoints };
  /** As which app the box's owner allowed this page. */
  clientId: string;
  /** Keeps by what the agent's box knows this browser. */
  store: Store;
  /** As `finish` has them: which names of the box this page may talk to. */
  publicPage: boolean;
  localAllowed?: boolean | undefined;
  /** Starts an agent that is not running (`agentLink`); called once, when none is found. */
  openLink?: (() => void) | undefined;
  signal?: AbortSignal | undefined;
  runtime?: Partial<Runtime> | undefined;
}

/** Once one port has answered or refused, the browser lets this page ask: the others have so long. */
const othersMs = 2000;
/** Until then a person may be reading what the browser asks. */
const permissionMs = 60_000;
/** An agent that was just started needs a moment. */
const startMs = 15_000;
const pauseMs = 500;
/** The person may be asked on their desktop. */
const exchangeMs = 90_000;

/**
 * Signs this page in with the session of the agent that runs on this computer. Call it on a click: a browser asks the person
 * before a page from the internet may speak to this computer. Throws `Problem`: `agent-not-found`, `not-paired`,
 * `sign-in-declined`, `no-way`, `unreachable`, and what box and agent answer.
 */
export async function signInWithAgent(options: AgentSignInOptions): Promise<RememberedBox> {
  const { box, clientId, store, signal } = options;
  const runtime = runtimeFrom(options.runtime);
  const asking = { runtime, signal };
  const endpoint = await openEndpoint(options, runtime);
  const { agent, challenge } = await awaitAgent(options, runtime);
  const signed = await askJson(endpoint + agentBoxPaths.challenge, posted({ challenge }), asking);
  const { signedAt, signature } = (signed.value ?? {}) as Record<string, unknown>;
  const deviceId = await deviceOf(store, runtime);
  const body = posted({ challenge, signedAt, signature, deviceId });
  const { value } = await askJson(agent + agentPaths.exchange, body, { ...asking, ms: exchangeMs });
  const answer = tokenAnswer(value, { id: box.id, zone: zoneOf(box.ways), now: runtime.clock.now() });
  void askJson(agent + agentPaths.done, { method: 'POST' }, { runtime }).catch(() => undefined);
  const { name, ways, tokens } = answer;
  return { id: box.id, name, clientId, ways, outside: false, tokens };
}

const posted = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

async function openEndpoint(options: AgentSignInOptions, runtime: Runtime): Promise<string> {
  const { box, signal = new AbortController().signal } = options;
  const candidates = endpointsFor(box.ways, options);
  for (const endpoint of candidates) if (await isOpen(endpoint, runtime, signal)) return endpoint.origin;
  signal.throwIfAborted();
  if (candidates.length === 0)
    throw new Problem('no-way', 'the box has no tunnel, and this page may not talk to the home network', {
      status: 503,
    });
  throw new Problem('unreachable', 'the box does not answer this page', { status: 502 });
}

interface FoundAgent {
  /** Its origin. */
  agent: string;
  challenge: string;
}

async function awaitAgent(options: AgentSignInOptions, runtime: Runtime): Promise<FoundAgent> {
  const { openLink, signal = new AbortController().signal } = options;
  try {
    return await findAgent(options, runtime);
  } catch (error) {
    if (openLink === undefined || codeOf(error) !== 'agent-not-found') throw error;
  }
  openLink();
  const end = runtime.clock.monotonic() + startMs;
  for (;;) {
    await runtime.clock.sleep(pauseMs, signal);
    try {
      return await findAgent(options, runtime);
    } catch (error) {
      if (codeOf(error) !== 'agent-not-found' || runtime.clock.monotonic() > end) throw error;
    }
  }
}

/** Asks all ports at once, and takes the first agent that has a session at this box. */
async function findAgent({ box, signal }: AgentSignInOptions, runtime: Runtime): Promise<FoundAgent> {
  const done = new AbortController();
  const over = AbortSignal.any([done.signal, ...(signal === undefined ? [] : [signal])]);
  const hurry = (): void =>
    void runtime.clock.sleep(othersMs, over).then(
      () => done.abort(),
      () => undefined,
    );
  const ask = async (port: number): Promise<FoundAgent> => {
    const agent = `http://127.0.0.1:${port}`;
    const url = `${agent}${agentPaths.alive}?box=${box.id}`;
    const { value } = await askJson(url, {}, { runtime, signal: over, ms: permissionMs });
    const { status, challenge } = (value ?? {}) as Record<string, unknown>;
    if (status === 'ok' && typeof challenge === 'string') return { agent, challenge };
    throw notFound();
  };
  const count = agentPorts.last - agentPorts.first + 1;
  const asked = Array.from({ length: count }, (_, index) => ask(agentPorts.first + index));
  void Promise.race(asked).then(hurry, hurry);
  try {
    return await Promise.any(asked);
  } catch (error) {
    signal?.throwIfAborted();
    const why = error instanceof AggregateError ? (error.errors as unknown[]) : [];
    // An agent of this computer that knows the app, but not the box.
    throw why.find((each) => codeOf(each) === 'not-paired') ?? notFound();
  } finally {
    done.abort();
  }
}

const deviceKey = 'agent-device';

async function deviceOf(store: Store, { crypto }: Runtime): Promise<string> {
  const kept = await store.load(deviceKey);
  if (kept !== undefined && /^[\w-]{1,64}$/.test(kept)) return kept;
  const made = randomText(crypto);
  await store.save(deviceKey, made);
  return made;
}

const notFound = (): Problem =>
  new Problem(
    'agent-not-found',
    'no Porchlight agent answers on this computer, or the browser does not let this page ask: start it (porchlight agent)',
    { status: 404 },
  );
