import { describe, expect, it } from 'vitest';
import { Browser, openLab, password } from '../lab/lab.ts';

interface Route {
  method: string;
  url: string;
  admission: string | undefined;
}

/** Of the application around: harmless to everybody. */
const elsewhere = new Set(['/ping', '/status', '/probe', '*']);
const path = (url: string): string => url.replace(':id', 'x');

describe('what changes something', async () => {
  const routes: Route[] = [];
  const lab = await openLab({}, (app) =>
    app.addHook('onRoute', ({ method, url, config }) => {
      for (const each of [method].flat()) routes.push({ method: each, url, admission: config?.admission });
    }),
  );
  const owner = new Browser(lab);
  await owner.firstRun();
  const changing = routes.filter(({ method }) => !['GET', 'HEAD', 'OPTIONS'].includes(method));
  const byCookie = changing.filter(({ admission }) => admission !== 'oauth' && admission !== 'open');

  it('is known', () => {
    expect(changing.length).toBeGreaterThan(15);
    const forgotten = routes.filter(({ url, admission }) => !elsewhere.has(url) && admission === undefined);
    expect(forgotten).toEqual([]);
    expect(changing.filter(({ admission }) => admission === 'oauth').map(({ url }) => url)).toEqual([
      '/w',
      '/w/',
      '/authorise',
      '/auth',
      '/api/agent/challenge',
      '/oauth/token',
      '/oauth/revoke',
    ]);
    expect(byCookie.filter(({ admission }) => admission === 'app').map(({ url }) => url)).toEqual([
      '/api/auth/login/session',
    ]);
  });

  it.each([
    ['another site', { origin: 'https://evil.example' }],
    ['another port of the same name', { origin: `https://${'a'.repeat(52)}.box.test:1` }],
    ['a published service', { origin: `https://hello.${'a'.repeat(52)}.box.test` }],
    ['another box', { origin: `https://${'b'.repeat(52)}.box.test` }],
    ['an app', { origin: 'https://app.test' }],
    ['a page without origin', { origin: 'null' }],
    ['nowhere', { origin: undefined }],
  ])('is not taken from %s', async (_, headers) => {
    const answers = await Promise.all(
      changing
        .filter(({ admission }) => admission !== 'oauth')
        .map(async ({ method, url }) => {
          const { status, json } = await owner.call(method, path(url), { body: {}, headers });
          return [method, url, status, json['code']];
        }),
    );
    expect(answers).toEqual(answers.map(([method, url]) => [method, url, 403, 'cross-site-request']));
  });

  it.each([
    ['none', undefined],
    ['an empty one', ''],
    ['a wrong one', 'x'.repeat(43)],
  ])('is not taken with the cookie and, as token, %s', async (_, token) => {
    const answers = await Promise.all(
      byCookie.map(async ({ method, url }) => {
        const call = { body: {}, headers: { 'x-csrf-token': token } };
        const { status, json } = await owner.call(method, path(url), call);
        return [method, url, status, json['code']];
      }),
    );
    expect(answers).toEqual(answers.map(([method, url]) => [method, url, 403, 'cross-site-request']));
  });

  it('is not taken with the token of another session', async () => {
    const other = new Browser(lab);
    await other.signIn();
    const { json } = await owner.call('POST', '/api/logout', { headers: { 'x-csrf-token': other.csrf } });
    expect(json['code']).toBe('cross-site-request');
  });

  it('is not taken without a session, nor with the cookie of another box', async () => {
    const elsewhere = await openLab();
    const theirs = new Browser(elsewhere);
    await theirs.firstRun();
    for (const cookie of [undefined, theirs.cookie]) {
      const stranger = new Browser(lab);
      stranger.cookie = cookie;
      expect(await stranger.open()).toMatchObject({ stage: 'login', person: null, csrf: null });
      const answers = await Promise.all(
        byCookie.map(
          async ({ method, url }) => (await stranger.call(method, path(url), { body: {} })).status,
        ),
      );
      expect(new Set(answers)).toEqual(new Set([401]));
    }
  });

  it('is not kept from anybody by a second cookie of the name, which a page beside this one can set', async () => {
    const other = `__Host-porchlight=${'x'.repeat(43)}`;
    const own = `__Host-porchlight=${owner.cookie}`;
    for (const cookie of [`${own}; ${other}`, `${other}; ${own}`, `\u00A0${other}; ${own}`]) {
      const answer = await new Browser(lab).call('GET', '/api/session', { headers: { cookie } });
      expect(answer).toMatchObject({ status: 200, json: { stage: 'in' } });
    }
    const cookie = `${other}; \u00A0${own}`;
    const answer = await new Browser(lab).call('GET', '/api/session', { headers: { cookie } });
    expect(answer).toMatchObject({ status: 200, json: { stage: 'login' } });
  });

  it('is not taken as plain text or as a form, which another page could send unasked, nor in excess', async () => {
    const body = { name: 'Ada', password };
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ]) {
      const answer = await owner.call('POST', '/api/login', { body, headers: { 'content-type': type } });
      expect(answer).toMatchObject({ status: 415, json: { code: 'unsupported-media-type' } });
    }
    const large = await owner.call('POST', '/api/login', { body: { ...body, password: 'x'.repeat(17_000) } });
    expect(large).toMatchObject({ status: 413, json: { code: 'body-too-large' } });
    const more = await owner.call('POST', '/api/login', { body: { ...body, role: 'owner' } });
    expect(more).toMatchObject({ status: 400, json: { code: 'bad-request' } });
  });

  it('is taken from the box’s own page', async () => {
    expect((await owner.call('POST', '/api/logout')).status).toBe(204);
    expect(await owner.open()).toMatchObject({ stage: 'login' });
  });
});
