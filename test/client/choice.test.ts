import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Choice, type ChoiceEvent, decide, firstChoice, isResting } from '../../src/client/choice.ts';
import { allEndpoints, isLocal } from '../../src/client/endpoints.ts';
import type { Endpoints } from '../../src/protocol/access-api.ts';

const main = 'https://box.test';
const [a, b] = ['https://a.box.test', 'https://b.box.test'] as const;
const address = 'https://192-168-1-20.box.test';
const tunnel = 'https://remote.box.test';
const ways: Endpoints = { main, mirrors: [a, b], tunnel, address };

/** Lets events happen to a choice, each 1 ms after the one before. */
class Told {
  choice: Choice;
  refreshed = 0;
  now = 1000;

  constructor(given: Partial<Parameters<typeof firstChoice>[0]> = {}) {
    this.choice = firstChoice({ ways, localAllowed: true, ...given }, this.now);
  }

  tell(event: ChoiceEvent, afterMs = 1): this {
    this.now += afterMs;
    const { choice, refresh } = decide(this.choice, event, this.now);
    this.choice = choice;
    if (refresh) this.refreshed++;
    return this;
  }

  /** Probes are asked, and answered by whether the world holds the origin open, until there is nothing to ask. */
  settle(open: ReadonlySet<string>): this {
    for (let probes = 0; this.choice.probe !== undefined; probes++) {
      if (probes > 20) throw new Error('probes without end');
      const { origin } = this.choice.probe;
      this.tell({ type: open.has(origin) ? 'answered' : 'dead', origin });
    }
    return this;
  }

  /** Time passes until the next look, if one is due. */
  look(open: ReadonlySet<string>): this {
    const { lookAt } = this.choice;
    if (lookAt === undefined) return this;
    return this.tell({ type: 'tick' }, Math.max(0, lookAt - this.now)).settle(open);
  }

  get origin(): string | undefined {
    return this.choice.provenAt === undefined ? undefined : this.choice.current?.origin;
  }
}

const open = (...origins: string[]): ReadonlySet<string> => new Set(origins);
/** A request over the way in use fails, and what is asked then is answered by the world. */
const failing = (told: Told, world: ReadonlySet<string>): Told =>
  told.tell({ type: 'suspect', origin: told.choice.current?.origin ?? '' }).settle(world);

describe('the way in use', () => {
  it.each([
    ['everything works', open(main, a, b, address, tunnel), main],
    ['main is dead', open(a, b, address, tunnel), a],
    ['main and the preferred mirror are dead: it is not the name', open(b, address, tunnel), tunnel],
    ['no tunnel either', open(b, address), b],
    ['only the address name', open(address), address],
    ['nothing', open(), undefined],
  ])('begins at home: %s', (_name, world, expected) => {
    expect(new Told().settle(world).origin).toBe(expected);
  });

  it('stays while it works, and moves to a mirror when it fails', () => {
    const told = new Told().settle(open(main, a, tunnel));
    told.tell({ type: 'answered', origin: main }, 100_000);
    failing(told, open(main, a, tunnel));
    expect(told.origin).toBe(main);
    expect(failing(told, open(a, tunnel)).origin).toBe(a);
    expect(told.refreshed).toBe(1);
    // The mirror is not left for main: it works.
    expect(told.choice.lookAt).toBeUndefined();
    told.tell({ type: 'dead', origin: main });
    expect(told.origin).toBe(a);
  });

  it('moves on from a mirror to the other one, whose name is uncached, before main', () => {
    const told = failing(new Told().settle(open(main)), open(a));
    expect(failing(told, open(main, b)).origin).toBe(b);
  });

  it('takes the mirror that the list prefers now', () => {
    const told = new Told().settle(open(main));
    told.tell({ type: 'ways', ways: { ...ways, mirrors: [b, a] } });
    expect(failing(told, open(a, b, tunnel)).origin).toBe(b);
  });

  it('begins with the tunnel where that was the last way, and looks for the way home at once', () => {
    const told = new Told({ preferTunnel: true });
    expect(told.choice.probe?.origin).toBe(tunnel);
    told.settle(open(tunnel, main));
    expect(told.origin).toBe(tunnel);
    expect(told.look(open(tunnel, main)).origin).toBe(main);
  });

  it('looks for the way home from the tunnel ever less often, and never by a mirror', () => {
    const told = failing(new Told().settle(open(main)), open(tunnel));
    const looks: [string | undefined, number][] = [];
    for (let look = 0; look < 9; look++) {
      const wait = (told.choice.lookAt ?? Number.NaN) - told.now;
      told.tell({ type: 'tick' }, wait);
      looks.push([told.choice.probe?.origin, Math.round(wait / 1000)]);
      told.settle(open(tunnel));
    }
    expect(looks.map(([origin]) => origin)).toEqual(
      Array.from({ length: 9 }, (_, index) => (index % 2 === 0 ? main : address)),
    );
    expect(looks.map(([, seconds]) => seconds)).toEqual([1, 1, 2, 4, 8, 16, 32, 60, 60]);
    expect(told.origin).toBe(tunnel);
    expect(told.look(open(tunnel, main, address)).origin).toBe(address);
  });

  it('looks at once after the network changed, and when the box tells of other ways', () => {
    const told = failing(new Told().settle(open(main)), open(tunnel))
      .look(open(tunnel))
      .look(open(tunnel));
    told.tell({ type: 'network-changed' }).settle(open(tunnel, main));
    expect(told.choice.lookAt).toBeLessThanOrEqual(told.now);
    expect(told.look(open(tunnel, main)).origin).toBe(main);
    failing(told, open(tunnel));
    told.tell({ type: 'ways', ways: { ...ways, address: 'https://192-168-1-99.box.test' } });
    expect(told.choice.lookAt).toBe(told.now);
  });

  it('leaves a name that is no more on the list', () => {
    const told = new Told().settle(open(main));
    const moved = { ...ways, main: `${main}:8443` };
    told.tell({ type: 'ways', ways: moved });
    expect(told.choice.current?.origin).toBe(`${main}:8443`);
    expect(told.settle(open(`${main}:8443`)).origin).toBe(`${main}:8443`);
  });

  it('rests when nothing works, tries a round when somebody wants the box, and when its time has come', () => {
    const told = new Told().settle(open());
    expect(isResting(told.choice)).toBe(true);
    expect(told.tell({ type: 'wanted' }).settle(open(b)).origin).toBe(b);
    failing(told, open());
    expect(told.origin).toBeUndefined();
    expect(told.look(open(tunnel)).origin).toBe(tunnel);
  });

  it('is the tunnel alone before the person agreed, whatever happens', () => {
    const told = new Told({ localAllowed: false }).settle(open(main, a, tunnel));
    expect(told.origin).toBe(tunnel);
    expect(told.choice.lookAt).toBeUndefined();
    failing(told, open(main, a));
    expect(told.origin).toBeUndefined();
    told.look(open(main, a, tunnel));
    expect(told.origin).toBe(tunnel);
    told.tell({ type: 'local-allowed', allowed: true });
    expect(told.look(open(main, tunnel)).origin).toBe(main);
    told.tell({ type: 'local-allowed', allowed: false });
    expect(told.choice.current?.origin).toBe(tunnel);
  });

  it('is none when there is no tunnel and the person has not agreed', () => {
    const told = new Told({ localAllowed: false, ways: { ...ways, tunnel: null } });
    expect(told.choice.current).toBeUndefined();
    told.tell({ type: 'wanted' }).tell({ type: 'network-changed' }).tell({ type: 'tick' });
    expect(told.choice.probe).toBeUndefined();
    expect(told.tell({ type: 'ways', ways }).settle(open(main, tunnel)).origin).toBe(tunnel);
  });
});

/** Local names that are in use or being asked. */
const localNames = ({ current, probe }: Choice): Set<string> =>
  new Set(
    [current, probe].flatMap((endpoint) =>
      endpoint !== undefined && isLocal(endpoint) ? [endpoint.origin] : [],
    ),
  );

describe('any sequence of failures and recoveries', () => {
  const origins = [main, a, b, address, tunnel];
  const someWays = fc.record({
    main: fc.constant(main),
    mirrors: fc.subarray([a, b]),
    tunnel: fc.constantFrom(tunnel, null),
    address: fc.constantFrom(address, null),
  });
  const happening = fc.oneof(
    // The world becomes this.
    fc.record({ world: fc.subarray(origins) }),
    fc.record({
      event: fc.oneof(
        fc.constantFrom<ChoiceEvent>({ type: 'wanted' }, { type: 'tick' }, { type: 'network-changed' }),
        fc.record({
          type: fc.constantFrom('answered', 'dead', 'suspect'),
          origin: fc.constantFrom(...origins),
        }),
        fc.record({ type: fc.constant('ways' as const), ways: someWays }),
        fc.record({ type: fc.constant('local-allowed' as const), allowed: fc.boolean() }),
      ),
      afterMs: fc.integer({ min: 0, max: 100_000 }),
    }),
    fc.constant('probe-ends' as const),
    fc.constant('look' as const),
  );
  const runs = fc.record({
    ways: someWays,
    localAllowed: fc.boolean(),
    preferTunnel: fc.boolean(),
    happenings: fc.array(happening, { maxLength: 40 }),
    finally: fc.subarray(origins),
  });

  function run(given: typeof runs extends fc.Arbitrary<infer T> ? T : never): Told {
    const told = new Told(given);
    let world = open(...origins);
    const check = (): void => {
      const { choice } = told;
      if (localNames(choice).size > 1) throw new Error('two local names at once');
      const touched = [...localNames(choice)];
      if (!choice.localAllowed && touched.length > 0) throw new Error('a local name without leave');
      if (isResting(choice) && choice.lookAt === undefined) throw new Error('rests for ever');
    };
    check();
    for (const happens of given.happenings) {
      if (happens === 'look') told.look(world);
      else if (happens === 'probe-ends') {
        const origin = told.choice.probe?.origin;
        if (origin !== undefined) told.tell({ type: world.has(origin) ? 'answered' : 'dead', origin });
      } else if ('world' in happens) world = open(...happens.world);
      else told.tell(happens.event, happens.afterMs);
      check();
    }
    return told;
  }

  it('ends at a way that works if there is one, and at home if main works', () => {
    const property = fc.property(runs, (given) => {
      const told = run(given);
      const world = open(...given.finally);
      const { ways, localAllowed } = told.choice;
      const working = allEndpoints(ways).filter(
        (endpoint) => world.has(endpoint.origin) && (localAllowed || !isLocal(endpoint)),
      );
      // What is in use is found out by the next request, the rest by looking.
      failing(told, world);
      for (let look = 0; look < 4; look++) told.look(world);
      const good: (string | undefined)[] = working.map(({ origin }) => origin);
      if (good.length === 0) good.push(undefined);
      const home = localAllowed && world.has(main);
      return good.includes(told.origin) && !(home && told.origin === tunnel);
    });
    fc.assert(property, { numRuns: 3000 });
  });
});
