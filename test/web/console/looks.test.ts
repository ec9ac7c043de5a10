import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPages, pageWeights } from '../../../src/web/build.ts';
import { temporaryFolder } from '../../support/folder.ts';
import {
  accessibilityFaults,
  launchBrowser,
  listenForFaults,
  noBrowser,
  overflowAt320,
  takePictures,
} from '../browser.ts';
import { FakeBox, right } from './fake-box.ts';
import { questionAt } from './usual-state.ts';

/** Every page of the console: how to come there, and what to wait for. In the order of a first visit. */
const views: readonly { name: string; go: (page: Page) => Promise<unknown>; until: string }[] = [
  { name: 'first-run', go: (page) => page.goto(box.origin), until: '[name=setupCode]' },
  {
    name: 'first-run-error',
    go: (page) => fill(page, { setupCode: 'WRONG', name: right.name, password: right.password }),
    until: '.field .error',
  },
  {
    name: 'recovery-code',
    go: (page) => fill(page, { setupCode: right.setupCode }),
    until: '.secret',
  },
  { name: 'passkey-offer', go: (page) => page.click('.actions .primary'), until: 'form' },
  { name: 'home', go: (page) => page.click('.actions .plain'), until: '.verdict' },
  ...[
    'services',
    'sessions',
    'approvals',
    'people',
    'apps',
    'settings',
    'updates',
    'backup',
    'audit',
    'account',
    'about',
  ].map((name) => ({
    name,
    go: (page: Page) => page.goto(`${box.origin}/#/${name}`),
    until: `.frame:has([href="#/${name}"][aria-current]) main .card`,
  })),
  {
    name: 'question',
    go: async (page) => {
      await page.goto(`${box.origin}/#/about`);
      box.ask(questionAt(box.now));
    },
    until: '.question .secret',
  },
  { name: 'logs', go: (page) => page.goto(`${box.origin}/#/logs`), until: '.log time' },
  {
    name: 'menu',
    go: async (page) => {
      await page.setViewportSize({ width: 390, height: 844 });
      await page.click('.menu .button');
    },
    until: '.side.open',
  },
  {
    name: 'confirm',
    go: async (page) => {
      await page.goto(`${box.origin}/#/sessions`);
      await page.click('.tree .button');
    },
    until: 'dialog[open]',
  },
  {
    name: 'authenticator',
    go: async (page) => {
      await page.goto(`${box.origin}/#/account`);
      await page.getByRole('button', { name: /authenticator app|Authenticator-App einrichten/ }).click();
    },
    until: '.qr',
  },
  {
    name: 'people-sessions',
    go: async (page) => {
      await page.goto(`${box.origin}/#/people`);
      await page.locator('summary').first().click();
    },
    until: 'details[open] .tree',
  },
  {
    name: 'proof',
    go: async (page) => {
      box.known.proofBy = ['password', 'passkey'];
      await page.goto(`${box.origin}/#/settings`);
      await page.click('main form .primary');
    },
    until: 'dialog[open] [name=password]',
  },
  {
    name: 'consent',
    go: (page) => page.goto(`${box.origin}/connect?client_id=https://app.example.org/`),
    until: '.origin',
  },
  {
    name: 'consent-refused',
    go: (page) => page.goto(`${box.origin}/connect?client_id=nobody`),
    until: '.notice',
  },
  {
    name: 'login',
    go: async (page) => {
      await page.goto(`${box.origin}/#/home`);
      await expect.poll(() => box.listeners).toBeGreaterThan(0);
      box.endSession();
    },
    until: '[autocomplete=current-password]',
  },
  { name: 'recover', go: (page) => page.goto(`${box.origin}/#/recover`), until: '[name=recoveryCode]' },
  {
    name: 'recover-access',
    go: async (page) => {
      await page.goto(`${box.origin}/#/recover`);
      await fill(page, { name: right.name, recoveryCode: right.recoveryCode });
    },
    until: 'fieldset [type=checkbox]',
  },
  {
    name: 'login-code',
    go: async (page) => {
      box.known.secondFactor = { on: true, totp: true, passkeys: true };
      await page.goto(`${box.origin}/#/login`);
      await fill(page, { name: right.name, password: right.password });
    },
    until: '[name=code]',
  },
  { name: 'join', go: (page) => page.goto(`${box.origin}/#/join`), until: '[name=inviteCode]' },
  {
    name: 'login-cannot-save',
    go: async (page) => {
      box.known.session.cannotSave = 'storage-full';
      await page.goto(`${box.origin}/?again#/login`);
    },
    until: '.narrow > .notice.warning',
  },
  {
    name: 'first-run-cannot-save',
    go: async (page) => {
      box.known.session = { ...box.known.session, stage: 'first-run', cannotSave: 'storage-read-only' };
      await page.goto(`${box.origin}/?once-more`);
    },
    until: '.narrow > .notice.warning',
  },
  {
    name: 'home-cannot-save',
    go: async (page) => {
      const person = { id: 'p1', name: right.name, role: 'owner' };
      box.known.session = { ...box.known.session, stage: 'in', person, cannotSave: 'storage-full' };
      const [one] = box.known.state.conditions;
      const message = 'nothing can be saved: the disk is full';
      const storage = { code: 'storage-full', message, remedy: 'free some space', since: box.now - 90_000 };
      if (one !== undefined)
        box.known.state.conditions.push({ ...one, ...storage, name: 'storage', severity: 'error' });
      await page.goto(`${box.origin}/?and-again`);
    },
    until: 'main > .notice.warning',
  },
];

const outDir = temporaryFolder();
let browser: Browser;
let box: FakeBox;

async function fill(page: Page, values: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(values)) await page.fill(`[name=${name}]`, value);
  await page.keyboard.press('Enter');
}

describe.skipIf(noBrowser !== undefined)(`every page of the console ${noBrowser ?? ''}`, () => {
  beforeAll(async () => {
    [browser] = await Promise.all([launchBrowser(), buildPages({ outDir, only: 'console' })]);
  });
  afterAll(() => browser?.close());

  describe.each(['en', 'de'] as const)('in %s', (language) => {
    let context: BrowserContext;
    let page: Page;
    let faults: string[];
    beforeAll(async () => {
      box = new FakeBox({ pages: join(outDir, 'console') });
      await box.start();
      context = await browser.newContext({ locale: language, timezoneId: 'Europe/Berlin' });
      context.setDefaultTimeout(30_000);
      faults = listenForFaults(context);
      page = await context.newPage();
    });
    afterAll(async () => {
      await context.close();
      await box.stop();
    });

    it.each(views)('$name', async ({ name, go, until }) => {
      await go(page);
      await page.locator(until).first().waitFor();
      expect(await overflowAt320(page), 'px wider than a screen of 320 px').toBe(0);
      // The other language has the same elements, and longer words.
      expect(language === 'en' ? await accessibilityFaults(page) : []).toEqual([]);
      if (language === 'en') await takePictures(page, `console-${name}`);
      expect(faults).toEqual([]);
    });
  });

  it('weighs no more than 62 kB gzipped, all of it', () => {
    expect(pageWeights(outDir).console).toBeLessThanOrEqual(62_000);
  });
});
