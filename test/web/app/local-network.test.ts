import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import type { FakeBox } from './fake-box.ts';
import { Stand, withoutBrowser } from './stand.ts';

const folder = temporaryFolder();

/**
 * Chromium is told that the box's listener at home is in a private network and all others are on the internet. Requests of
 * a page across that line need the person's permission since Chromium 142; headless, nobody gives it.
 */
describe.skipIf(withoutBrowser !== undefined)(`pages and the home network ${withoutBrowser ?? ''}`, () => {
  let stand: Stand;
  let box: FakeBox;
  beforeAll(async () => {
    stand = await Stand.start(folder);
    box = await stand.box('Kitchen');
    box.connect = 'ask';
    stand.registration.answer = { body: [box.entry()] };
  }, 60_000);
  afterAll(() => stand.close());

  async function farAway(): Promise<{ context: BrowserContext; page: Page; refusals: string[] }> {
    const { appPort, registration } = stand;
    const spaces = [
      ...[appPort, registration.port, box.ports.tunnel].map((port) => `127.0.0.1:${port}=public`),
      `127.0.0.1:${box.ports.home}=private`,
    ];
    const context = await stand.browser({ args: [`--ip-address-space-overrides=${spaces.join(',')}`] });
    const page = context.pages()[0] ?? (await context.newPage());
    const refusals: string[] = [];
    const cdp = await context.newCDPSession(page);
    cdp.on('Audits.issueAdded', ({ issue }) => {
      const text = JSON.stringify(issue);
      if (text.includes('LocalNetworkAccess')) refusals.push(text);
    });
    await cdp.send('Audits.enable');
    await page.goto(`${stand.appOrigin}/`);
    return { context, page, refusals };
  }

  it('are told apart by this browser: a request in the background is refused, which these tests would see', async () => {
    const { page, refusals } = await farAway();
    const before = box.seen.length;
    const answer = await page.evaluate(
      (url) => fetch(url).then(() => 'answered', String),
      `${box.ways.main}/ping`,
    );
    expect(answer).toContain('Failed to fetch');
    await expect.poll(() => refusals.length).toBe(1);
    expect(box.seen.length).toBe(before);
    expect(
      await page.evaluate((url) => fetch(url).then(({ status }) => status), `${box.ways.tunnel}/ping`),
    ).toBe(204);
  });

  it('do not meet before the person has agreed: finding, connecting and staying connected asks for no permission', async () => {
    const { context, page, refusals } = await farAway();
    box.seen.length = 0;
    await page.getByRole('button', { name: /^Connect to Kitchen/ }).click();
    await page.getByRole('link', { name: 'Allow' }).click();
    await page.getByText('Through the tunnel, encrypted all the way to the box').waitFor();
    await page.getByText('Everything works.').waitFor();
    const atHome = box.seen.filter(({ through }) => through === 'home');
    expect(atHome).toEqual([{ method: 'GET', path: '/connect', through: 'home', mode: 'navigate' }]);
    // A second visit, and time for whatever the page may do by itself.
    await page.reload();
    await page.getByText('Everything works.').waitFor();
    await page.evaluate(() => dispatchEvent(new Event('online')));
    await expect.poll(() => box.background('tunnel').length).toBeGreaterThan(6);
    expect(box.background('home')).toEqual([]);
    expect(refusals).toEqual([]);
    expect(await permission(page)).toBe('prompt');

    await context.grantPermissions(['local-network-access'], { origin: stand.appOrigin });
    await page.getByRole('button', { name: 'Use the direct connection at home' }).click();
    await page.getByText('At home: directly to the box').waitFor();
    expect(box.background('home').length).toBeGreaterThan(0);
  });

  it('do not meet either when the person agreed here, but told the browser no: the tunnel stays, and is explained', async () => {
    const { context, page } = await farAway();
    await page.getByRole('button', { name: /^Connect to Kitchen/ }).click();
    await page.getByRole('link', { name: 'Allow' }).click();
    await page.getByText('Everything works.').waitFor();
    box.seen.length = 0;
    const cdp = await context.newCDPSession(page);
    await cdp.send('Browser.setPermission', {
      permission: { name: 'local-network-access' },
      setting: 'denied',
      origin: stand.appOrigin,
    });
    await page.getByRole('button', { name: 'Use the direct connection at home' }).click();
    await page.getByText('the browser does not let it reach your home network').waitFor();
    await page.reload();
    await page.getByText('Through the tunnel, encrypted all the way to the box').waitFor();
    await page.getByText('the browser does not let it reach your home network').waitFor();
    expect(box.background('home')).toEqual([]);
  });
});

/** The name of the permission in Chromium; not yet among the types'. */
async function permission(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const { state } = await navigator.permissions.query({ name: 'local-network-access' as PermissionName });
    return state;
  });
}
