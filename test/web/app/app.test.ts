import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { shortId } from '../../../src/protocol/constants.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { FakeBox } from './fake-box.ts';
import { look } from './gallery.ts';
import { Stand, withoutBrowser } from './stand.ts';

const folder = temporaryFolder();
const inTunnel = 'Through the tunnel, encrypted all the way to the box';

describe.skipIf(withoutBrowser !== undefined)(`the app in a browser ${withoutBrowser ?? ''}`, () => {
  let stand: Stand;
  let context: BrowserContext;
  let page: Page;
  const errors: string[] = [];
  beforeAll(async () => {
    stand = await Stand.start(folder);
    context = await stand.browser();
    page = context.pages()[0] ?? (await context.newPage());
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => {
      if (/Content Security Policy|Trusted/i.test(message.text())) errors.push(message.text());
    });
  }, 60_000);
  afterAll(() => stand.close());
  beforeEach(async () => {
    stand.registration.answer = { body: [] };
    stand.registration.shared = false;
    stand.registration.codes.length = 0;
    // A new person each time.
    await page.goto(`${stand.appOrigin}/config.json`);
    await page.evaluate(() => (localStorage.clear(), sessionStorage.clear()));
  });
  afterEach(() => {
    if (errors.length > 0) throw new Error(`the page complained: ${errors.splice(0).join('; ')}`);
  });

  const start = (path = '/'): Promise<unknown> => page.goto(stand.appOrigin + path);
  const text = (words: string | RegExp): Promise<void> => page.getByText(words).first().waitFor();
  const press = (name: string | RegExp): Promise<void> =>
    page.getByRole('button', { name, exact: true }).click({ noWaitAfter: true });
  const connectTo = (name: string): Promise<void> => press(new RegExp(`^Connect to ${name}, `));
  async function connected(name: string): Promise<FakeBox> {
    const box = await stand.box(name);
    stand.registration.answer = { body: [box.entry()] };
    await start('/#/find');
    await connectTo(name);
    await text('Everything works.');
    return box;
  }

  it('says what to check when there is no box, keeps looking, and shows one that appears', async () => {
    await start();
    await text('No box found yet.');
    expect(await page.getByRole('listitem').count()).toBe(5);
    await look(page, 'find-none');
    const box = await stand.box('Kitchen');
    box.claimed = false;
    stand.registration.answer = { body: [box.entry()] };
    await text('There is a box in your home.');
    await text(shortId(box.id));
    await look(page, 'find-one');
  });

  it('asks ever less often, and not at all while nobody can see it', async () => {
    await start();
    await text('No box found yet.');
    const asked = stand.registration.asked;
    await page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    // Longer than until the next look would have been.
    await page.waitForTimeout(4000);
    expect(stand.registration.asked).toBe(asked);
    await page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { value: 'visible', configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await expect.poll(() => stand.registration.asked).toBe(asked + 1);
    await press('Look now');
    await expect.poll(() => stand.registration.asked).toBe(asked + 2);
  });

  it('lets choose among several boxes, by name and number, with the keyboard alone', async () => {
    const boxes = await Promise.all([stand.box('Kitchen'), stand.box('Attic'), stand.box('Kitchen')]);
    stand.registration.answer = { body: boxes.map((box) => box.entry()) };
    await start();
    await text('There are 3 boxes in your home. Which one?');
    for (const box of boxes) await text(shortId(box.id));
    await look(page, 'find-several');
    await page.getByRole('heading', { name: 'Find your box' }).waitFor();
    const attic = boxes.find(({ name }) => name === 'Attic');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
      `Connect to Attic, ${shortId(attic?.id ?? '')}`,
    );
    await page.keyboard.press('Enter');
    await text(inTunnel);
    expect(attic?.seen.some(({ path, mode }) => path === '/connect' && mode === 'navigate')).toBe(true);
    expect(boxes.flatMap((box) => (box === attic ? [] : box.seen))).toEqual([]);
  });

  it('asks for the short code behind a shared address, once for each try', async () => {
    const box = await stand.box('Kitchen');
    stand.registration.shared = true;
    stand.registration.byCode.set('gt4c-9mkx', box.entry());
    await start();
    await text('Many homes share your internet address');
    await look(page, 'find-shared');
    await press('Show my box');
    await text('Please fill this in.');
    const field = page.getByLabel('Short code');
    await field.fill('aaaa-aaaa');
    await press('Show my box');
    await text('No box with this code is behind your address.');
    await look(page, 'find-shared-unknown');
    await field.fill('gt4c-9mkx');
    await press('Show my box');
    await text('There is a box in your home.');
    expect(stand.registration.codes.filter((code) => code === 'aaaa-aaaa')).toHaveLength(1);
    stand.registration.answer = {
      status: 429,
      headers: { 'retry-after': '30' },
      body: { code: 'rate-limited', message: 'too many wrong codes' },
    };
    await field.fill('bbbb-bbbb');
    await press('Show my box');
    await text('Too many tries. Try again in 30 seconds.');
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);
  });

  it('shows nothing of an answer that is not what was agreed', async () => {
    const box = await stand.box('Kitchen');
    const other = await stand.box('Other');
    const entry = box.entry() as { message: string };
    const bad: unknown[] = [
      null,
      7,
      'box',
      {},
      { ...entry, client: 'not-an-id' },
      { ...entry, message: '{' },
      { ...entry, message: '[]' },
      { ...entry, timestamp: 'now' },
      // A box whose names are another's, or nobody's, or no names of boxes.
      { ...entry, client: other.id },
      box.entry({ local_origin: 'https://evil.example' }),
      box.entry({ local_origin: 'javascript:alert(1)' }),
      box.entry({ tunnel_origin: other.ways.tunnel }),
      box.entry({ mirror_origins: ['https://evil.example'] }),
      box.entry({ name: '' }),
      box.entry({ name: '\u202e' }),
    ];
    stand.registration.answer = { body: bad };
    await start();
    await text('No box found yet.');
    for (const body of ['<html>', '{}', '"x"', '']) {
      stand.registration.answer = { body };
      await start();
      await text('A server answered with something this page does not understand.');
    }
    stand.registration.answer = { status: 500, body: { code: 'unexpected', message: 'it is broken' } };
    await start();
    await page.getByRole('alert').waitFor();
    const markup = box.entry({ name: '<img src=x onerror=alert(1)>' });
    stand.registration.answer = { body: [markup] };
    await press('Look now');
    await text('<img src=x onerror=alert(1)>');
    expect(box.seen).toEqual([]);
  });

  it('comes back from the box, remembers it, and opens connected from then on', async () => {
    const box = await connected('Kitchen');
    await text(inTunnel);
    expect(page.url()).toBe(`${stand.appOrigin}/#/box/${box.id}`);
    box.services = [{ label: 'photos', url: `https://photos.${box.zone}/` }];
    box.tellStateChanged();
    await page.getByRole('link', { name: 'photos' }).waitFor();
    await look(page, 'box-well');
    const service = page.getByRole('link', { name: 'photos' });
    expect(await service.getAttribute('href')).toBe(`https://photos.${box.zone}/`);
    const own = page.getByRole('link', { name: 'The box’s own page' });
    expect(await own.getAttribute('href')).toBe(box.ways.tunnel);

    // Away from home: nothing is found here, and nothing at home answers.
    stand.registration.answer = { body: [] };
    await box.shut('home');
    await start();
    await text('Everything works.');
    await text(inTunnel);
    // Found again, it is opened, not connected to.
    stand.registration.answer = { body: [box.entry()] };
    await page.getByRole('link', { name: 'Find another box' }).click();
    await page.getByRole('link', { name: /^Open Kitchen/ }).click();
    await text('Everything works.');
  });

  it('says what is wrong with the box, and what to do', async () => {
    const box = await connected('Kitchen');
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
    await text('the certificate has ended');
    await text('Certificate: 61 days left, renewed by itself');
    await look(page, 'box-troubles');
    expect(await page.getByText('bad').count()).toBe(0);
  });

  it('says when the box does not answer, and carries on when it does again', async () => {
    const box = await connected('Kitchen');
    await box.close();
    await text('Your box does not answer, neither at home nor through the tunnel.');
    await look(page, 'box-unreachable');
    await box.open('tunnel');
    await text(inTunnel);
    expect(await page.getByText('does not answer').count()).toBe(0);
  });

  it('is out within a second when the session is ended at the box, and can connect again', async () => {
    const box = await connected('Kitchen');
    await expect.poll(() => box.seen.some(({ mode }) => mode === 'websocket')).toBe(true);
    box.endSessions();
    await page.getByText('The box has ended this session.').waitFor({ timeout: 1000 });
    await look(page, 'box-ended');
    await press('Connect again');
    await text('Everything works.');
  });

  it('signs out, and forgets a box after asking', async () => {
    const box = await connected('Kitchen');
    await connected('Attic');
    await page.getByRole('link', { name: 'Your boxes' }).click();
    await page.getByRole('link', { name: 'Kitchen' }).waitFor();
    await look(page, 'boxes');
    await page.getByRole('link', { name: 'Kitchen' }).click();
    await text('Everything works.');
    await press('Sign out');
    await text('You are signed out here.');
    expect(box.seen.some(({ path, through }) => path === '/oauth/revoke' && through === 'tunnel')).toBe(true);
    await press('Forget this box');
    await page.getByRole('dialog', { name: 'Forget Kitchen?' }).waitFor();
    await look(page, 'forget');
    await page.keyboard.press('Escape');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await press('Forget this box');
    await page.getByRole('dialog').getByRole('button', { name: 'Forget this box' }).click();
    await page.getByRole('heading', { name: 'Attic' }).waitFor();
    expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain(box.id);
  });

  it('offers other ways when the page of the box does not open, and says why', async () => {
    const box = await stand.box('Kitchen');
    box.connect = 'silent';
    stand.registration.answer = { body: [box.entry()] };
    // DevTools hold everything back while a window is on its way, and so does Playwright. The page that opened it can look.
    const opened = page.waitForEvent('popup');
    await page.evaluate(() => void Object.assign(globalThis, { app: open('/') }));
    const window = await opened;
    const shown = (): Promise<string> =>
      page.evaluate(() => (globalThis as unknown as { app: Window }).app.document.body?.innerText ?? '');
    const pressThere = (name: string): Promise<void> =>
      page.evaluate((name) => {
        const { document } = (globalThis as unknown as { app: Window }).app;
        [...document.querySelectorAll('button')].find(({ textContent }) => textContent === name)?.click();
      }, name);
    await expect.poll(shown).toContain('There is a box in your home.');
    await pressThere('Connect');
    await expect.poll(shown).toContain('The page of the box opens now.');
    await expect.poll(shown).toContain('The page of the box does not open.');
    expect(await shown()).toContain('This device may be in another network than the box');
    expect(await shown()).toContain('Open by the name in your home network');
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
    const box = await stand.box('Kitchen');
    await box.shut('home');
    stand.registration.answer = { body: [box.entry()] };
    await start();
    await connectTo('Kitchen');
    await text('ERR_CONNECTION_REFUSED');
    await page.goBack();
    await text('The page of the box does not open.');
    await page.getByRole('button', { name: 'Open by the name in your home network' }).waitFor();
    await look(page, 'not-arrived');
    await press('Back');
    await text('There is a box in your home.');
    expect(box.seen).toEqual([]);
  });

  it('does not say so to one who comes back from the page of the box', async () => {
    const box = await stand.box('Kitchen');
    box.connect = 'ask';
    stand.registration.answer = { body: [box.entry()] };
    await start();
    await connectTo('Kitchen');
    await page.getByRole('link', { name: 'Allow' }).waitFor();
    await page.goBack();
    await text('There is a box in your home.');
    expect(await page.getByText('does not open').count()).toBe(0);
  });

  it('does not send people to a name that their router hides', async () => {
    const box = await stand.box('Kitchen');
    box.rebindingFilter = true;
    stand.registration.answer = { body: [box.entry()] };
    await start();
    await text('Your router hides names that lead into your own home (DNS rebinding protection).');
    await look(page, 'find-filtered');
    await press('Connect through the tunnel');
    await text('Everything works.');
    expect(box.seen.filter(({ through }) => through === 'home')).toEqual([]);

    const fresh = await stand.box('New');
    Object.assign(fresh, { rebindingFilter: true, claimed: false, tunnelled: false });
    stand.registration.answer = { body: [fresh.entry()] };
    await start('/#/find');
    await text(`The browser will warn you: nobody can vouch for the name ${fresh.mdnsHost}.`);
    expect(await page.getByRole('button', { name: 'Connect through the tunnel' }).count()).toBe(0);
    fresh.tunnelled = true;
    await press('Open by the name in your home network');
    // The tunnel opens meanwhile.
    stand.registration.answer = { body: [fresh.entry()] };
    await text('Everything works.');
    expect([...fresh.hosts]).toContain(`${fresh.mdnsHost}:${fresh.ports.home}`);
    expect(fresh.background('home')).toEqual([]);
  });

  it('takes no for an answer, and no answer from another box', async () => {
    const box = await stand.box('Kitchen');
    const other = await stand.box('Other');
    stand.registration.answer = { body: [box.entry()] };
    const tries: [change: Partial<FakeBox>, said: string][] = [
      [{ connect: 'no' }, 'This app was not let in to the box'],
      [{ issuer: other.ways.main }, 'The answer did not come from the box you chose'],
      [{ tokenId: other.id }, 'A server answered with something this page does not understand.'],
    ];
    for (const [change, said] of tries) {
      Object.assign(box, { connect: 'yes', issuer: '', tokenId: '' }, change);
      await start();
      await connectTo('Kitchen');
      await page.getByRole('heading', { name: 'This did not work' }).waitFor();
      await text(said);
      expect(new URL(page.url()).search).toBe('');
      expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain('"tokens":{');
    }
    await look(page, 'refused');
    await press('Connect again');
    await text('There is a box in your home.');
  });

  it('does nothing with a code that it did not ask for, or has used', async () => {
    const box = await stand.box('Kitchen');
    stand.registration.answer = { body: [box.entry()] };
    let returned = '';
    page.on('request', (request) => {
      if (request.url().includes('code=') && request.isNavigationRequest()) returned = request.url();
    });
    await start();
    await connectTo('Kitchen');
    await text('Everything works.');
    box.seen.length = 0;
    for (const url of [
      returned,
      `${stand.appOrigin}/?code=stolen&state=${'x'.repeat(43)}&iss=${box.ways.main}`,
    ]) {
      await page.goto(url);
      await text('This page did not ask for that, or too long ago.');
      expect(page.url()).toBe(`${stand.appOrigin}/`);
    }
    expect(box.seen.filter(({ path }) => path === '/oauth/token')).toEqual([]);
  });

  it('waits for the tunnel of a new box, which opens with its first owner', async () => {
    const box = await stand.box('Kitchen');
    Object.assign(box, { claimed: false, tunnelled: false, connect: 'ask' });
    stand.registration.answer = { body: [box.entry()] };
    await start();
    await connectTo('Kitchen');
    await page.getByRole('link', { name: 'Allow' }).click();
    await text('A new box opens its tunnel now. This can take a minute.');
    await look(page, 'returning');
    Object.assign(box, { claimed: true, tunnelled: true });
    stand.registration.answer = { body: [box.entry()] };
    await text('Everything works.');
    expect(box.background('home')).toEqual([]);
  });

  it('takes the direct way to a box without a tunnel, having said so before', async () => {
    const box = await stand.box('Kitchen');
    box.tunnelled = false;
    stand.registration.answer = { body: [box.entry()] };
    await start();
    await text('This box has no tunnel.');
    await look(page, 'find-no-tunnel');
    await connectTo('Kitchen');
    await text('At home: straight to the box');
    await text('Tunnel: off');
    await look(page, 'box-home');
    expect(box.background('tunnel')).toEqual([]);
  });

  it('speaks German when the browser does, and says when its cloud is away', async () => {
    await page.route('**/config.json', (route) => route.abort());
    await start();
    await text('This page cannot reach its own server.');
    await look(page, 'offline');
    await page.unroute('**/config.json');
    await page.getByRole('combobox').selectOption('de');
    await press('Noch einmal versuchen');
    await text('Noch keine Box gefunden.');
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('de');
  });
});
