import { describe, expect, it } from 'vitest';
import type { FakeBox } from './fake-box.ts';
import { look } from './gallery.ts';
import { withoutBrowser } from './stand.ts';
import { inTunnel, Visitor } from './visitor.ts';

describe.skipIf(withoutBrowser !== undefined)(`being connected to a box ${withoutBrowser ?? ''}`, () => {
  const visitor = new Visitor();

  it('comes back from the box, remembers it, and opens connected from then on', async () => {
    const { page, stand } = visitor;
    const box = await visitor.connected('Kitchen');
    await visitor.sees(inTunnel);
    expect(page.url()).toBe(`${stand.appOrigin}/#/box/${box.id}`);
    box.services = [{ label: 'photos', url: `https://photos.${box.zone}/` }];
    box.tellStateChanged();
    await page.getByRole('link', { name: 'photos' }).waitFor();
    await look(page, 'box-well');
    const service = page.getByRole('link', { name: 'photos' });
    expect(await service.getAttribute('href')).toBe(`https://photos.${box.zone}/`);
    const own = page.getByRole('link', { name: 'Box settings' });
    expect(await own.getAttribute('href')).toBe(box.ways.tunnel);

    // Away from home: nothing is found here, and nothing at home answers.
    stand.registration.answer = { body: [] };
    await box.shut('home');
    await visitor.start();
    await visitor.sees('Everything works.');
    await visitor.sees(inTunnel);
    // Found again, it is opened, not connected to.
    visitor.list(box);
    await page.getByRole('link', { name: 'Find another box' }).click();
    await page.getByRole('link', { name: /^Open Kitchen/ }).click();
    await visitor.sees('Everything works.');
  });

  it('says what is wrong with the box, and what to do', async () => {
    const { page } = visitor;
    const box = await visitor.connected('Kitchen');
    box.conditions = [
      { name: 'web', severity: 'ok', message: 'fine', since: 0 },
      {
        name: 'clock',
        severity: 'warning',
        message: 'the clock is 2 minutes late',
        remedy: 'nothing to do',
        since: 0,
      },
      {
        name: 'certificate',
        severity: 'error',
        message: 'the certificate has ended',
        remedy: 'see the logs',
        since: 0,
      },
    ];
    box.services = [{ label: 'bad', url: 'javascript:alert(1)' }];
    box.tellStateChanged();
    await visitor.sees('the certificate has ended');
    await visitor.sees('Certificate: 61 days left, renewed automatically');
    await look(page, 'box-troubles');
    expect(await page.getByText('bad').count()).toBe(0);
  });

  it('says when the box does not answer, and carries on when it does again', async () => {
    const { page } = visitor;
    const box = await visitor.connected('Kitchen');
    await box.close();
    await visitor.sees('Your box does not answer, neither at home nor through the tunnel.');
    expect(await page.getByText('Everything works.').count()).toBe(0);
    await look(page, 'box-unreachable');
    await box.open('tunnel');
    await visitor.sees(inTunnel);
    expect(await page.getByText('does not answer').count()).toBe(0);
  });

  it('is out at once when the session is ended at the box, and can connect again', async () => {
    const { page } = visitor;
    const box = await visitor.connected('Kitchen');
    await expect.poll(() => box.seen.some(({ mode }) => mode === 'websocket')).toBe(true);
    box.endSessions();
    await page.getByText('The box has signed you out.').waitFor({ timeout: 5000 });
    await look(page, 'box-ended');
    await visitor.press('Connect again');
    await visitor.sees('Everything works.');
  });

  it('signs out, and forgets a box after asking', async () => {
    const { page } = visitor;
    const box = await visitor.connected('Kitchen');
    await visitor.connected('Attic');
    await page.getByRole('link', { name: 'Your boxes' }).click();
    await page.getByRole('link', { name: 'Kitchen' }).waitFor();
    await look(page, 'boxes');
    await page.getByRole('link', { name: 'Kitchen' }).click();
    await visitor.sees('Everything works.');
    await visitor.press('Sign out');
    await visitor.sees('You are signed out here.');
    expect(box.seen.some(({ path, through }) => path === '/oauth/revoke' && through === 'tunnel')).toBe(true);
    await visitor.press('Forget this box');
    await page.getByRole('dialog', { name: 'Forget Kitchen?' }).waitFor();
    await look(page, 'forget');
    await page.keyboard.press('Escape');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await visitor.press('Forget this box');
    await page.getByRole('dialog').getByRole('button', { name: 'Forget this box' }).click();
    await page.getByRole('heading', { name: 'Attic' }).waitFor();
    expect(await visitor.kept()).not.toContain(box.id);
  });

  it('offers other ways when the page of the box does not open, and says why', async () => {
    const { page } = visitor;
    const box = await visitor.box('Kitchen', { connect: 'silent' });
    // DevTools hold everything back while a window is on its way, and so does Playwright. The page that opened it can look.
    const [window] = await Promise.all([
      page.waitForEvent('popup'),
      page.evaluate(() => void Object.assign(globalThis, { app: open('/') })),
    ]);
    const shown = (): Promise<string> =>
      page.evaluate(() => (globalThis as unknown as { app: Window }).app.document.body?.innerText ?? '');
    const pressThere = (name: string): Promise<void> =>
      page.evaluate((name) => {
        const { document } = (globalThis as unknown as { app: Window }).app;
        [...document.querySelectorAll('button')].find(({ textContent }) => textContent === name)?.click();
      }, name);
    await expect.poll(shown).toContain('There is a box in your home.');
    await pressThere('Connect');
    await expect.poll(shown).toContain('The box’s page is opening.');
    await expect.poll(shown).toContain('The box’s page does not open.');
    expect(await shown()).toContain('This device may be on another network than the box');
    expect(await shown()).toContain('Open by its name on the home network');
    box.connect = 'yes';
    await pressThere('Connect through the tunnel');
    await window.getByText('Everything works.').waitFor();
    await window.close();
    expect(box.seen.filter(({ path }) => path === '/connect').map(({ through }) => through)).toEqual([
      'home',
      'tunnel',
    ]);
  });

  it('says the same to a person who comes back from the browser’s error page', async () => {
    const { page, stand } = visitor;
    const box = await stand.box('Kitchen');
    await box.shut('home');
    visitor.list(box);
    await visitor.start();
    await visitor.connectTo('Kitchen');
    await visitor.sees('ERR_CONNECTION_REFUSED');
    await page.goBack();
    await visitor.sees('The box’s page does not open.');
    await page.getByRole('button', { name: 'Open by its name on the home network' }).waitFor();
    await look(page, 'not-arrived');
    await visitor.press('Back');
    await visitor.sees('There is a box in your home.');
    expect(box.seen).toEqual([]);
  });

  it('does not say so to one who comes back from the page of the box', async () => {
    const { page } = visitor;
    await visitor.box('Kitchen', { connect: 'ask' });
    await visitor.start();
    await visitor.connectTo('Kitchen');
    await page.getByRole('link', { name: 'Allow' }).waitFor();
    await page.goBack();
    await visitor.sees('There is a box in your home.');
    expect(await page.getByText('does not open').count()).toBe(0);
  });

  it('takes no for an answer, and no answer from another box', async () => {
    const { page, stand } = visitor;
    const box = await stand.box('Kitchen');
    const other = await stand.box('Other');
    visitor.list(box);
    const tries: [change: Partial<FakeBox>, said: string][] = [
      [{ connect: 'no' }, 'This app was not let in'],
      [{ issuer: other.ways.main }, 'The answer did not come from the box you chose'],
      [{ tokenId: other.id }, 'A server answered with something this page does not understand.'],
    ];
    for (const [change, said] of tries) {
      Object.assign(box, { connect: 'yes', issuer: '', tokenId: '' }, change);
      await visitor.start();
      await visitor.connectTo('Kitchen');
      await page.getByRole('heading', { name: 'This did not work' }).waitFor();
      await visitor.sees(said);
      expect(new URL(page.url()).search).toBe('');
      expect(await visitor.kept()).not.toContain('"tokens":{');
    }
    await look(page, 'refused');
    await visitor.press('Connect again');
    await visitor.sees('There is a box in your home.');
  });

  it('does nothing with a code that it did not ask for, or has used', async () => {
    const { page, stand } = visitor;
    const box = await visitor.box('Kitchen');
    let returned = '';
    page.on('request', (request) => {
      if (request.url().includes('code=') && request.isNavigationRequest()) returned = request.url();
    });
    await visitor.start();
    await visitor.connectTo('Kitchen');
    await visitor.sees('Everything works.');
    box.seen.length = 0;
    for (const url of [
      returned,
      `${stand.appOrigin}/?code=stolen&state=${'x'.repeat(43)}&iss=${box.ways.main}`,
    ]) {
      await page.goto(url);
      await visitor.sees('This page did not ask for that, or it was too long ago.');
      expect(page.url()).toBe(`${stand.appOrigin}/`);
    }
    expect(box.seen.filter(({ path }) => path === '/oauth/token')).toEqual([]);
  });

  it('waits for the tunnel of a new box, which opens with its first owner', async () => {
    const { page, stand } = visitor;
    const box = await stand.box('Kitchen');
    Object.assign(box, { claimed: false, tunnelled: false, connect: 'ask' });
    visitor.list(box);
    await visitor.start();
    await visitor.connectTo('Kitchen');
    await page.getByRole('link', { name: 'Allow' }).click();
    await visitor.sees('A new box is opening its tunnel. This can take a minute.');
    await look(page, 'returning');
    Object.assign(box, { claimed: true, tunnelled: true });
    visitor.list(box);
    await visitor.sees('Everything works.');
    expect(box.background('home')).toEqual([]);
  });

  it('takes the direct way to a box without a tunnel, having said so before', async () => {
    const { page } = visitor;
    const box = await visitor.box('Kitchen', { tunnelled: false });
    await visitor.start();
    await visitor.sees('This box has no tunnel.');
    await look(page, 'find-no-tunnel');
    await visitor.connectTo('Kitchen');
    await visitor.sees('At home: directly to the box');
    await visitor.sees('Tunnel: off');
    await look(page, 'box-home');
    expect(box.background('tunnel')).toEqual([]);
  });

  it('offers the direct way when the tunnel of a new box does not open while the code lives', async () => {
    const { page } = visitor;
    const box = await visitor.box('Kitchen', { claimed: false, tunnelled: false, connect: 'ask' });
    await page.clock.install();
    await visitor.start();
    await visitor.connectTo('Kitchen');
    await page.getByRole('link', { name: 'Allow' }).click();
    await visitor.sees('One moment');
    const heading = page.getByRole('heading', { name: 'This did not work' });
    await expect.poll(async () => (await page.clock.runFor(2000), heading.count())).toBe(1);
    await look(page, 'no-way');
    expect(box.background('home')).toEqual([]);
    box.connect = 'yes';
    await visitor.press('Allow the direct connection and connect again');
    await visitor.sees('At home: directly to the box');
  });
});
