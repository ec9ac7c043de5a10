import { describe, it, type TestContext } from 'vitest';
import { BoxConnection, type BoxConnectionOptions } from '../../src/client/box-connection.ts';
import { codeOf } from '../../src/kit/runtime/errors.ts';
import type { RememberedBoxes } from '../../src/client/remembered.ts';
import type { BoxEvent } from '../../src/protocol/access-api.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { soon } from '../support/soon.ts';
import { StandIn } from './stand-in.ts';

type Given = Partial<Omit<BoxConnectionOptions, 'box'>> & {
  box?: object;
  prepare?: (box: StandIn) => void;
  clock?: FakeClock;
};

interface Setup {
  box: StandIn;
  connection: BoxConnection;
  boxes: RememberedBoxes;
  /** Another connection to the same box: another tab. */
  another: () => BoxConnection;
}

/** A box, and a connection to it; both gone when the test is over. */
async function setUp({ onTestFinished }: TestContext, given: Given = {}): Promise<Setup> {
  const box = await StandIn.start();
  onTestFinished(() => box.stop());
  const { box: changes, prepare, clock, ...options } = given;
  prepare?.(box);
  const remembered = box.remembered(changes);
  const boxes = await box.boxes(remembered);
  const another = (): BoxConnection => {
    const all = {
      box: remembered,
      boxes,
      localAllowed: true,
      runtime: box.runtime(clock && { clock }),
      ...options,
    };
    const connection = new BoxConnection(all);
    onTestFinished(() => connection.close());
    return connection;
  };
  return { box, connection: another(), boxes, another };
}

const outcome = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => codeOf(error),
  );

async function byOf(answer: Promise<Response>): Promise<unknown> {
  return ((await (await answer).json()) as { by: unknown }).by;
}

describe.concurrent('requests to a box', () => {
  it('go over the main name with the token, stream both ways, and keep clear of the mirrors', async (context) => {
    const { expect } = context;
    const { box, connection } = await setUp(context);
    const answer = await connection.fetch('/api/echo?x=1', { method: 'POST', body: 'hello' });
    expect(await answer.json()).toEqual({ by: 'main', method: 'POST', path: '/api/echo?x=1', body: 'hello' });
    const body = new ReadableStream({
      start(controller) {
        for (const part of ['a', 'b']) controller.enqueue(new TextEncoder().encode(part));
        controller.close();
      },
    });
    const streamed = await connection.fetch('/api/echo', { method: 'PUT', body });
    expect(await streamed.json()).toMatchObject({ body: 'ab' });
    const { body: stream } = await connection.fetch('/api/stream');
    const chunks: string[] = [];
    for await (const chunk of stream ?? []) chunks.push(new TextDecoder().decode(chunk));
    expect(chunks.length).toBeGreaterThan(1);
    expect(chunks.join('')).toBe('one two');
    expect(new Set(box.lookups)).toEqual(new Set([box.zone]));
    expect(connection.state.value).toEqual({ phase: 'connected', endpoint: 'home' });
  });

  it('move to the preferred mirror when main is dead, then to the tunnel, and say so', async (context) => {
    const { expect } = context;
    const { box, connection } = await setUp(context);
    await connection.fetch('/api/echo');
    box.only('refuses', 'a', 'remote');
    expect(await byOf(connection.fetch('/api/echo'))).toBe('a');
    expect(connection.state.value).toEqual({ phase: 'connected', endpoint: 'mirror' });
    box.only('refuses', 'remote');
    expect(await byOf(connection.fetch('/api/echo'))).toBe('remote');
    expect(connection.state.value).toEqual({ phase: 'connected', endpoint: 'tunnel' });
    expect(new Set(box.lookups)).toEqual(
      new Set([box.zone, `a.${box.zone}`, `b.${box.zone}`, `remote.${box.zone}`]),
    );
  });

  it('are given up on a way that falls silent, all of them, and repeated on the next', async (context) => {
    const { expect } = context;
    const { box, connection } = await setUp(context);
    await connection.fetch('/api/echo');
    box.only('silent', 'a', 'remote');
    const answers = await Promise.all([1, 2, 3].map(() => byOf(connection.fetch('/api/echo'))));
    expect(answers).toEqual(['a', 'a', 'a']);
  });

  it('that may not be repeated are not, and say so; but they are not sent on a way that is dead already', async (context) => {
    const { expect } = context;
    const { box, connection } = await setUp(context);
    await connection.fetch('/api/echo');
    // It has just answered: the POST goes out, and breaks.
    box.only('refuses', 'a', 'remote');
    expect(await outcome(connection.fetch('/api/echo', { method: 'POST', body: 'pay' }))).toBe(
      'request-not-repeated',
    );
    expect(box.short).toEqual(['GET main']);
    expect(await byOf(connection.fetch('/api/echo', { method: 'POST', body: 'pay' }))).toBe('a');
    box.only('refuses', 'remote');
    const marked = { method: 'POST', body: 'set', idempotent: true };
    expect(await byOf(connection.fetch('/api/echo', marked))).toBe('remote');
  });

  it('that fail though the way is open are repeated once, and no way is left for it', async (context) => {
    const { expect } = context;
    const { box, connection } = await setUp(context);
    expect(await outcome(connection.fetch('/api/broken'))).toBe('request-failed');
    expect(box.short).toEqual(['GET main', 'GET main']);
    expect(await outcome(connection.fetch('/api/broken', { method: 'POST' }))).toBe('request-not-repeated');
    expect(connection.state.value).toEqual({ phase: 'connected', endpoint: 'home' });
  });

  it('do not go to another device that has the address now', async (context) => {
    const { expect } = context;
    const { box, connection } = await setUp(context);
    const { box: other } = await setUp(context);
    await connection.fetch('/api/echo');
    box.only('refuses', 'a');
    box.ports.main.behind = () => other.ports.main.port;
    box.ports.main.set('open');
    expect(await byOf(connection.fetch('/api/echo'))).toBe('a');
    expect(other.calls).toEqual([]);
  });

  it('end with the caller’s signal, and when nothing works', async (context) => {
    const { expect } = context;
    const { box, connection } = await setUp(context);
    const leaving = new AbortController();
    const never = outcome(connection.fetch('/api/never', { signal: leaving.signal }));
    await expect.poll(() => box.calls.length, soon).toBe(1);
    leaving.abort(new Error('left'));
    expect(await never).toBe('unexpected');
    box.only('refuses');
    expect(await outcome(connection.fetch('/api/echo'))).toBe('unreachable');
    expect(connection.state.value).toEqual({ phase: 'unreachable', endpoint: undefined });
    box.only('refuses', 'b');
    expect(await byOf(connection.fetch('/api/echo'))).toBe('b');
  });

  it('go nowhere but to the box', async (context) => {
    const { expect } = context;
    const { box, connection } = await setUp(context);
    for (const path of ['//evil.example/', '/\\evil.example/', 'https://evil.example/', 'api', '']) {
      expect(await outcome(connection.fetch(path)), path).toBe('bad-path');
    }
    expect(box.calls).toEqual([]);
  });

  it('touch no name of the home network before the person agreed', async (context) => {
    const { expect } = context;
    const { box, connection } = await setUp(context, { localAllowed: false });
    connection.start();
    expect(await byOf(connection.fetch('/api/echo'))).toBe('remote');
    box.only('refuses', 'main', 'a', 'b', '192-168-1-20');
    expect(await outcome(connection.fetch('/api/echo'))).toBe('unreachable');
    expect(new Set(box.lookups)).toEqual(new Set([`remote.${box.zone}`]));
    connection.allowLocal(true);
    expect(await byOf(connection.fetch('/api/echo'))).toBe('main');
  });

  it('have no way in without a tunnel and without leave', async (context) => {
    const { expect } = context;
    const { box, connection } = await setUp(context, { localAllowed: false, box: {}, prepare: noTunnel });
    expect(connection.state.value.phase).toBe('no-way');
    expect(await outcome(connection.fetch('/api/echo'))).toBe('no-way');
    expect(box.lookups).toEqual([]);
  });

  it('return home from the tunnel, and remember that they were outside', async (context) => {
    const { expect } = context;
    const { box, connection, boxes } = await setUp(context);
    box.only('refuses', 'remote');
    connection.start();
    expect(await byOf(connection.fetch('/api/echo'))).toBe('remote');
    await expect.poll(async () => (await boxes.get(box.id))?.outside, soon).toBe(true);
    box.only('refuses', 'main', 'remote');
    await expect.poll(() => connection.state.value.endpoint, soon).toBe('home');
    await expect.poll(async () => (await boxes.get(box.id))?.outside, soon).toBe(false);
  });

  it('learn of new ways from the registration-server, and only of ways in the zone', async (context) => {
    const { expect } = context;
    const { box, connection, another } = await setUp(context, {
      registration: 'https://registration.example',
      prepare: onlyMain,
    });
    await connection.fetch('/api/echo');
    box.only('refuses', 'a');
    box.registrations = [box.announced({ local_origin: `https://${box.id}.evil.example` })];
    expect(await outcome(connection.fetch('/api/echo'))).toBe('unreachable');
    expect(box.lookups.filter((name) => name.includes('evil'))).toEqual([]);
    // It is asked again only after a while.
    expect(await outcome(connection.fetch('/api/echo'))).toBe('unreachable');
    const later = another();
    box.registrations = [box.announced({ mirror_origins: [box.origin('a')] })];
    expect(await outcome(later.fetch('/api/echo'))).toBe('unreachable');
    await expect.poll(() => later.state.value, soon).toEqual({ phase: 'connected', endpoint: 'mirror' });
  });
});

const noTunnel = (box: StandIn): void => box.change({ tunnel: null });
const onlyMain = (box: StandIn): void => box.change({ tunnel: null, mirrors: [], address: null });

describe.concurrent('the session', () => {
  it('is renewed once for all who need it, in all tabs', async (context) => {
    const { expect } = context;
    const { box, connection, another } = await setUp(context);
    const other = another();
    box.access.clear();
    const requests = [connection, connection, other, other].map((each) => each.fetch('/api/echo'));
    expect((await Promise.all(requests)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(box.calls.filter(({ path }) => path === '/oauth/token')).toHaveLength(1);
    expect([...box.refresh.values()].toSorted()).toEqual(['good', 'used']);
  });

  it('is renewed before its token ends, and over the next way when the first is dead', async (context) => {
    const { expect } = context;
    const { box, connection } = await setUp(context, { prepare: (box) => (box.accessSeconds = 5) });
    box.only('refuses', 'a');
    box.accessSeconds = 600;
    expect(await byOf(connection.fetch('/api/echo'))).toBe('a');
    expect(box.calls.map(({ path }) => path)).toEqual(['/oauth/token', '/api/echo']);
  });

  it('is over when the box refuses to renew it: told at once, and no token is kept', async (context) => {
    const { expect } = context;
    const { box, connection, boxes } = await setUp(context);
    const told: string[] = [];
    connection.onEvent(({ type }) => told.push(type));
    box.access.clear();
    box.refresh.clear();
    expect(await outcome(connection.fetch('/api/echo'))).toBe('logged-out');
    expect(connection.state.value.phase).toBe('logged-out');
    expect(told).toEqual(['session-ended']);
    expect((await boxes.get(box.id))?.tokens).toBeNull();
    expect(await outcome(connection.fetch('/api/echo'))).toBe('logged-out');
  });

  it('is not taken for over when the box only has trouble, or answers nonsense', async (context) => {
    const { expect } = context;
    const { box, connection, boxes } = await setUp(context);
    box.access.clear();
    box.tokenAnswer = (answer) => ({ ...answer, box_id: 'b'.repeat(52) });
    expect(await outcome(connection.fetch('/api/echo'))).toBe('bad-answer');
    expect((await boxes.get(box.id))?.tokens).not.toBeNull();
    expect(connection.state.value.phase).toBe('connected');
  });

  it('ends at the box when the person logs out', async (context) => {
    const { expect } = context;
    const { box, connection, boxes } = await setUp(context);
    await connection.signOut();
    expect(box.calls.map(({ path }) => path)).toEqual(['/oauth/revoke']);
    expect(box.refresh.size).toBe(0);
    expect((await boxes.get(box.id))?.tokens).toBeNull();
  });
});

describe.concurrent('events of a box', () => {
  it('come as a stream, with what belongs to the connection taken out of it', async (context) => {
    const { expect } = context;
    const { box, connection, boxes } = await setUp(context);
    connection.start();
    await expect.poll(() => [...box.sockets.values()], soon).toEqual(['main']);
    const heard: BoxEvent[] = [];
    const done = new AbortController();
    const reading = (async () => {
      for await (const event of connection.events(done.signal)) heard.push(event);
    })();
    box.tell('not JSON');
    box.tell('{"type":"of a later version"}');
    box.tell('{"type":"token","accessToken":7}');
    box.tell({ type: 'state' });
    const { access } = box.newTokens();
    box.tell({ type: 'token', accessToken: access, expiresIn: 600 });
    box.tell({ type: 'ways', ways: { ...box.ways, main: 'https://evil.example' } });
    const ways = { ...box.ways, mirrors: [] };
    box.tell({ type: 'ways', ways });
    await expect.poll(() => heard, soon).toEqual([{ type: 'state' }, { type: 'ways', ways }]);
    await expect.poll(async () => (await boxes.get(box.id))?.ways, soon).toEqual(ways);
    await connection.fetch('/api/echo');
    expect(box.calls.at(-1)?.token).toBe(access);
    done.abort();
    await reading;
  });

  it('go on over the next way when theirs dies, and at home again when that is back', async (context) => {
    const { expect } = context;
    const { box, connection } = await setUp(context);
    connection.start();
    await expect.poll(() => [...box.sockets.values()], soon).toEqual(['main']);
    box.only('refuses', 'remote');
    await expect.poll(() => [...box.sockets.values()], soon).toEqual(['remote']);
    box.only('refuses', 'main', 'remote');
    await expect.poll(() => [...box.sockets.values()], soon).toEqual(['main']);
  });

  it('notice a way that dies in silence under an open socket', async (context) => {
    const { expect } = context;
    const clock = new FakeClock(Date.now());
    const { box, connection } = await setUp(context, { clock });
    connection.start();
    await expect.poll(() => [...box.sockets.values()], soon).toEqual(['main']);
    box.only('silent', 'remote');
    const onTheTunnel = async (): Promise<boolean> => {
      await clock.advance(500);
      return [...box.sockets.values()].includes('remote');
    };
    await expect.poll(onTheTunnel, soon).toBe(true);
    expect(clock.now() - Date.now()).toBeLessThan(60_000);
  });

  it('tell the end of the session at once', async (context) => {
    const { expect } = context;
    const { box, connection, boxes } = await setUp(context);
    connection.start();
    await expect.poll(() => box.sockets.size, soon).toBe(1);
    const told: string[] = [];
    const reading = (async () => {
      for await (const { type } of connection.events()) told.push(type);
    })();
    box.endSession();
    await reading;
    expect(told).toEqual(['session-ended']);
    expect(connection.state.value.phase).toBe('logged-out');
    await expect.poll(async () => (await boxes.get(box.id))?.tokens, soon).toBeNull();
    expect(box.calls).toEqual([]);
  });

  it('renew a token that the socket does not take', async (context) => {
    const { expect } = context;
    const { box, connection } = await setUp(context);
    box.access.clear();
    connection.start();
    await expect.poll(() => [...box.sockets.values()], soon).toEqual(['main']);
    expect(box.calls.map(({ path }) => path)).toEqual(['/oauth/token']);
  });
});
