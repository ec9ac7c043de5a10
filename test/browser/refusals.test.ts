import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noBrowser, takePictures } from '../web/browser.ts';
import { askToConnect, connectApp, signIn } from './connecting.ts';
import { House } from './house.ts';
import { Neighbour } from './neighbour.ts';

const zoneRoot = 'box.localhost';
const ended = 'The box has signed you out.';

describe.skipIf(noBrowser !== undefined)(`what is refused, and why it says ${noBrowser ?? ''}`, () => {
  let neighbour: Neighbour;
  let house: House;
  let context: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    neighbour = await Neighbour.start(zoneRoot);
    house = await House.start({ unclaimed: false, trusted: neighbour.caPem });
  }, 60_000);
  afterAll(async () => {
    await house?.close();
    await neighbour?.close();
  });
  beforeEach(async () => {
    ({ context, page } = await house.person());
  });
  afterEach(() => context.close());

  const text = (words: string | RegExp): Promise<void> => page.getByText(words).first().waitFor();
  const allow = (): Promise<void> => page.getByRole('button', { name: 'Allow', exact: true }).click();

  /** A well-formed question to connect, but for what is changed. */
  function connectUrl(changes: Record<string, string> = {}): string {
    const { app, main } = house.origins;
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: app,
      redirect_uri: `${app}/`,
      state: 's'.repeat(43),
      code_challenge: 'c'.repeat(43),
      code_challenge_method: 'S256',
      ...changes,
    });
    return `${main}/connect?${query.toString()}`;
  }

  /** What a script of this page gets from the token endpoint of the box. */
  function tokens(form: Record<string, string>, from = page): Promise<{ status: number; answer: object }> {
    return from.evaluate(
      async ([url, form]) => {
        const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form) });
        return { status: response.status, answer: (await response.json()) as object };
      },
      [`${house.origins.main}/oauth/token`, form] as const,
    );
  }

  /** What the app remembers of the box. */
  async function remembered(): Promise<{ access: string; refresh: string }> {
    const key = `porchlight:box:${house.box.facts.identity.boxId}`;
    const kept = await page.evaluate<string>(`localStorage.getItem(${JSON.stringify(key)})`);
    return (JSON.parse(kept) as { tokens: { access: string; refresh: string } }).tokens;
  }

  describe('an app that', () => {
    it.each([
      ['is not on the list', (): string => connectUrl({ client_id: 'https://evil.example' })],
      [
        'wants the browser sent to a foreign address',
        (): string => connectUrl({ redirect_uri: 'https://evil.example/' }),
      ],
      [
        'wants the browser sent to an address that only begins like its own',
        (): string => connectUrl({ redirect_uri: `${house.origins.app}/x` }),
      ],
    ])('%s', async (_what, urlOf) => {
      const url = urlOf();
      const response = await page.goto(url);
      expect(response?.status()).toBe(403);
      await text('The app that sent you here is not on this box’s list');
      // The browser stays where it is, and offers nothing to agree to.
      expect(page.url()).toBe(url);
      expect(await page.getByRole('button').count()).toBe(0);
      await takePictures(page, 'real-connect-refused');
    });

    it('asks without PKCE is told so, and says it to the person', async () => {
      await page.route(
        /\/connect\?/,
        (route) => {
          const url = new URL(route.request().url());
          url.searchParams.delete('code_challenge');
          return route.fulfill({ status: 302, headers: { location: url.href } });
        },
        { times: 1 },
      );
      await page.goto(`${house.origins.app}/#/find`);
      const [back] = await Promise.all([
        page.waitForRequest((request) => request.url().startsWith(`${house.origins.app}/?error=`)),
        page.getByRole('button', { name: /^Connect to / }).click(),
      ]);
      const { searchParams } = new URL(back.url());
      expect(searchParams.get('error')).toBe('invalid_request');
      expect(searchParams.get('error_description')).toBe('missing: code_challenge');
      await text('This app asked the box in a way that the box does not understand.');
      await takePictures(page, 'real-app-connect-failed');
    });

    it('was not let in by the person says so', async () => {
      await askToConnect(house, page);
      await page.getByRole('button', { name: 'Don’t allow' }).click();
      await text('This app was not let in: somebody said no on the box’s page.');
      expect(page.url()).toBe(`${house.origins.app}/`);
    });
  });

  it('a code that comes again: refused, and what it had opened is shut', async () => {
    const [exchange] = await Promise.all([
      page.waitForRequest((request) => request.url().endsWith('/oauth/token'), { timeout: 0 }),
      connectApp(house, page),
    ]);
    const form = Object.fromEntries(new URLSearchParams(exchange.postData() ?? ''));
    const { status, answer } = await tokens(form);
    expect(status).toBe(400);
    expect(answer).toMatchObject({
      error: 'invalid_grant',
      error_description: expect.stringContaining('it works once, for one minute') as string,
    });
    await text(ended);
  });

  it('a code that was overheard: worth nothing without the verifier, and of no use to its owner either', async () => {
    await askToConnect(house, page);
    let overheard = '';
    // Somebody reads the answer, and is quicker than the app.
    await page.route(/\/\?code=/, async (route) => {
      overheard = new URL(route.request().url()).searchParams.get('code') ?? '';
      await route.fulfill({ body: 'on the way' });
    });
    await allow();
    await text('on the way');
    const { app } = house.origins;
    const form = {
      grant_type: 'authorization_code',
      client_id: app,
      redirect_uri: `${app}/`,
      code: overheard,
    };
    const guess = { ...form, code_verifier: 'v'.repeat(43) };
    const thief = await house.person();
    await thief.page.goto(app);
    const refused = await tokens(guess, thief.page);
    expect(refused).toMatchObject({ status: 400, answer: { error: 'invalid_grant' } });
    await thief.context.close();
    await page.unroute(/\/\?code=/);
    await page.reload();
    await text('That took too long: the box waits for one minute only. Connect again.');
  });

  it('an answer from the box that nobody asked for: the app does not take it', async () => {
    await page.goto(`${house.origins.app}/?code=${'c'.repeat(43)}&state=${'s'.repeat(43)}`);
    await text('This page did not ask for that, or it was too long ago. Connect again.');
    expect(page.url()).toBe(`${house.origins.app}/`);
  });

  it('a stolen refresh token: once both have used it, thief and app are out', async () => {
    await connectApp(house, page);
    const { refresh } = await remembered();
    const form = { grant_type: 'refresh_token', client_id: house.origins.app, refresh_token: refresh };
    const thief = await house.person();
    await thief.page.goto(house.origins.app);
    const stolen = await tokens(form, thief.page);
    expect(stolen.status).toBe(200);
    const { access_token: token } = stolen.answer as { access_token: string };
    const me = (): Promise<number> =>
      thief.page.evaluate(
        async ([url, token]) => (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status,
        [`${house.origins.main}/api/me`, token] as const,
      );
    expect(await me()).toBe(200);
    const { status, answer } = await tokens(form);
    expect(status).toBe(400);
    expect(answer).toMatchObject({
      error: 'invalid_grant',
      error_description: expect.stringContaining('somebody else may hold it') as string,
    });
    await text(ended);
    expect(await me()).toBe(401);
    await thief.context.close();
  });

  describe('another box, in the browser of the owner,', () => {
    let neighbours: Page;
    beforeEach(async () => {
      await page.goto(house.origins.main);
      await signIn(house, page);
      await text('Everything works.');
      neighbours = await context.newPage();
      await neighbours.goto(neighbour.origin);
    });

    it('sets no cookie that the box would take for its own, and reads none', async () => {
      const { main } = house.box.facts.names;
      expect(main.endsWith(`.${zoneRoot}`)).toBe(true);
      expect(await neighbours.evaluate<string>('document.cookie')).toBe('');
      const session = (await context.cookies(house.origins.main)).find(
        ({ name }) => name === '__Host-porchlight',
      );
      expect(session).toMatchObject({
        domain: main,
        httpOnly: true,
        secure: true,
        sameSite: 'Lax',
        path: '/',
      });
      for (const domain of [`Domain=${zoneRoot};`, `Domain=${main};`, ''])
        await neighbours.evaluate<string>(
          `document.cookie = '__Host-porchlight=planted; ${domain} Path=/; Secure'`,
        );
      // Without the prefix the zone takes it, as long as it is on no public suffix list; the box looks at no such cookie.
      await neighbours.evaluate<string>(
        `document.cookie = 'porchlight=planted; Domain=${zoneRoot}; Path=/; Secure'`,
      );
      const planted = (await context.cookies(house.origins.main)).filter(({ value }) => value === 'planted');
      expect(planted.map(({ name }) => name).filter((name) => name.startsWith('__Host-'))).toEqual([]);
      await page.reload();
      await text('Everything works.');
    });

    it('reads nothing of the box and changes nothing', async () => {
      const { session } = await page.evaluate(
        async () => (await (await fetch('/api/me')).json()) as { session: { id: string } },
      );
      const calls = [
        ['GET', '/api/session'],
        ['GET', '/api/state'],
        ['POST', '/api/first-run'],
        ['POST', '/api/login'],
        ['POST', '/api/recover'],
        ['POST', '/api/join'],
        ['POST', '/api/logout'],
        ['POST', '/api/connect'],
        ['POST', '/api/people'],
        ['POST', '/api/passkeys'],
        ['POST', '/api/passkeys/options'],
        ['POST', '/api/login/passkey'],
        ['PUT', '/api/settings'],
        ['PUT', '/api/apps'],
        ['PUT', '/api/password'],
        ['DELETE', `/api/sessions/${session.id}`],
      ] as const;
      // What the box answers, which scripts do not get to see.
      const posts = new Set<string>();
      const statuses = new Map<string, number>();
      const cdp = await context.newCDPSession(neighbours);
      await cdp.send('Network.enable');
      cdp.on('Network.requestWillBeSent', ({ requestId, request }) => {
        if (request.method === 'POST') posts.add(requestId);
      });
      cdp.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode }) => {
        // May come before the word that the request was sent.
        statuses.set(requestId, statusCode);
      });
      for (const [method, path] of calls) {
        // Plain enough for the browser to send it without asking the box first, where there is such a way.
        const init = {
          method,
          credentials: 'include',
          ...(method === 'POST' ? { body: '{}' } : {}),
        } as const;
        const read = neighbours.evaluate(async ([url, init]) => (await fetch(url, init)).status, [
          house.origins.main + path,
          init,
        ] as const);
        await expect(read, `${method} ${path}`).rejects.toThrow('Failed to fetch');
      }
      const sent = calls.filter(([method]) => method === 'POST');
      await expect.poll(() => [...posts].map((id) => statuses.get(id))).toEqual(sent.map(() => 403));
      await page.reload();
      await text('Everything works.');
    });

    it('does not get its pages into a frame', async () => {
      for (const url of [
        house.origins.main,
        connectUrl(),
        `${house.origins.main}/status`,
        house.origins.app,
      ]) {
        await Promise.all([
          neighbours.waitForEvent('framenavigated', (frame) => frame.url().startsWith('chrome-error:')),
          neighbours.evaluate<void>(`document.body.innerHTML = '<iframe src="${url}"></iframe>'`),
        ]);
        expect(neighbours.frames()).toHaveLength(2);
      }
    });
  });

  it('every page is served with a policy that allows no script and no style of a stranger', async () => {
    const { app, main, tunnel } = house.origins;
    for (const url of [
      app,
      main,
      tunnel,
      connectUrl(),
      `${main}/status`,
      connectUrl({ client_id: 'nobody' }),
    ]) {
      const headers = (await page.goto(url))?.headers() ?? {};
      await page.evaluate<void>(`{
        const script = document.createElement('script');
        try {
          script.textContent = 'globalThis.stranger = true';
          document.head.append(script);
        } catch {} // Not even that, where trusted types are required.
      }`);
      const stranger = await page.evaluate<unknown>('globalThis.stranger');
      const policy = headers['content-security-policy'] ?? '';
      const directives = Object.fromEntries(
        policy.split(';').map((directive) => {
          const [name = '', ...values] = directive.trim().split(' ');
          return [name, values.join(' ')];
        }),
      );
      // A page made for the moment has no script at all, and one style, which the policy knows by its hash.
      expect(["'self'", undefined]).toContain(directives['script-src']);
      expect(directives['style-src']).toMatch(/^'(self|sha256-[\w+/=]+)'$/);
      expect({ url, stranger, ...headers, ...directives }).toMatchObject({
        url,
        stranger: undefined,
        'default-src': "'none'",
        'frame-ancestors': "'none'",
        'base-uri': "'none'",
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      });
    }
  });

  it('a form that is too large, with the reason', async () => {
    await page.goto(house.origins.main);
    const answer = await page.evaluate(async () => {
      const body = JSON.stringify({ name: 'x'.repeat(20_000), password: 'x' });
      const headers = { 'content-type': 'application/json' };
      return (await fetch('/api/login', { method: 'POST', headers, body })).json();
    });
    expect(answer).toMatchObject({ code: 'body-too-large' });
  });

  it('another device under the name of the box: the browser does not go in', async () => {
    await page.goto(`${house.origins.app}/#/find`);
    const { main } = house.switchedPorts;
    main.behind = () => house.ports.app;
    try {
      await page.getByRole('button', { name: /^Connect to / }).click();
      await text('ERR_CERT_COMMON_NAME_INVALID');
    } finally {
      main.behind = () => house.ports.web;
    }
    await page.goBack();
    await text('The box’s page does not open.');
    await takePictures(page, 'real-app-not-arrived');
    await page.getByRole('button', { name: 'Connect through the tunnel' }).click();
    await text('Sign in');
    expect(new URL(page.url()).origin).toBe(house.origins.tunnel);
  });
});
