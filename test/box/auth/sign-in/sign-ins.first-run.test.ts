import { describe, expect, it } from 'vitest';
import { away, Browser, connectQuery, fromApp, openLab, password, refresh } from '../../lab/lab.ts';

describe('the whole way', async () => {
  const lab = await openLab();
  const browser = new Browser(lab);

  it('leads from first run to an app that is let in', async () => {
    expect(await browser.open()).toMatchObject({
      stage: 'first-run',
      boxName: 'Our box',
      person: null,
      csrf: null,
    });
    const query = new URLSearchParams(connectQuery()).toString();
    const page = await browser.call('GET', `/connect?${query}`);
    expect(page).toMatchObject({ status: 200, text: expect.stringContaining('console') });
    expect(lab.arrived).toEqual([connectQuery()['state']]);

    const made = await browser.firstRun();
    expect(made).toMatchObject({
      status: 201,
      json: { recoveryCode: expect.stringMatching(/^(\w{4}-){4}\w{4}$/) },
    });
    expect(made.headers['set-cookie']).toEqual([
      expect.stringMatching(
        /^__Host-porchlight=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=2592000$/,
      ),
    ]);
    expect(lab.access.claimed.value).toBe(true);
    expect(lab.access.setupCode).toBeUndefined();
    expect(await browser.open()).toMatchObject({ stage: 'in', person: { name: 'Ada', role: 'owner' } });

    const { accessToken, refreshToken } = await browser.connect();
    expect(accessToken).toMatch(/^[\w-]{43}$/);
    const next = await refresh(lab, refreshToken);
    expect(next).toMatchObject({
      status: 200,
      json: { token_type: 'Bearer', expires_in: 600, box_name: 'Our box', ways: { mirrors: [] } },
    });
    expect(next.headers['access-control-allow-origin']).toBe('https://app.test');
    expect((await fromApp(lab, 'OPTIONS', '/oauth/token')).status).toBe(204);
  });

  it('comes in again with name and password', async () => {
    lab.from = away;
    const other = new Browser(lab);
    expect((await other.signIn('  ada ', password)).status).toBe(204);
    expect(await other.open()).toMatchObject({ stage: 'in', through: 'tunnel' });
  });
});
