import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { minutes, seconds } from '../../../../src/kit/runtime/clock.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { type Answer, away, Browser, home, openLab, password } from '../../lab/lab.ts';

const firstRun = (browser: Browser, changed: Record<string, string>): Promise<Answer> =>
  browser.call('POST', '/api/first-run', {
    body: { setupCode: 'AAAA-AAAA', name: 'Ada', password, ...changed },
  });

describe('first run', () => {
  it('is possible only at home, never through the tunnel', async () => {
    const lab = await openLab();
    const browser = new Browser(lab);
    const setupCode = lab.access.setupCode ?? '';
    for (const from of [away, { ...home, atHome: false }]) {
      lab.from = from;
      const refused = await firstRun(browser, { setupCode });
      expect(refused).toMatchObject({ status: 403, json: { code: 'only-at-home' } });
      expect(refused.json['message']).toContain('join the network');
    }
    expect(lab.access.claimed.value).toBe(false);
  });

  it('takes the code as people type it, and a password that is good enough', async () => {
    const lab = await openLab();
    const browser = new Browser(lab);
    expect((await browser.signIn('Ada', password)).json['code']).toBe('not-claimed');
    const setupCode = ` ${(lab.access.setupCode ?? '').toLowerCase().replace('-', ' ')} `;
    const weak = await firstRun(browser, { setupCode, password: 'password1' });
    expect(weak).toMatchObject({ status: 422, json: { code: 'password-refused' } });
    const nameless = await firstRun(browser, { setupCode, name: '\u200B\u202E' });
    expect(nameless).toMatchObject({ status: 400, json: { code: 'bad-request' } });
    expect((await firstRun(browser, { setupCode })).status).toBe(201);
    const again = await firstRun(browser, { setupCode });
    expect(again).toMatchObject({ status: 409, json: { code: 'already-claimed' } });
  });

  it('makes one owner of two who are as fast', async () => {
    const lab = await openLab();
    const setupCode = lab.access.setupCode ?? '';
    const both = await Promise.all([
      firstRun(new Browser(lab), { setupCode, name: 'Ada' }),
      firstRun(new Browser(lab), { setupCode, name: 'Eve' }),
    ]);
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([201, 409]));
  });

  it('gives eight tries and then growing waits, which pulling the plug does not shorten', async () => {
    const folder = temporaryFolder();
    const lab = await openLab({ folder });
    const browser = new Browser(lab);
    const setupCode = lab.access.setupCode ?? '';
    expect(setupCode).toMatch(/^[2-9A-HJKMNP-TW-Z]{4}-[2-9A-HJKMNP-TW-Z]{4}$/);
    const file = join(folder, 'setup-code');
    expect(readFileSync(file, 'utf8')).toBe(`${setupCode}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    for (let left = 7; left >= 0; left--)
      expect(await firstRun(browser, {})).toMatchObject({
        status: 401,
        json: { code: 'wrong-setup-code', triesLeft: left },
      });
    // Also the right one has to wait now.
    const blocked = await firstRun(browser, { setupCode });
    expect(blocked).toMatchObject({ status: 429, json: { code: 'rate-limited', retryAfterSeconds: 30 } });
    expect(blocked.headers['retry-after']).toBe('30');
    await lab.clock.advance(seconds(30));
    expect((await firstRun(browser, {})).status).toBe(401);
    expect((await firstRun(browser, {})).json['retryAfterSeconds']).toBe(60);
    await lab.close();

    const restarted = await openLab({ folder });
    expect(restarted.access.setupCode).toBe(setupCode);
    const after = new Browser(restarted);
    expect((await firstRun(after, { setupCode })).json['retryAfterSeconds']).toBe(60);
    await restarted.clock.advance(seconds(60));
    expect((await firstRun(after, { setupCode })).status).toBe(201);
    expect(() => statSync(file)).toThrow('ENOENT');
  });
});

describe('wrong passwords', () => {
  it('are slowed down by account, whoever tries, and do not keep the owner out at home', async () => {
    const lab = await openLab();
    await new Browser(lab).firstRun();
    for (let guess = 0; guess < 9; guess++) {
      lab.from = { ...away, address: `203.0.113.${guess}` };
      const answer = await new Browser(lab).signIn('ADA', 'wrong wrong wrong');
      expect(answer).toMatchObject(
        guess < 8 ? { status: 401 } : { status: 429, json: { retryAfterSeconds: 2 } },
      );
    }
    expect((await new Browser(lab).signIn()).status).toBe(429);
    lab.from = home;
    expect((await new Browser(lab).signIn()).status).toBe(204);
    lab.from = away;
    await lab.clock.advance(seconds(2));
    expect((await new Browser(lab).signIn()).status).toBe(204);
  });

  it('are slowed down by network, a /48 as one, whatever the account', async () => {
    const lab = await openLab();
    await new Browser(lab).firstRun();
    let last: Answer | undefined;
    for (let guess = 0; guess < 21; guess++) {
      lab.from = { ...away, address: `2001:db8:0:1::${guess + 1}` };
      last = await new Browser(lab).signIn(`person ${guess}`, 'wrong wrong wrong');
    }
    expect(last).toMatchObject({ status: 429, json: { code: 'rate-limited', retryAfterSeconds: 5 } });
    lab.from = { ...away, address: '2001:db8:1::1' };
    expect((await new Browser(lab).signIn()).status).toBe(204);
    lab.from = { ...away, address: '2001:db8:0:ffff::1' };
    expect((await new Browser(lab).signIn()).status).toBe(429);
    await lab.clock.advance(minutes(1));
    expect((await new Browser(lab).signIn()).status).toBe(204);
  });

  it('are over with the right one: who is in, and who lives with them, has nothing to wait for', async () => {
    const lab = await openLab();
    const owner = new Browser(lab);
    await owner.firstRun();
    const { json } = await owner.call('POST', '/api/people', { body: { name: 'Grace', role: 'member' } });
    const join = { inviteCode: json['inviteCode'], password: 'a long enough one' };
    expect((await new Browser(lab).call('POST', '/api/join', { body: join })).status).toBe(201);
    lab.from = away;
    for (let guess = 0; guess < 22; guess++) {
      await lab.clock.advance(minutes(1));
      const wrong = { inviteCode: `wrong ${guess}`, password: 'a long enough one' };
      expect((await new Browser(lab).call('POST', '/api/join', { body: wrong })).status).toBe(401);
    }
    await lab.clock.advance(minutes(1));
    expect((await new Browser(lab).signIn()).status).toBe(204);
    expect((await new Browser(lab).signIn()).status).toBe(204);
    expect((await new Browser(lab).signIn('Grace', 'a long enough one')).status).toBe(204);
    // What is counted against one account is not over with the success of another.
    for (let guess = 0; guess < 8; guess++) await new Browser(lab).signIn('Ada', 'wrong wrong wrong');
    expect((await new Browser(lab).signIn('Grace', 'a long enough one')).status).toBe(204);
    expect((await new Browser(lab).signIn()).status).toBe(429);
  });

  it('from outside keep nobody at home waiting while they are computed', async () => {
    const lab = await openLab();
    await new Browser(lab).firstRun();
    lab.from = away;
    const guesses = Array.from({ length: 19 }, async (_, n) =>
      new Browser(lab).signIn(`person ${n}`, 'wrong wrong wrong'),
    );
    // With one line for all, it would be full now, or nearly: 19 guesses are more than it holds.
    await Promise.race(guesses);
    lab.from = home;
    expect((await new Browser(lab).signIn()).status).toBe(204);
    const answers = await Promise.all(guesses);
    expect(answers.every(({ status }) => status === 401 || status === 429)).toBe(true);
  });

  it('count also while they are looked at', async () => {
    const lab = await openLab();
    await new Browser(lab).firstRun();
    const many = await Promise.all(
      Array.from({ length: 14 }, () => new Browser(lab).signIn('Ada', 'wrong wrong wrong')),
    );
    expect(many.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(8);
    expect(many.every(({ status }) => status === 401 || status === 429)).toBe(true);
  });
});
