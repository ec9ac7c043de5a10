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

const dialog = (): Locator => page.getByRole('dialog', { name: en.proof.title });
const taken = (): string[] => box.known.taken.map(({ call }) => call);

describe.skipIf(noBrowser !== undefined)(`a person’s own account ${noBrowser ?? ''}`, () => {
  beforeAll(async () => {
    [browser] = await Promise.all([launchBrowser(), buildPages({ outDir, only: 'console' })]);
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    box = new FakeBox({ pages: join(outDir, 'console') });
    box.known.session.person = { id: 'p1', name: 'Ada', role: 'owner' };
    box.known.session = { ...box.known.session, stage: 'in', csrf: 'the-token-of-this-session' };
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

  it('is asked for when the box wants proof, and then what was asked for is done', async () => {
    box.known.proofBy = ['password'];
    await page.goto(`${box.origin}/#/settings`);
    await page.getByLabel(en.settings.name).fill('Attic');
    await page.getByRole('button', { name: en.settings.submit }).click();
    await dialog().getByLabel(en.proof.password, { exact: true }).fill('wrong');
    await page.keyboard.press('Enter');
    await dialog().getByText(sharedText.en.problems['wrong-name-or-password']).waitFor();
    expect(await dialog().getByRole('button', { name: en.proof.passkey }).count()).toBe(0);
    await dialog().getByLabel(en.proof.password, { exact: true }).fill(right.password);
    await page.keyboard.press('Enter');
    await page.getByText(en.settings.saved).waitFor();
    expect(await dialog().count()).toBe(0);
    expect(box.known.settings.name).toBe('Attic');
  });

  it('calls off what was asked for when no proof is given, and says nothing of it', async () => {
    box.known.proofBy = ['password'];
    await page.goto(`${box.origin}/#/people`);
    await page.getByRole('button', { name: en.people.removeName('Grace') }).click();
    await page.getByRole('dialog').getByRole('button', { name: en.people.remove }).click();
    await dialog().waitFor();
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
    // The question of before is there still, in front of the list with everybody on it.
    const remove = page.getByRole('dialog', { name: en.people.removeTitle('Grace') });
    expect(await remove.getByRole('alert').count()).toBe(0);
    expect(taken()).toEqual([]);
    await remove.getByRole('button', { name: en.people.remove }).click();
    await dialog().getByRole('button', { name: sharedText.en.cancel }).click();
    expect(taken()).toEqual([]);
  });

  it('sets up an authenticator app, wants its code from then on, and makes a new recovery code', async () => {
    await page.goto(`${box.origin}/#/account`);
    await page.getByRole('button', { name: en.secondFactor.totp }).click();
    await page.getByRole('img', { name: en.secondFactor.qr }).waitFor();
    await page.getByText('GEZD GNBV GY3T QOJQ').waitFor();
    const code = page.getByLabel(en.secondFactor.code);
    await code.fill('654321');
    await page.keyboard.press('Enter');
    await page.getByText(sharedText.en.problems['wrong-code']).waitFor();
    await code.fill(right.code);
    await page.keyboard.press('Enter');
    await page.getByText(en.secondFactor.onTotp).waitFor();
    await page.getByRole('button', { name: en.newRecoveryCode.make }).click();
    await page.getByText(right.recoveryCode).waitFor();

    // Proof wants it as well.
    box.known.proofBy = ['password'];
    await page.goto(`${box.origin}/#/settings`);
    await page.getByRole('button', { name: en.settings.submit }).click();
    await dialog().getByLabel(en.proof.password, { exact: true }).fill(right.password);
    await page.keyboard.press('Enter');
    await dialog().getByLabel(en.secondFactor.code).fill(right.code);
    await page.keyboard.press('Enter');
    await page.getByText(en.settings.saved).waitFor();

    await expect.poll(() => box.listeners).toBe(1);
    box.endSession();
    await page.getByLabel(en.fields.name).fill(right.name);
    await page.getByLabel(en.fields.password, { exact: true }).fill(right.password);
    await page.keyboard.press('Enter');
    // The field has the focus.
    await page.getByLabel(en.secondFactor.code).waitFor();
    await page.keyboard.type(right.code);
    await page.keyboard.press('Enter');
    await page.getByRole('navigation').first().waitFor();
  });

  it('says what else lets somebody in before the password is changed, and keeps what was ticked', async () => {
    await page.goto(`${box.origin}/#/account`);
    await page.getByLabel(en.fields.currentPassword, { exact: true }).fill(right.password);
    await page.getByLabel(en.fields.newPassword, { exact: true }).fill('another one of mine');
    await page.getByLabel(en.otherAccess.keep('My phone')).check();
    await page.getByRole('button', { name: en.account.passwordSubmit }).click();
    await page.getByText(en.account.passwordChanged).waitFor();
    expect(box.known.taken.at(-1)?.body).toMatchObject({ keep: ['passkey:k1'] });
    await page.getByRole('button', { name: en.otherAccess.keepAll }).click();
    expect(await page.getByRole('checkbox', { checked: true }).count()).toBe(5);
  });

  it('shows below each person what is signed in as them', async () => {
    await page.goto(`${box.origin}/#/people`);
    const ada = page.getByRole('listitem').filter({ hasText: 'Ada' }).first();
    await ada.locator('summary').click();
    await ada.getByRole('button', { name: en.sessions.endName('Firefox on Android') }).click();
    await page.getByRole('dialog').getByRole('button', { name: en.sessions.end }).click();
    await expect.poll(() => box.known.sessions.some(({ id }) => id === 's4')).toBe(false);
    await page.goto(`${box.origin}/#/sessions`);
    await page.getByRole('heading', { name: 'Ada', level: 2 }).waitFor();
  });

  it('asks for proof before a large file is sent', async () => {
    box.known.proofBy = ['password'];
    await page.goto(`${box.origin}/#/backup`);
    await page
      .getByLabel(en.backup.file)
      .setInputFiles({ name: 'box.backup', mimeType: 'application/octet-stream', buffer: Buffer.from('x') });
    const restore = page.locator('form', { has: page.getByLabel(en.backup.file) });
    await restore.getByLabel(en.backup.passphrase, { exact: true }).fill('a lamp beside the old harbour');
    await restore.getByRole('button', { name: en.backup.restore }).click();
    await dialog().waitFor();
    expect(taken()).toEqual([]);
    await dialog().getByLabel(en.proof.password, { exact: true }).fill(right.password);
    await page.keyboard.press('Enter');
    await page.getByText(en.backup.startingOver).waitFor();
    expect(taken()).toEqual(['POST /api/proof', 'POST /api/restore']);
  });
});
