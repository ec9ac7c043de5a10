import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { BoxConnection } from '../../src/client/box-connection.ts';
import { type RememberedBox, RememberedBoxes } from '../../src/client/remembered.ts';
import type { Runtime } from '../../src/client/runtime.ts';
import { memoryStore } from '../../src/client/store.ts';
import { codeOf } from '../../src/kit/runtime/errors.ts';
import { FakeClock } from '../support/fake-clock.ts';

const id = 'a'.repeat(52);
const zone = `${id}.box.example`;
const labels = ['main', 'a', 'b', '192-168-1-20', 'remote'] as const;
type Label = (typeof labels)[number];
type Weather = 'up' | 'refuses' | 'silent';

const origin = (label: Label): string => `https://${label === 'main' ? '' : `${label}.`}${zone}`;
const labelOf = (url: string): Label =>
  labels.find((label) => new URL(url).origin === origin(label)) ?? expect.unreachable(url);

/** A network of the five names in which time stands still until it is told to move. */
class Network {
  readonly clock = new FakeClock();
  readonly weather = new Map<Label, Weather>(labels.map((label) => [label, 'up']));
  /** Names with a request that has no answer yet. */
  readonly waiting: Label[] = [];
  readonly arrived: string[] = [];
  readonly touched = new Set<Label>();
  /** Nothing else: a local name is asked while another one is. */
  twoAtOnce: string | undefined;

  fetch: Runtime['fetch'] = async (url, { method = 'GET', signal }) => {
    const label = labelOf(url);
    const weather = this.weather.get(label);
    this.touched.add(label);
    this.waiting.push(label);
    try {
      // Whoever was given up meanwhile has gone by then.
      await new Promise((resolve) => setImmediate(resolve));
      const local = new Set(this.waiting.filter((each) => each !== 'remote'));
      if (local.size > 1) this.twoAtOnce = [...local].join(' and ');
      // What was sent into silence stays lost when the way is open again, until TCP gives it up.
      await this.clock.sleep(weather === 'silent' ? 60_000 : 5, signal ?? undefined);
    } finally {
      this.waiting.splice(this.waiting.indexOf(label), 1);
    }
    if (weather !== 'up') throw new TypeError('fetch failed');
    if (new URL(url).pathname === '/ping') return new Response(null, { status: 204 });
    this.arrived.push(`${method} ${label} ${new URL(url).pathname}`);
    return new Response(label);
  };

  set(weather: Weather, ...names: readonly Label[]): void {
    for (const label of names) this.weather.set(label, weather);
  }

  async connect(given: { localAllowed?: boolean; outside?: boolean } = {}): Promise<BoxConnection> {
    const { localAllowed = true, outside = false } = given;
    const [main, a, b, address, tunnel] = labels.map(origin) as [string, string, string, string, string];
    const box: RememberedBox = {
      id,
      name: 'Kitchen',
      clientId: 'https://app.example',
      ways: { main, mirrors: [a, b], tunnel, address },
      outside,
      tokens: { access: 'token', accessEndsAt: Number.MAX_SAFE_INTEGER, refresh: 'refresh' },
    };
    const boxes = new RememberedBoxes(memoryStore());
    await boxes.put(box);
    const { fetch, clock } = this;
    const runtime = { fetch, openSocket, clock };
    return new BoxConnection({ box, boxes, localAllowed, runtime });
  }
}

/** No events socket is ever opened here. */
const openSocket = (): WebSocket =>
  Object.assign(new EventTarget(), { close() {}, send() {} }) as unknown as WebSocket;

const outcomeOf = (work: Promise<Response>): Promise<string> =>
  work.then(
    (response) => response.text(),
    (error: unknown) => codeOf(error),
  );

it('repeats within 300 ms of a failure, also when the dead name leaves the question unanswered', async () => {
  const network = new Network();
  const connection = await network.connect();
  const first = connection.fetch('/api/state');
  await network.clock.advance(20);
  expect(await (await first).text()).toBe('main');
  network.set('refuses', 'main');
  let answered: string | undefined;
  void outcomeOf(connection.fetch('/api/state')).then((outcome) => (answered = outcome));
  // It fails at 5 ms; whoever asks then hears nothing.
  await network.clock.advance(1);
  network.set('silent', 'main');
  await network.clock.advance(250);
  expect(answered).toBeUndefined();
  await network.clock.advance(54);
  expect(answered).toBe('a');
  expect(network.arrived).toEqual(['GET main /api/state', 'GET a /api/state']);
  await connection.close();
});

it('never tries two local names at once nor repeats a POST, and ends at a way that works, in any weather', async () => {
  const weathers = fc.constantFrom<Weather>('up', 'refuses', 'silent');
  const happening = fc.oneof(
    fc.record({ label: fc.constantFrom(...labels), weather: weathers }),
    fc.constantFrom('GET' as const, 'POST' as const),
    fc.integer({ min: 1, max: 4000 }),
    fc.constantFrom('network' as const, 'allow' as const, 'forbid' as const),
  );
  const runs = fc.record({
    given: fc.record({ localAllowed: fc.boolean(), outside: fc.boolean() }),
    happenings: fc.array(happening, { maxLength: 25 }),
    up: fc.subarray([...labels]),
    otherwise: fc.constantFrom<Weather>('refuses', 'silent'),
  });
  const property = fc.asyncProperty(runs, async ({ given, happenings, up, otherwise }) => {
    const network = new Network();
    const { clock } = network;
    const connection = await network.connect(given);
    connection.start();
    let { localAllowed } = given;
    let everAllowed = localAllowed;
    const outcomes: Promise<string>[] = [];
    for (const [index, happens] of happenings.entries()) {
      if (happens === 'GET' || happens === 'POST')
        outcomes.push(outcomeOf(connection.fetch(`/${index}`, { method: happens })));
      else if (happens === 'network') connection.networkChanged();
      else if (happens === 'allow' || happens === 'forbid') {
        localAllowed = happens === 'allow';
        everAllowed ||= localAllowed;
        connection.allowLocal(localAllowed);
      } else if (typeof happens === 'number') await clock.advance(happens);
      else network.set(happens.weather, happens.label);
    }
    network.set(otherwise, ...labels);
    network.set('up', ...up);
    await clock.advance(200_000);
    const last = outcomeOf(connection.fetch('/last'));
    await clock.advance(100_000);
    const usable = up.filter((label) => localAllowed || label === 'remote');
    const good: string[] = usable.length > 0 ? usable : ['unreachable', 'no-way'];
    const ended = await last;
    // Every request has come to an end.
    await Promise.all(outcomes);
    await connection.close();
    if (network.twoAtOnce !== undefined) throw new Error(`at once: ${network.twoAtOnce}`);
    const posts = network.arrived.filter((line) => line.startsWith('POST')).map((line) => line.split(' ')[2]);
    if (new Set(posts).size < posts.length) throw new Error(`repeated: ${posts.join(' ')}`);
    if (!everAllowed && [...network.touched].some((label) => label !== 'remote'))
      throw new Error('a local name was touched without leave');
    if (!good.includes(ended)) throw new Error(`${ended} is none of ${good.join(', ')}`);
    if (localAllowed && up.includes('main') && connection.state.value.endpoint === 'tunnel')
      throw new Error('not at home');
  });
  await fc.assert(property, { numRuns: 300 });
});
