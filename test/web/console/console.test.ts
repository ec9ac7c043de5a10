import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildPages } from '../../../src/web/build.ts';
import { consoleText } from '../../../src/web/shared/text/console.ts';
import { sharedText } from '../../../src/web/shared/text/shared.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { launchBrowser, listenForFaults, noBrowser } from '../browser.ts';
import { FakeBox, right } from './fake-box.ts';

const { en } = consoleText;
const outDir = temporaryFolder();
let browser: Browser;
let box: FakeBox;
let context: BrowserContext;
let page: Page;
let faults: string[];

describe.skipIf(noBrowser !== undefined)(`the console ${noBrowser ?? ''}`, () => {
  beforeAll(async () => {
    [browser] = await Promise.all([launchBrowser(), buildPages({ outDir, only: 'console' })]);
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    box = new FakeBox({ pages: join(outDir, 'console') });
    await box.start();
    context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin' });
    context.setDefaultTimeout(30_000);
    faults = listenForFaults(context);
    page = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    await box.stop();
    // oxlint-disable-next-line vitest/no-standalone-expect -- of every test: none of them may leave such a thing behind
    expect(faults, 'errors of scripts, and what the content security policy refused').toEqual([]);
  });

  it('makes an owner, with the keyboard alone', async () => {
    await page.goto(box.origin);
    await page.getByRole('heading', { name: en.firstRun.title }).waitFor();
    const { keyboard } = page;
    const tab = (): Promise<void> => keyboard.press('Tab');
    await tab();
    await keyboard.press('Enter');
    // Nothing was typed: the first empty field has the focus, and says so.
    await expect.poll(() => focused(page)).toMatchObject({ name: 'setupCode', says: sharedText.en.missing });
    await keyboard.type('AAAA-BBBB');
    await tab();
    await keyboard.type(right.name);
    await tab();
    await keyboard.type('short');
    await keyboard.press('Enter');
    const wrongCode = sharedText.en.problems['wrong-setup-code'];
    await expect.poll(() => focused(page)).toMatchObject({ name: 'setupCode', says: wrongCode });
    await keyboard.press('Control+a');
    await keyboard.type(right.setupCode);
    await keyboard.press('Enter');
    const tooShort = sharedText.en.passwordRefusals['too-short'];
    await expect.poll(() => focused(page)).toMatchObject({ name: 'password', says: tooShort });
    await keyboard.press('Control+a');
    await keyboard.type(right.password);
    await keyboard.press('Enter');

    await expect.poll(() => focused(page)).toMatchObject({ text: en.recovery.title });
    expect(await page.locator('.secret').textContent()).toBe(right.recoveryCode);
    for (let presses = 0; presses < 3; presses++) await tab();
    expect(await focused(page)).toMatchObject({ text: en.recovery.done });
    await keyboard.press('Enter');
    await expect.poll(() => focused(page)).toMatchObject({ text: en.passkeyOffer.title });
    await tab();
    await tab();
    await keyboard.press('Enter');
    await expect.poll(() => focused(page)).toMatchObject({ text: en.home.title });
    // The way past the navigation.
    await page.reload();
    await page.getByText(en.home.look(1)).waitFor();
    await tab();
    await keyboard.press('Enter');
    expect(await focused(page)).toMatchObject({ id: 'content' });
  });

  it('goes to the login at once when the session is ended, and comes in again with the keyboard', async () => {
    await signIn();
    await page.getByText(en.home.look(1)).waitFor();
    await expect.poll(() => box.listeners).toBe(1);
    box.endSession();
    await page.getByText(en.signIn.ended).waitFor();
    expect(await focused(page)).toMatchObject({ text: en.signIn.title });
    await page.keyboard.press('Tab');
    await page.keyboard.type(right.name);
    await page.keyboard.press('Tab');
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    const wrong = sharedText.en.problems['wrong-name-or-password'];
    await expect.poll(() => focused(page)).toMatchObject({ name: 'password', says: wrong });
    await page.keyboard.press('Control+a');
    await page.keyboard.type('too often');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText(sharedText.en.waitSeconds(30)).waitFor();
    await page.keyboard.press('Control+a');
    await page.keyboard.type(right.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: en.home.title, exact: true }).waitFor();
  });

  it('cannot be made somebody’s own through the tunnel', async () => {
    box.known.session = { ...box.known.session, through: 'tunnel' };
    await page.goto(box.origin);
    await page.getByText(en.firstRun.tunnel).waitFor();
    expect(await page.getByRole('textbox').count()).toBe(0);
  });

  it('lets a forgotten password and an invitation in, each with a new recovery code', async () => {
    for (const [link, field, code] of [
      [en.signIn.forgot, en.fields.recoveryCode, right.recoveryCode],
      [en.signIn.invited, en.fields.inviteCode, 'JOIN-CODE'],
    ] as const) {
      box.endSession();
      await page.goto(`${box.origin}/#/login`);
      await page.reload();
      await page.getByRole('link', { name: link }).click();
      const name = page.getByLabel(en.fields.name);
      if (link === en.signIn.forgot) await name.fill(right.name);
      await page.getByLabel(field).fill('NOT-THIS');
      const password = page.getByLabel(en.fields.newPassword, { exact: true });
      if (link === en.signIn.invited) await password.fill(right.password);
      await page.keyboard.press('Enter');
      await page.locator('[aria-invalid=true]').waitFor();
      await page.getByLabel(field).fill(code);
      await page.keyboard.press('Enter');
      if (link === en.signIn.forgot) {
        await password.fill(right.password);
        await page.getByLabel(en.otherAccess.keep('My phone')).check();
        await page.getByRole('button', { name: en.recover.submit }).click();
      }
      await expectToSee(page.getByText(right.recoveryCode));
      expect(new URL(page.url()).hash).toBe('#/');
      // The next time they come to the sign-in, not to the door they came through.
      await page.getByRole('button', { name: en.recovery.done }).click();
      if (link === en.signIn.invited) await page.getByRole('button', { name: en.passkeyOffer.later }).click();
      await page.getByText(en.home.look(1)).waitFor();
      await expect.poll(() => box.listeners).toBe(1);
      box.endSession();
      await expectToSee(page.getByText(en.signIn.ended));
    }
  });

  it('comes in with a passkey that was added before', async () => {
    const authenticator = await context.newCDPSession(page);
    await authenticator.send('WebAuthn.enable');
    const { authenticatorId } = await authenticator.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
      },
    });
    await signIn();
    await visit('account');
    await page.getByLabel(en.account.passkeyName).fill('My key');
    await page.getByRole('button', { name: en.account.passkeyAdd }).click();
    await page.getByText(en.account.passkeyAdded).waitFor();
    await page.getByRole('button', { name: en.account.removeName('My key') }).waitFor();
    await page.getByRole('button', { name: en.nav.signOut }).click();
    await page.getByRole('button', { name: en.signIn.passkey }).click();
    await expectToSee(page.getByRole('heading', { name: en.account.title, exact: true }));

    // One the box does not know, and then none at all.
    box.known.passkeys = [];
    await expect.poll(() => box.listeners).toBe(1);
    box.endSession();
    await page.getByRole('button', { name: en.signIn.passkey }).click();
    await expectToSee(page.getByText(sharedText.en.problems['passkey-refused']));
    await authenticator.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    await authenticator.send('WebAuthn.clearCredentials', { authenticatorId });
    await page.getByRole('button', { name: en.signIn.passkey }).click();
    await expectToSee(page.getByText(sharedText.en.problems['passkey-not-used']));
  });

  it('asks before it lets an app in, by the name of its origin', async () => {
    const query = 'client_id=https://app.example.org/&redirect_uri=https://app.example.org/&state=s';
    await page.goto(`${box.origin}/connect?${query}`);
    box.endSession();
    await page.reload();
    await page.getByText(en.signIn.forApp).waitFor();
    await page.getByLabel(en.fields.name).fill(right.name);
    await page.getByLabel(en.fields.password, { exact: true }).fill(right.password);
    await page.keyboard.press('Enter');
    await page.getByText('https://app.example.org', { exact: true }).waitFor();
    await page.getByRole('button', { name: en.consent.allow, exact: true }).click();
    await page.waitForURL(/code=once/);
    const [sent] = box.known.taken;
    expect(sent).toMatchObject({ call: 'POST /api/connect', body: { allow: true, state: 's' } });

    await page.goto(`${box.origin}/connect?${query}`);
    await page.getByRole('button', { name: en.consent.deny }).click();
    await page.waitForURL(/error=access_denied/);

    // Whoever presses the other one before the first is answered is answered once.
    await page.goto(`${box.origin}/connect?${query}`);
    const before = box.known.taken.length;
    const held = Promise.withResolvers<void>();
    await page.route('**/api/connect', async (route) => (await held.promise, route.continue()));
    await page.getByRole('button', { name: en.consent.deny }).click();
    await page.getByRole('button', { name: en.consent.allow, exact: true }).click();
    held.resolve();
    await page.waitForURL(/error=access_denied/);
    await page.unroute('**/api/connect');
    expect(box.known.taken.slice(before)).toMatchObject([{ body: { allow: false } }]);

    await page.goto(`${box.origin}/connect?client_id=https://evil.example/`);
    await page.getByText(sharedText.en.problems['app-not-allowed']).waitFor();
    await page.getByRole('link', { name: en.consent.addApp }).click();
    await page.getByRole('heading', { name: en.apps.title, exact: true }).waitFor();
  });

  it('changes people, sessions, apps and settings', async () => {
    await signIn();
    await visit('people');
    await page.getByLabel(en.people.name).fill('Grace');
    await page.getByRole('button', { name: en.people.invite }).click();
    await page.getByText(sharedText.en.problems['name-taken']).waitFor();
    await page.getByLabel(en.people.name).fill('Niklaus');
    await page.getByRole('button', { name: en.people.invite }).click();
    await page.getByText('JOIN-CODE').waitFor();
    await page.getByRole('button', { name: en.people.removeName('Niklaus') }).waitFor();

    await visit('sessions');
    const end = page.getByRole('button', { name: en.sessions.endName('Firefox on Android') });
    await end.click();
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    // Nothing is ended, and the person is where they were.
    await expect
      .poll(() => focused(page))
      .toMatchObject({ label: en.sessions.endName('Firefox on Android') });
    await end.click();
    await page.getByRole('dialog').getByRole('button', { name: en.sessions.end }).click();
    await end.waitFor({ state: 'detached' });
    expect(box.known.sessions.map(({ id }) => id)).toEqual(['s1', 's2', 's3', 's5', 's6', 's7', 's8']);

    await visit('apps');
    await page.getByLabel(en.apps.name).fill('Recipes');
    await page.getByLabel(en.apps.clientId).fill('recipes');
    await page.getByLabel(en.apps.redirectUris).fill('https://r.example/a  https://r.example/b');
    await page.getByRole('button', { name: en.apps.addSubmit }).click();
    await page.getByRole('button', { name: en.apps.removeName('Recipes') }).waitFor();
    expect(box.known.apps[1]?.redirectUris).toEqual(['https://r.example/a', 'https://r.example/b']);
    // What another owner has put on the list meanwhile stays there.
    const music = { clientId: 'music', name: 'Music', redirectUris: ['https://m.example/'] };
    box.known.apps.push(music);
    await page.getByRole('button', { name: en.apps.removeName('Recipes') }).click();
    await page.getByRole('dialog').getByRole('button', { name: en.apps.remove }).click();
    await page.getByRole('button', { name: en.apps.removeName('Music') }).waitFor();
    expect(box.known.apps.slice(1)).toEqual([music]);

    await visit('settings');
    await page.getByLabel(en.settings.name).fill('Attic');
    await page.getByLabel(en.settings.window).check();
    await page.getByRole('button', { name: en.settings.submit }).click();
    await page.getByText(en.settings.saved).waitFor();
    await page.getByRole('banner').getByText('Attic').waitFor();
    expect(box.known.taken.at(-1)?.body).toEqual({
      name: 'Attic',
      tunnel: true,
      discovery: { forMinutes: 15 },
    });
    // The language of the page, chosen once for all visits.
    await page.getByLabel(sharedText.en.language).first().selectOption('de');
    await page.reload();
    await page.getByRole('heading', { name: consoleText.de.settings.title }).waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe('de');
    await page.getByRole('button', { name: consoleText.de.nav.signOut }).click();
    await page.getByRole('heading', { name: consoleText.de.signIn.title }).waitFor();
    expect(await page.getByText(consoleText.de.signIn.ended).count()).toBe(0);
  });

  it('follows the log, and shows the state anew when the box says so', async () => {
    await signIn();
    await visit('logs');
    await page.getByText('7 lines').waitFor();
    box.known.logs.push({ seq: 8, time: box.now, level: 'info', part: 'web', message: 'somebody is here' });
    await page.getByText('somebody is here').waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: en.logs.download }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^porchlight-living-room-[\d-]+\.log$/);
    await visit('home');
    await page.getByText(en.home.look(1)).waitFor();
    box.known.state = { ...box.known.state, conditions: [] };
    await expect.poll(() => box.listeners).toBe(1);
    box.say({ type: 'state' });
    await page.getByText(en.home.allGood).waitFor();
  });

  it('shows a member what members may see', async () => {
    box.known.session.person = { id: 'p2', name: 'Grace', role: 'member' };
    box.known.session = { ...box.known.session, stage: 'in' };
    await page.goto(`${box.origin}/#/logs`);
    await page.getByText(en.home.look(1)).waitFor();
    expect(await page.getByRole('navigation').getByRole('link').count()).toBe(5);
  });

  it('says so when the box does not answer, and goes on when it does again', async () => {
    await context.route('**/api/session', (route) => route.abort());
    await page.goto(box.origin);
    await page.getByText(sharedText.en.problems.unreachable).waitFor();
    await context.unroute('**/api/session');
    await page.getByRole('button', { name: sharedText.en.again }).click();
    await expectToSee(page.getByRole('heading', { name: en.firstRun.title }));
  });
});

async function signIn(): Promise<void> {
  box.endSession();
  await page.goto(box.origin);
  await page.getByLabel(en.fields.name).fill(right.name);
  await page.getByLabel(en.fields.password, { exact: true }).fill(right.password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: en.home.title, exact: true }).waitFor();
}

async function expectToSee(what: Locator): Promise<void> {
  await expect.poll(() => what.isVisible()).toBe(true);
}

async function visit(name: keyof typeof en.nav): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: en.nav[name], exact: true }).click();
  await page.getByRole('heading', { level: 1, name: en.nav[name], exact: true }).waitFor();
}

/** What has the focus, as a screen reader would say it. */
async function focused(where: Page): Promise<Record<string, string | null>> {
  return where.evaluate(() => {
    const element = document.activeElement;
    const described = element?.getAttribute('aria-describedby')?.split(' ') ?? [];
    const error = described.find((id) => id.endsWith('-error')) ?? '';
    return {
      id: element?.id ?? null,
      name: element?.getAttribute('name') ?? null,
      label: element?.getAttribute('aria-label') ?? null,
      text: element?.textContent ?? null,
      says: document.getElementById(error)?.textContent ?? null,
    };
  });
}
