import type { BrowserContext, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pagesFor } from '../../src/web/console/page-names.ts';
import { listenForFaults, noBrowser, takePictures } from '../web/browser.ts';
import { House } from './house.ts';

const robin = { name: 'Robin', password: 'nine violet teapots' };

/** One person and one browser, from a box fresh out of its package; each test goes on where the one before has ended. */
describe.skipIf(noBrowser !== undefined)(`a new person ${noBrowser ?? ''}`, () => {
  let house: House;
  let context: BrowserContext;
  let page: Page;
  let cdp: CDPSession;
  let faults: string[];
  beforeAll(async () => {
    house = await House.start({ unclaimed: true });
    ({ context, page } = await house.person());
    faults = listenForFaults(context);
    // The fingerprint reader of their device.
    cdp = await context.newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    const options = { protocol: 'ctap2', transport: 'internal' } as const;
    const able = { hasResidentKey: true, hasUserVerification: true, isUserVerified: true };
    await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { ...options, ...able } });
  }, 60_000);
  afterAll(() => house?.close());
  let stuck = false;
  beforeEach(({ skip, onTestFailed }) => {
    skip(stuck, 'this person did not get so far: see the test that failed');
    onTestFailed(() => void (stuck = true));
  });

  const press = (name: string | RegExp): Promise<void> =>
    page.getByRole('button', { name, exact: true }).click();
  const heading = (name: string): Promise<void> => page.getByRole('heading', { name }).waitFor();
  const text = (words: string): Promise<void> => page.getByText(words, { exact: true }).waitFor();

  it('who is not at home does not get to a box without an owner: its tunnel is shut', async () => {
    expect(house.box.facts.tunnel.value.phase).not.toBe('connected');
    const stranger = await house.person();
    const failure = await stranger.page.goto(house.origins.tunnel).catch(String);
    await stranger.context.close();
    expect(failure).toMatch(/ERR_(CONNECTION|SSL|EMPTY)/);
  });

  it('finds the new box in the app, and comes to its page', async () => {
    await page.goto(house.origins.app);
    await text('New: you become its owner.');
    await takePictures(page, 'real-app-find');
    await press(/^Connect to /);
    await heading('Welcome');
    expect(new URL(page.url()).origin).toBe(house.origins.main);
    await takePictures(page, 'real-first-run');
  });

  it('is told what is wrong with a setup code or a password', async () => {
    await page.getByLabel('Setup code').fill('AAAA-AAAA');
    await page.getByLabel('Your name').fill(robin.name);
    await page.getByRole('textbox', { name: 'Password' }).fill('password');
    await press('Make this box mine');
    const wrongCode =
      'This is not the setup code of this box. It is in porchlight.txt on the memory card, or on the card in the package, and “porchlight status” prints it.';
    await text(wrongCode);
    await takePictures(page, 'real-first-run-wrong-code');
    await page.getByLabel('Setup code').fill(house.box.facts.setupCode() ?? '');
    await press('Make this box mine');
    await text(
      'This is one of the passwords that everybody tries first. Use another one, a few words for example.',
    );
    expect(await page.getByText(wrongCode).count()).toBe(0);
    expect(house.box.facts.claimed.value).toBe(false);
  });

  it('becomes the owner, keeps the recovery code, and adds a passkey', async () => {
    await page.getByRole('textbox', { name: 'Password' }).fill(robin.password);
    await press('Make this box mine');
    await heading('Save this code');
    await takePictures(page, 'real-recovery-code');
    await press('I’ve saved it');
    await heading('Sign in without a password?');
    await takePictures(page, 'real-passkey-offer');
    await press('Add a passkey');
    await heading(`Let ${new URL(house.origins.app).host} in?`);
    expect(house.box.facts.claimed.value).toBe(true);
  });

  it('lets the app in, and is back in it, connected', async () => {
    await page.getByText(house.origins.app, { exact: true }).waitFor();
    await takePictures(page, 'real-consent');
    await press('Allow');
    await text('At home: directly to the box');
    await text('Everything works.');
    expect(page.url()).toBe(`${house.origins.app}/#/box/${house.box.facts.identity.boxId}`);
    await takePictures(page, 'real-app-box');
  });

  it('opens the app again, and is connected', async () => {
    const again = await context.newPage();
    await again.goto(house.origins.app);
    await again.getByText('At home: directly to the box').waitFor();
    await again.getByText('Everything works.').waitFor();
    expect(again.url()).toBe(`${house.origins.app}/`);
    await again.close();
  });

  it('has a tunnel now, which shows a stranger nothing but the login', async () => {
    await expect.poll(() => house.box.facts.tunnel.value.phase).toBe('connected');
    const stranger = await house.person();
    await stranger.page.goto(house.origins.tunnel);
    await stranger.page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await takePictures(stranger.page, 'real-login');
    const firstRun = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const body = JSON.stringify({ setupCode: 'AAAA-AAAA', ...robin });
    const refused = await stranger.page.evaluate(
      async (init) => (await fetch('/api/first-run', init)).json(),
      { ...firstRun, body },
    );
    expect(refused).toMatchObject({ code: 'already-claimed' });
    await stranger.context.close();
  });

  it.each(['main', 'tunnel'] as const)('logs in with the passkey under the %s name', async (name) => {
    await page.goto(house.origins[name]);
    if (name === 'main') await press('Sign out');
    await heading('Sign in');
    await press('Use a passkey');
    await page.getByRole('heading', { name: 'Home', exact: true }).waitFor();
    const me = await page.evaluate(async () => (await fetch('/api/me')).json());
    expect(me).toMatchObject({ person: { name: robin.name, role: 'owner' }, session: { kind: 'login' } });
  });

  it('finds every page of the box in order', async () => {
    await page.goto(house.origins.main);
    await page.getByRole('navigation').getByRole('link').first().waitFor();
    const links = await page.getByRole('navigation').getByRole('link').all();
    const names = await Promise.all(links.map(async (link) => link.innerText()));
    expect(names).toHaveLength(pagesFor('owner').length);
    for (const name of names) {
      await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
      await page.getByRole('heading', { name, level: 1 }).waitFor();
      await expect.poll(() => page.getByText('One moment …').count()).toBe(0);
      await takePictures(page, `real-console-${name.toLowerCase().replaceAll(' ', '-')}`);
    }
  });

  it('has met no error of a page, and nothing its content security policy refused', () => {
    expect(faults).toEqual([]);
  });
});
