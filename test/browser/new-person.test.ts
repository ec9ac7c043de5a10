import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listenForFaults, noBrowser, takePictures } from '../web/browser.ts';
import { House } from './house.ts';

const robin = { name: 'Robin', password: 'nine violet teapots' };

describe.skipIf(noBrowser !== undefined)(`a new person ${noBrowser ?? ''}`, () => {
  let house: House;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];
  beforeAll(async () => {
    house = await House.start({ unclaimed: true });
    ({ context, page } = await house.person());
    faults = listenForFaults(context);
  }, 60_000);
  afterAll(() => house?.close());

  const press = (name: string | RegExp): Promise<void> =>
    page.getByRole('button', { name, exact: true }).click();
  const heading = (name: string): Promise<void> => page.getByRole('heading', { name }).waitFor();

  it('finds the box, becomes its owner, lets the app in, and is back in it, connected', async () => {
    await page.goto(house.origins.app);
    await page.getByText('New: you become its owner.').waitFor();
    await takePictures(page, 'real-app-find');
    await press(/^Connect to /);

    await heading('Welcome');
    expect(new URL(page.url()).origin).toBe(house.origins.main);
    await takePictures(page, 'real-first-run');
    await page.getByLabel('Setup code').fill(house.box.facts.setupCode() ?? '');
    await page.getByLabel('Your name').fill(robin.name);
    await page.getByRole('textbox', { name: 'Password' }).fill(robin.password);
    await press('Make this box mine');
    await heading('Keep this code');
    await takePictures(page, 'real-recovery-code');
    await press('I have kept it');
    await press('Not now');

    await heading(`Let ${new URL(house.origins.app).host} in?`);
    await page.getByText(house.origins.app, { exact: true }).waitFor();
    await takePictures(page, 'real-consent');
    await press('Allow');
    await page.getByText('At home: straight to the box').waitFor();
    expect(page.url()).toBe(`${house.origins.app}/#/box/${house.box.facts.identity.boxId}`);
    expect(faults).toEqual([]);
  });
});
