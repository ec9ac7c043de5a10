import { describe, expect, it } from 'vitest';
import { shortId } from '../../../src/protocol/constants.ts';
import { look } from './gallery.ts';
import { withoutBrowser } from './stand.ts';
import { inTunnel, Visitor } from './visitor.ts';

describe.skipIf(withoutBrowser !== undefined)(`finding a box ${withoutBrowser ?? ''}`, () => {
  const visitor = new Visitor();

  it('says what to check when there is no box, keeps looking, and shows one that appears', async () => {
    const { page } = visitor;
    await visitor.start();
    await visitor.sees('No box found yet.');
    expect(await page.getByRole('listitem').count()).toBe(5);
    await look(page, 'find-none');
    const box = await visitor.box('Kitchen', { claimed: false });
    await visitor.sees('There is a box in your home.');
    await visitor.sees(shortId(box.id));
    await look(page, 'find-one');
  });

  it('lets choose among several boxes, by name and number, with the keyboard alone', async () => {
    const { page, stand } = visitor;
    const boxes = await Promise.all([stand.box('Kitchen'), stand.box('Attic'), stand.box('Kitchen')]);
    stand.registration.answer = { body: boxes.map((box) => box.entry()) };
    await visitor.start();
    await visitor.sees('There are 3 boxes in your home. Which one?');
    for (const box of boxes) await visitor.sees(shortId(box.id));
    await look(page, 'find-several');
    await page.getByRole('heading', { name: 'Find your box' }).waitFor();
    const attic = boxes.find(({ name }) => name === 'Attic');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
      `Connect to Attic, ${shortId(attic?.id ?? '')}`,
    );
    await page.keyboard.press('Enter');
    await visitor.sees(inTunnel);
    expect(attic?.seen.some(({ path, mode }) => path === '/connect' && mode === 'navigate')).toBe(true);
    expect(boxes.flatMap((box) => (box === attic ? [] : box.seen))).toEqual([]);
  });

  it('asks for the short code behind a shared address, once for each try', async () => {
    const { page, stand } = visitor;
    const box = await stand.box('Kitchen');
    stand.registration.shared = true;
    stand.registration.byCode.set('gt4c-9mkx', box.entry());
    await visitor.start();
    await visitor.sees('Many homes share your internet address');
    await look(page, 'find-shared');
    await visitor.press('Show my box');
    await visitor.sees('Please fill this in.');
    const field = page.getByLabel('Short code');
    await field.fill('aaaa-aaaa');
    await visitor.press('Show my box');
    await visitor.sees('No box with this code is behind your address.');
    await look(page, 'find-shared-unknown');
    await field.fill('gt4c-9mkx');
    await visitor.press('Show my box');
    await visitor.sees('There is a box in your home.');
    expect(stand.registration.codes.filter((code) => code === 'aaaa-aaaa')).toHaveLength(1);
    stand.registration.answer = {
      status: 429,
      headers: { 'retry-after': '30' },
      body: { code: 'rate-limited', message: 'too many wrong codes' },
    };
    await field.fill('bbbb-bbbb');
    await visitor.press('Show my box');
    await visitor.sees('Too many attempts. Try again in 30 seconds.');
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);
  });

  it('shows nothing of an answer that is not what was agreed', async () => {
    const { page, stand } = visitor;
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
    await visitor.start();
    await visitor.sees('No box found yet.');
    for (const body of ['<html>', '{}', '"x"', '']) {
      stand.registration.answer = { body };
      await visitor.start();
      await visitor.sees('A server answered with something this page does not understand.');
    }
    stand.registration.answer = { status: 500, body: { code: 'unexpected', message: 'it is broken' } };
    await visitor.start();
    await page.getByRole('alert').waitFor();
    const markup = box.entry({ name: '<img src=x onerror=alert(1)>' });
    stand.registration.answer = { body: [markup] };
    await visitor.press('Look now');
    await visitor.sees('<img src=x onerror=alert(1)>');
    expect(box.seen).toEqual([]);
  });

  it('does not send people to a name that their router hides', async () => {
    const { page, stand } = visitor;
    const box = await visitor.box('Kitchen', { rebindingFilter: true });
    await visitor.start();
    await visitor.sees('Your router hides names that lead into your own home (DNS rebinding protection)');
    await look(page, 'find-filtered');
    await visitor.press('Connect through the tunnel');
    await visitor.sees('Everything works.');
    expect(box.seen.filter(({ through }) => through === 'home')).toEqual([]);

    const fresh = await stand.box('New');
    Object.assign(fresh, { rebindingFilter: true, claimed: false, tunnelled: false });
    visitor.list(fresh);
    await visitor.start('/#/find');
    await visitor.sees(`The browser will warn you: nobody can vouch for the name ${fresh.mdnsHost}.`);
    expect(await page.getByRole('button', { name: 'Connect through the tunnel' }).count()).toBe(0);
    fresh.tunnelled = true;
    await visitor.press('Open by its name on the home network');
    // The tunnel opens meanwhile.
    visitor.list(fresh);
    await visitor.sees('Everything works.');
    expect([...fresh.hosts]).toContain(`${fresh.mdnsHost}:${fresh.ports.home}`);
    expect(fresh.background('home')).toEqual([]);
  });

  it('says when its cloud is away, and tries again when told to', async () => {
    const { page } = visitor;
    await page.route('**/config.json', (route) => route.abort());
    await visitor.start();
    await visitor.sees('This page cannot reach its own server.');
    await look(page, 'offline');
    await page.unroute('**/config.json');
    await visitor.press('Try again');
    await visitor.sees('No box found yet.');
    await visitor.stand.registration.close();
    await visitor.press('Look now');
    await visitor.sees('The service that knows your box cannot be reached.');
    await visitor.stand.registration.start();
    await visitor.press('Look now');
    await page.getByText('cannot be reached').waitFor({ state: 'detached' });
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  it('speaks German when the browser does, and what was chosen after that', async () => {
    const { stand } = visitor;
    const page = await stand.open(await stand.browser({ locale: 'de-AT' }));
    await page.getByText('Noch keine Box gefunden.').waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('de');
    await page.getByRole('combobox').selectOption('en');
    await page.reload();
    await page.getByText('No box found yet.').waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('en');
  });

  it('asks ever less often, and not at all while nobody can see it', async () => {
    const { page, stand } = visitor;
    const { registration } = stand;
    await page.clock.install();
    await visitor.start();
    await visitor.sees('No box found yet.');
    const minutes = async (n: number): Promise<number> => {
      const before = registration.asked;
      for (let tens = 0; tens < n * 6; tens++) await page.clock.runFor(10_000);
      return registration.asked - before;
    };
    const atFirst = await minutes(2);
    expect(atFirst).toBeGreaterThan(4);
    expect(await minutes(10)).toBeLessThanOrEqual(12);
    const seen = (visibilityState: string): Promise<void> =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'visibilityState', { value, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, visibilityState);
    await seen('hidden');
    expect(await minutes(10)).toBe(0);
    const asked = registration.asked;
    await seen('visible');
    await expect.poll(() => registration.asked).toBe(asked + 1);
    await visitor.press('Look now');
    await expect.poll(() => registration.asked).toBe(asked + 2);
  });
});
