import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxStateOf } from '../../../src/web/app/box-state.ts';
import { type Destination, originOf, routesTo } from '../../../src/web/app/pending-navigation.ts';
import { nextLookMs, pace } from '../../../src/web/app/looking.ts';
import { isPublicPage } from '../../../src/web/app/place.ts';
import { hrefTo, type Route, routeOf } from '../../../src/web/app/route.ts';

const id = `${'b'.repeat(51)}a`;

describe('when the next look is', () => {
  it('grows up to a minute, spread, and never before the server wants it', () => {
    const middle = [0, 1, 2, 3, 4, 8, 500].map((looks) => Math.round(nextLookMs(looks, 0.5)));
    expect(middle).toEqual([3000, 4500, 6750, 10_125, 15_188, 60_000, 60_000]);
    expect(nextLookMs(0, 0.5, 30)).toBe(30_000);
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (looks, random) => {
          const ms = nextLookMs(looks, random);
          expect(ms).toBeGreaterThanOrEqual(pace.firstMs * 0.9);
          expect(ms).toBeLessThanOrEqual(pace.capMs * 1.1);
        },
      ),
    );
  });
});

describe('whether the page came from the internet', () => {
  it('is told by the name in the address bar, and when in doubt it did', () => {
    const far = 'app.example.org localhost.example.org 8.8.8.8 11.0.0.1 172.32.0.1 local x.localhost.com';
    const near =
      'localhost app.localhost 127.0.0.1 [::1] 10.1.2.3 192.168.1.2 172.16.0.1 172.31.9.9 box.local [fd00::1]';
    expect(far.split(' ').filter((host) => !isPublicPage(host))).toEqual([]);
    expect(near.split(' ').filter(isPublicPage)).toEqual([]);
  });
});

describe('the roads to a box', () => {
  const ways = {
    main: `https://${id}.box.test:8443`,
    mirrors: [],
    tunnel: `https://remote.${id}.box.test`,
    address: null,
  };
  const box: Destination = {
    id,
    name: 'Kitchen',
    claimed: true,
    ways,
    rebindingFilter: false,
    mdnsHost: 'p.local',
  };
  it.each<[string, Partial<Destination>, string[]]>([
    ['the way at home first', {}, ['home', 'tunnel', 'local-name']],
    [
      'the tunnel first where the router filters',
      { rebindingFilter: true },
      ['tunnel', 'home', 'local-name'],
    ],
    ['no tunnel before there is an owner', { claimed: false }, ['home', 'local-name']],
    [
      'no tunnel where there is none',
      { ways: { ...ways, tunnel: null }, rebindingFilter: true },
      ['home', 'local-name'],
    ],
    ['one is always there', { claimed: false, mdnsHost: undefined }, ['home']],
  ])('are: %s', (_name, change, expected) => expect(routesTo({ ...box, ...change })).toEqual(expected));

  it('lead to the box’s own names and ports', () => {
    expect(originOf(box, 'home')).toBe(ways.main);
    expect(originOf(box, 'tunnel')).toBe(ways.tunnel);
    expect(originOf(box, 'local-name')).toBe('https://p.local:8443');
    const usual = { ...box, ways: { ...ways, main: `https://${id}.box.test` } };
    expect(originOf(usual, 'local-name')).toBe('https://p.local');
  });
});

describe('the fragment', () => {
  it('names a view, and its name leads there', () => {
    const routes: Route[] = [{ name: 'start' }, { name: 'find' }, { name: 'boxes' }, { name: 'box', id }];
    for (const route of routes) expect(routeOf(hrefTo(route))).toEqual(route);
  });
  it('is the start when it is anything else', () => {
    for (const hash of ['', '#', '#/box', '#/box/short', '#/nothing', `#/box/${id}/more`])
      expect(routeOf(hash)).toEqual({ name: 'start' });
    fc.assert(fc.property(fc.string(), (hash) => typeof routeOf(hash).name === 'string'));
  });
});

describe('the state of a box', () => {
  it('is read also where names are no text', () => {
    const odd = { toString: 0 };
    const answer = {
      conditions: [{ name: odd, severity: 'error', message: 'x' }],
      services: [{ label: odd, url: 'https://x/' }],
    };
    expect(boxStateOf(answer, 'home', 0)).toMatchObject({ troubles: [], services: [] });
  });

  it('is read whatever it is, and only links to HTTPS pages are links', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.record(
            {
              conditions: fc.jsonValue(),
              services: fc.jsonValue(),
              ways: fc.jsonValue(),
              tunnel: fc.jsonValue(),
              certificate: fc.jsonValue(),
            },
            { requiredKeys: [] },
          ),
          fc.record({
            services: fc.array(fc.record({ label: fc.jsonValue(), url: fc.oneof(fc.webUrl(), fc.string()) })),
            ways: fc.array(fc.record({ kind: fc.constantFrom('main', 'tunnel', 'x'), url: fc.webUrl() })),
          }),
        ),
        (answer) => {
          const { services, consoleUrl } = boxStateOf(answer, 'home', 0);
          for (const url of [...services.map((service) => service.url), consoleUrl ?? 'https://x'])
            expect(url.toLowerCase()).toMatch(/^\s*https:/);
        },
      ),
    );
  });
});
