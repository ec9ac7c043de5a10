import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UpdateState } from '../../../src/protocol/update-api.ts';
import { buildPages } from '../../../src/web/build.ts';
import { consoleText } from '../../../src/web/shared/text/console.ts';
import { sharedText } from '../../../src/web/shared/text/shared.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { accessibilityFaults, launchBrowser, listenForFaults, noBrowser, takePictures } from '../browser.ts';
import { FakeBox, right } from './fake-box.ts';

const { updates: t } = consoleText.en;
const outDir = temporaryFolder();
let browser: Browser;
let box: FakeBox;
let context: BrowserContext;
let page: Page;
let faults: string[];

/** The box has something new to say. */
function becomes(change: Partial<UpdateState>): void {
  box.known.update = { ...box.known.update, ...change };
  box.say({ type: 'state' });
}
const button = (name: string) => page.getByRole('button', { name });
const text = (words: string): Promise<void> => page.getByText(words).first().waitFor();

describe.skipIf(noBrowser !== undefined)(`the page of updates ${noBrowser ?? ''}`, () => {
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
    await page.goto(box.origin);
    await page.fill('[name=setupCode]', right.setupCode);
    await page.fill('[name=name]', right.name);
    await page.fill('[name=password]', right.password);
    await page.click('form .primary');
    await page.click('.actions .primary');
    await page.click('.actions .plain');
    await page.goto(`${box.origin}/#/updates`);
    await page.getByText(t.version('1.3.2')).waitFor();
  });
  afterEach(async () => {
    await context.close();
    await box.stop();
    // oxlint-disable-next-line vitest/no-standalone-expect -- of every test: none of them may leave such a thing behind
    expect(faults, 'errors of scripts, and what the content security policy refused').toEqual([]);
  });

  it('shows what there is, and an installation as it goes, up to the restart', async () => {
    await text(t.newer('1.4.0'));
    await text('Two faults of the list of people are mended.');
    await button(t.install('1.4.0')).click();
    await text(t.phases.downloading('1.4.0'));
    becomes({ progress: 37 });
    await expect.poll(() => page.getByRole('progressbar').getAttribute('value')).toBe('37');
    await takePictures(page, 'updates-downloading');
    becomes({ phase: 'installing', progress: 60 });
    await text(t.phases.installing('1.4.0'));
    becomes({
      phase: 'awaiting-reboot',
      target: '1.4.0',
      progress: null,
      restartsAt: Date.UTC(2030, 0, 5, 2, 14),
    });
    await text('5 Jan 2030');
    await takePictures(page, 'updates-waiting');
    await button(t.restart).click();
    await page.getByRole('dialog').getByText(t.restartText('1.4.0')).waitFor();
    await page.getByRole('dialog').getByRole('button', { name: t.restart }).click();
    await text(t.restarting);
    becomes({ phase: 'trial', version: '1.4.0', slot: 'B', target: null, available: null, restartsAt: null });
    await text(t.phases.trial());
    becomes({ phase: 'idle' });
    await text(t.newest);
  });

  it('says in words what failed, and what was taken back', async () => {
    becomes({
      phase: 'failed',
      trouble: { code: 'install-failed', message: 'RAUC could not write the release: the card is worn out' },
      takenBack: { version: '1.3.9', reason: 'web: the port cannot be opened', at: Date.now() },
    });
    await text('the card is worn out');
    await text('web: the port cannot be opened');
    expect(await accessibilityFaults(page)).toEqual([]);
    await takePictures(page, 'updates-rolled-back');
  });

  it('is paused and set to a channel', async () => {
    await page.getByLabel(t.off).check();
    await page.getByLabel(t.beta).check();
    await button(t.save).click();
    await text(t.saved);
    expect(box.known.taken.at(-1)).toMatchObject({
      call: 'PUT /api/update/settings',
      body: { channel: 'beta', paused: true },
    });
  });

  it('sends a bundle from this computer, and says what is wrong with it', async () => {
    const choose = (content: string): Promise<void> =>
      page.setInputFiles('[name=bundle]', {
        name: 'porchlight.raucb',
        mimeType: 'application/octet-stream',
        buffer: Buffer.from(content),
      });
    await button(t.send).click();
    await text(sharedText.en.missing);
    await choose('by a stranger');
    await button(t.send).click();
    await text(sharedText.en.problems['bundle-refused']);
    await choose('signed by the vendor');
    await page.getByLabel(t.older).check();
    await button(t.send).click();
    await text(t.phases.installing('1.5.0'));
    expect(box.known.taken.at(-1)?.call).toBe('PUT /api/update/bundle?allowDowngrade=true');
  });

  it('says it when the box is no appliance', async () => {
    becomes({ phase: 'not-an-appliance', slot: null, available: null });
    await text(t.notAnAppliance);
    expect(await page.locator('form').count()).toBe(1);
  });

  it('finds the box again after a restart', async () => {
    becomes({ phase: 'awaiting-reboot', target: '1.4.0' });
    await button(t.restart).click();
    await page.getByRole('dialog').getByRole('button', { name: t.restart }).click();
    await text(t.restarting);
    becomes({ phase: 'idle', version: '1.4.0', slot: 'B', target: null, available: null });
    await text(t.version('1.4.0'));
    expect(await page.getByText(t.restarting).count()).toBe(0);
  });
});
