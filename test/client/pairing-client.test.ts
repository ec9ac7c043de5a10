import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { PairingClient, type PairingClientOptions } from '../../src/client/pairing-client.ts';
import { memoryStore, type Store } from '../../src/client/store.ts';
import { minutes, seconds } from '../../src/kit/runtime/clock.ts';
import { codeOf } from '../../src/kit/runtime/errors.ts';
import type { BoxEvent } from '../../src/protocol/access-api.ts';
import { away, boxId, home } from '../box/lab/lab.ts';
import { decide, pendingOf } from '../box/auth/pairing/flow.ts';
import { type Runtime, runtimeFrom } from '../../src/client/runtime.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { soon } from '../support/soon.ts';
import { claimedLab, openPairingLab, type PairingLab } from './pairing-lab.ts';

const place = await openPairingLab();
const { lab, owner, port, sent } = place;

// The limit of calls from one address goes by the clock of the box.
beforeEach(() => lab.clock.advance(minutes(1)));

function clientWith(store: Store, given: Partial<PairingClientOptions> = {}): PairingClient {
  const { origin, runtime } = place;
  const client = new PairingClient({ origin, name: 'Cockpit', store, runtime, ...given });
  onTestFinished(() => client.close());
  client.start();
  return client;
}

async function reaches(client: PairingClient, phase: string): Promise<void> {
  await expect.poll(() => client.state.value.phase, soon).toBe(phase);
}
const idIn = async (store: Store): Promise<Record<string, unknown>> =>
  JSON.parse((await store.load(`pairing:${place.origin}`)) ?? '{}') as Record<string, unknown>;
/** The paths that were called since the `from`th call. */
const calls = (from: number): string[] => sent.slice(from).map(({ path }) => path);

/** Every connection there is breaks. */
function reconnect(): void {
  port.set('refuses');
  port.set('open');
}

async function connected(store = memoryStore()): Promise<{ client: PairingClient; store: Store }> {
  const client = clientWith(store);
  await reaches(client, 'asking');
  await decide(owner, true, client.state.value.code ?? '');
  await reaches(client, 'connected');
  return { client, store };
}

describe('a pairing client', () => {
  it('shows the code that the owner sees, is let in, and is known from then on', async () => {
    const store = memoryStore();
    const from = sent.length;
    const client = clientWith(store);
    await reaches(client, 'asking');
    const [question] = await pendingOf(owner);
    expect(question).toMatchObject({ label: 'Cockpit', kind: 'client', code: client.state.value.code });
    await decide(owner, true);
    await reaches(client, 'connected');
    const { serverId } = await idIn(store);
    expect(client.state.value).toEqual({
      phase: 'connected',
      server: { id: serverId, name: 'Our box', boxId },
      label: 'Cockpit',
    });
    expect(calls(from)[0]).toBe('/info');
    expect(calls(from).at(-1)).toBe('/w');
    expect(new Set(sent.slice(from).map(({ redirect }) => redirect))).toEqual(new Set(['error', undefined]));
    const me = await client.fetch('/api/me');
    expect(await me.json()).toMatchObject({ session: { kind: 'client' }, person: { name: 'Ada' } });
    await client.close();
    expect(client.state.value).toEqual({ phase: 'idle' });
    expect(await client.fetch('/api/me').catch(codeOf)).toBe('not-connected');

    const again = clientWith(store);
    await reaches(again, 'connected');
    expect(await pendingOf(owner)).toEqual([]);
    expect(await again.fetch('//evil.example/').catch(codeOf)).toBe('bad-path');
  });

  it('goes through all of it again after each disconnection', async () => {
    const { client, store } = await connected();
    const { clientId } = await idIn(store);
    for (let round = 0; round < 2; round++) {
      const from = sent.length;
      port.set('refuses');
      await reaches(client, 'waiting');
      expect(client.state.value.problem).toBe('unreachable');
      port.set('open');
      await reaches(client, 'connected');
      const last = sent.slice(from).filter(({ path }) => path !== '/info');
      expect(last).toEqual([
        { path: '/authorise', clientId, redirect: 'error' },
        { path: '/w', clientId: undefined, redirect: undefined },
      ]);
      expect(calls(from).slice(-3)).toEqual(['/info', '/authorise', '/w']);
    }
  });

  it('notices that the other side is silent', async () => {
    const clock = new FakeClock();
    const { store, client: other } = await connected();
    await other.close();
    const client = clientWith(store, { runtime: { ...place.runtime, clock } });
    await reaches(client, 'connected');
    port.set('silent');
    onTestFinished(() => port.set('open'));
    // Until it asks the box, and has waited long enough.
    for (const ms of [seconds(10), seconds(15), seconds(5)]) await clock.advance(ms);
    await expect.poll(() => client.state.value.phase, soon).not.toBe('connected');
  });

  it('uses the next token when the first one has ended', async () => {
    const { client } = await connected();
    const from = sent.length;
    for (let passed = 0; passed < minutes(11); passed += seconds(29)) {
      await lab.clock.advance(seconds(29));
      // An answer to each ping, and each token when it comes.
      expect((await client.fetch('/api/me')).status).toBe(200);
    }
    expect(calls(from)).not.toContain('/authorise');
  });

  it('begins anew when its token is not taken, and not for a call that is not for clients', async () => {
    const { store, client: other } = await connected();
    await other.close();
    let refusals = 1;
    const openSocket: Runtime['openSocket'] = (url, protocols = []) => {
      const [name = '', token = ''] = protocols;
      const taken = refusals-- > 0 ? `token.${'x'.repeat(43)}` : token;
      return runtimeFrom(place.runtime).openSocket(url, [name, taken]);
    };
    const from = sent.length;
    const client = clientWith(store, { runtime: { ...place.runtime, openSocket } });
    await reaches(client, 'connected');
    const round = ['/info', '/authorise', '/w'];
    expect(calls(from)).toEqual([...round, ...round]);
    expect((await client.fetch('/api/sessions')).status).toBe(401);
    expect((await client.fetch('/api/me')).status).toBe(200);
  });

  it('hears of what is new at the box, and of the end, after which it asks nobody by itself', async () => {
    const { client } = await connected();
    const events: BoxEvent[] = [];
    const unsubscribe = client.onEvent((event) => events.push(event));
    const { json } = await owner.call('GET', '/api/sessions');
    const sessions = json['sessions'] as { id: string; kind: string }[];
    for (const { id, kind } of sessions)
      if (kind === 'client') await owner.call('DELETE', `/api/sessions/${id}`);
    await reaches(client, 'ended');
    expect(events.at(-1)).toEqual({ type: 'session-ended' });
    unsubscribe();
    const from = sent.length;
    expect(await client.fetch('/api/me').catch(codeOf)).toBe('not-connected');
    expect(calls(from)).toEqual([]);
    expect(await pendingOf(owner)).toEqual([]);
    client.start();
    await reaches(client, 'asking');
    await decide(owner, false);
    await reaches(client, 'refused');
    client.start();
    await reaches(client, 'refused');
  });

  it('says when nobody answers', async () => {
    const client = clientWith(memoryStore());
    await reaches(client, 'asking');
    const later = async (): Promise<string> => {
      await lab.clock.advance(seconds(20));
      return client.state.value.phase;
    };
    await expect.poll(later, soon).toBe('expired');
    await lab.clock.advance(minutes(2));
    expect(await pendingOf(owner)).toEqual([]);
  });

  it('waits until it is at home', async () => {
    onTestFinished(() => void (lab.from = home));
    lab.from = away;
    reconnect();
    const client = clientWith(memoryStore());
    await expect.poll(() => client.state.value.problem, soon).toBe('only-at-home');
    lab.from = home;
    reconnect();
    await reaches(client, 'asking');
    await decide(owner, false);
  });
});

describe('another server in the place of the one that is known', () => {
  it('is told nothing until the person says so, and then by a new client id', async () => {
    const other = await claimedLab();
    const store = memoryStore();
    const { client } = await connected(store);
    const first = await idIn(store);
    const { behind } = port;
    onTestFinished(() => void (port.behind = behind));

    const from = sent.length;
    port.behind = () => other.lab.port;
    reconnect();
    await reaches(client, 'server-changed');
    const seen = client.state.value.server;
    expect(seen?.id).not.toBe(first['serverId']);
    expect(await client.fetch('/api/me').catch(codeOf)).toBe('not-connected');
    // Another start, of another program with this store, changes nothing.
    const again = clientWith(store);
    await reaches(again, 'server-changed');
    expect(new Set(calls(from))).toEqual(new Set(['/info']));
    expect(await idIn(store)).toEqual(first);

    await client.trust(seen?.id ?? '');
    await reaches(client, 'asking');
    const second = await idIn(store);
    expect(second['serverId']).toBe(seen?.id);
    expect(second['clientId']).not.toBe(first['clientId']);
    const told = sent.slice(from).flatMap(({ clientId }) => clientId ?? []);
    expect(new Set(told)).toEqual(new Set([second['clientId']]));
    await decide(other.owner, true);
    await reaches(client, 'connected');

    // The first one is another server now.
    port.behind = behind;
    reconnect();
    await reaches(client, 'server-changed');
  });

  it('is noticed as well when it comes between two questions', async () => {
    const { runtime } = place;
    const swapped: PairingLab['runtime'] = {
      ...runtime,
      fetch: async (url, init) => {
        const answer = await runtime.fetch?.(url, init);
        const body = (await answer?.json()) as object;
        const serverId = '00000000-0000-4000-8000-000000000000';
        return Response.json(url.endsWith('/info') ? body : { ...body, serverId }, {
          status: answer?.status ?? 0,
        });
      },
    };
    const { store, client } = await connected();
    await client.close();
    const misled = clientWith(store, { runtime: swapped });
    await reaches(misled, 'waiting');
    expect(misled.state.value.problem).toBe('bad-answer');
  });
});

it('forgets the server, and who it was there', async () => {
  const { client, store } = await connected();
  await client.forget();
  expect(await store.keys()).toEqual([]);
  expect(client.state.value.phase).toBe('idle');
});
