import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noBrowser, takePictures } from '../web/browser.ts';
import { House } from './house.ts';

const byTunnel = 'Through the tunnel, encrypted all the way to the box';

/**
 * As in life: the app comes from the internet, and the box is in the home. Since Chromium 142 a page may cross that line
 * only by the person's leave, which nobody gives here unless the test does.
 */
describe.skipIf(noBrowser !== undefined)(
  `a new person with the app from the internet ${noBrowser ?? ''}`,
  () => {
    let house: House;
    let context: BrowserContext;
    let page: Page;
    /** What the browser had to say about requests across the line. */
    const refusals: string[] = [];
    beforeAll(async () => {
      house = await House.start({ unclaimed: true, apart: true });
      ({ context, page } = await house.person());
      const cdp = await context.newCDPSession(page);
      cdp.on('Audits.issueAdded', ({ issue }) => {
        const text = JSON.stringify(issue);
        if (text.includes('LocalNetworkAccess')) refusals.push(text);
      });
      await cdp.send('Audits.enable');
    }, 60_000);
    afterAll(() => house?.close());

    const press = (name: string | RegExp): Promise<void> =>
      page.getByRole('button', { name, exact: true }).click();
    const text = (words: string): Promise<void> => page.getByText(words, { exact: true }).waitFor();

    it('becomes the owner at home, and is back in the app as soon as the tunnel is open, without being asked anything', async () => {
      await page.goto(house.origins.app);
      await press(/^Connect to /);
      await page.getByLabel('Setup code').fill(house.box.facts.setupCode() ?? '');
      await page.getByLabel('Your name').fill('Robin');
      await page.getByRole('textbox', { name: 'Password' }).fill('nine violet teapots');
      await press('Make this box mine');
      await press('I’ve saved it');
      await press('Not now');
      await press('Allow');
      await text(byTunnel);
      await text('Everything works.');
      await takePictures(page, 'real-app-box-from-internet');
      expect(refusals).toEqual([]);
    });

    it('opens the app again, and is asked nothing either', async () => {
      await page.reload();
      await text(byTunnel);
      await text('Everything works.');
      expect(refusals).toEqual([]);
    });

    it('takes the direct way once they want it and the browser lets them', async () => {
      await context.grantPermissions(['local-network-access'], { origin: house.origins.app });
      await press('Use the direct connection at home');
      await text('At home: directly to the box');
      await page.reload();
      await text('At home: directly to the box');
      await expect.poll(() => page.getByText('Everything works.').count()).toBe(1);
    });

    it('would have been told of a request that crossed the line', async () => {
      await context.clearPermissions();
      const asked = page.evaluate(async (url) => (await fetch(url)).status, `${house.origins.main}/ping`);
      await expect(asked).rejects.toThrow('Failed to fetch');
      await expect.poll(() => refusals.length).toBeGreaterThan(0);
    });
  },
);
