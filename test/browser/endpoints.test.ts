import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { noBrowser, takePictures } from '../web/browser.ts';
import { connectApp, signIn } from './connecting.ts';
import { House } from './house.ts';

const atHome = 'At home: directly to the box';
const byMirror = 'At home: directly to the box, by its second name';
const byTunnel = 'Through the tunnel, encrypted all the way to the box';

describe.skipIf(noBrowser !== undefined)(`an app that is connected ${noBrowser ?? ''}`, () => {
  let house: House;
  let page: Page;
  beforeAll(async () => {
    house = await House.start({ unclaimed: false });
    ({ page } = await house.person());
    await connectApp(house, page);
  }, 60_000);
  afterAll(() => house?.close());
  afterEach(() => {
    const { main, mirrors, tunnel } = house.switchedPorts;
    main.behind = () => house.ports.web;
    for (const port of [main, ...mirrors, tunnel]) {
      // What hangs on it would hang for ever.
      port.set('refuses');
      port.set('open');
    }
  });

  const sign = (words: string): Promise<void> => page.getByText(words, { exact: true }).waitFor();
  /** Which way the page says its answers come, and whether it has one that says that all is well. */
  const shown = async (): Promise<{ way: string | undefined; well: boolean }> => ({
    way: (await page.locator('.endpoint').allInnerTexts())[0]?.trim(),
    well: (await page.getByText('Everything works.').count()) === 1,
  });

  it('carries on by a mirror when the box has another address, and nobody has the old one', async () => {
    await sign(atHome);
    house.switchedPorts.main.set('refuses');
    await expect.poll(shown).toEqual({ way: byMirror, well: true });
    await takePictures(page, 'real-app-box-mirror');
  });

  it('carries on by a mirror when another device has the old address', async () => {
    await page.reload();
    await sign(atHome);
    const { main } = house.switchedPorts;
    main.set('refuses');
    // Speaks TLS too, but the browser does not take it for the box.
    main.behind = () => house.ports.app;
    main.set('open');
    await expect.poll(shown).toEqual({ way: byMirror, well: true });
  });

  it('carries on by a mirror when the old address swallows everything', async () => {
    await page.reload();
    await sign(atHome);
    house.switchedPorts.main.set('silent');
    // Silence by itself is noticed within seconds; a device that comes into a network says so to its pages.
    await page.evaluate(`dispatchEvent(new Event('online'))`);
    await expect.poll(shown).toEqual({ way: byMirror, well: true });
  });

  it('goes through the tunnel when the person leaves home, and straight again when they are back', async () => {
    await page.reload();
    await sign(atHome);
    leaveHome();
    await sign(byTunnel);
    await takePictures(page, 'real-app-box-tunnel');
    comeHome();
    await expect.poll(shown).toEqual({ way: atHome, well: true });
  });

  it('opens connected away from home', async () => {
    leaveHome();
    await page.goto('about:blank');
    await page.goto(house.origins.app);
    await expect.poll(shown).toEqual({ way: byTunnel, well: true });
    const own = await page.getByRole('link', { name: 'Box settings' }).getAttribute('href');
    expect(own).toContain(house.origins.tunnel);
  });

  it('says that the box does not answer while there is no way, and carries on when there is one', async () => {
    await page.goto(house.origins.app);
    await sign(atHome);
    leaveHome();
    house.switchedPorts.tunnel.set('refuses');
    const words = 'Your box does not answer, neither at home nor through the tunnel. This page keeps trying.';
    await sign(words);
    await takePictures(page, 'real-app-box-unreachable');
    house.switchedPorts.tunnel.set('open');
    await sign(byTunnel);
    expect(await page.getByText(words).count()).toBe(0);
  });

  it('is out when its session is ended in the console', async () => {
    await page.goto(house.origins.app);
    await sign(atHome);
    const other = await house.person();
    await other.page.goto(`${house.origins.main}/#/sessions`);
    await signIn(house, other.page);
    const app = new URL(house.origins.app).host;
    await other.page.getByRole('button', { name: new RegExp(`^Sign out ${app} · `) }).click();
    const end = other.page.getByRole('dialog').getByRole('button', { name: 'Sign out', exact: true });
    const told = page.getByText('The box has signed you out.', { exact: true }).waitFor();
    // How long it takes, which is less than a second, is measured by test/bench/pages.ts.
    await Promise.all([end.click(), told]);
    await takePictures(page, 'real-app-box-ended');
    await expect.poll(() => other.page.getByText(app).count()).toBe(0);
    await other.context.close();
    await page.reload();
    await page.getByRole('button', { name: 'Connect again' }).click();
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await sign(atHome);
  });

  function leaveHome(): void {
    for (const port of [house.switchedPorts.main, ...house.switchedPorts.mirrors]) port.set('refuses');
  }

  function comeHome(): void {
    for (const port of [house.switchedPorts.main, ...house.switchedPorts.mirrors]) port.set('open');
  }
});
