import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { auditLimits } from '../../../src/protocol/audit-api.ts';
import { buildPages } from '../../../src/web/build.ts';
import { groupOf, ofGroup } from '../../../src/web/console/pages/audit-groups.ts';
import { secondsLeft } from '../../../src/web/console/questions.tsx';
import { consoleText } from '../../../src/web/shared/text/console.ts';
import { sharedText } from '../../../src/web/shared/text/shared.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { launchBrowser, listenForFaults, noBrowser } from '../browser.ts';
import { FakeBox } from './fake-box.ts';
import { questionAt, recordAt } from './usual-state.ts';

const { en } = consoleText;
const outDir = temporaryFolder();
let browser: Browser;
let box: FakeBox;
let context: BrowserContext;
let page: Page;
let faults: string[];

describe.skipIf(noBrowser !== undefined)(`who stands at the door ${noBrowser ?? ''}`, () => {
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

  it('appears on whatever page there is, and is let in there', async () => {
    await page.goto(`${box.origin}/#/services`);
    await ask();
    const { label, code } = questionAt(0);
    const question = page.getByRole('region', { name: en.approvals.asks(label) });
    expect(await question.locator('.secret').textContent()).toBe(code);
    await question.getByText(/^1[12]\d seconds left$/).waitFor();
    await page.goto(`${box.origin}/#/people`);
    await question.getByRole('button', { name: en.approvals.allowName(label) }).click();
    await question.waitFor({ state: 'detached' });
    expect(box.known.taken.at(-1)).toEqual({ call: 'POST /api/approvals/q1', body: { allow: true } });
  });

  it('is gone when somebody else answered, or nobody did', async () => {
    await page.goto(`${box.origin}/#/home`);
    await ask();
    const question = page.locator('.question');
    await question.waitFor();
    box.known.approvals.pending = [];
    // The word of it comes after the click.
    await question.getByRole('button', { name: en.approvals.refuse }).click();
    await question.getByText(sharedText.en.problems['not-found']).waitFor();
    box.say({ type: 'approvals' });
    await expect.poll(() => question.count()).toBe(0);
    box.ask({ ...questionAt(box.now), endsAt: box.now + 4000 });
    await question.waitFor();
    await expect.poll(() => question.count(), { timeout: 10_000 }).toBe(0);
  });

  it('can be forgotten', async () => {
    await page.goto(`${box.origin}/#/approvals`);
    await page.getByText(en.approvals.nobody).waitFor();
    await ask();
    const { label } = questionAt(0);
    await page.getByRole('button', { name: en.approvals.refuseName(label) }).click();
    const forget = page.getByRole('button', { name: en.approvals.forgetName(label) });
    await forget.click();
    await page.getByText(en.approvals.forgetRefused).waitFor();
    await page.getByRole('dialog').getByRole('button', { name: en.approvals.forget }).click();
    await forget.waitFor({ state: 'detached' });
    expect(box.known.approvals.remembered.map(({ id }) => id)).toEqual(['a1', 'a2']);
  });

  it('is nothing that members are told', async () => {
    box.known.session.person = { id: 'p2', name: 'Grace', role: 'member' };
    box.known.approvals.pending.push(questionAt(box.now));
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(`${box.origin}/#/approvals`);
    await page.getByRole('heading', { level: 1, name: en.home.title }).waitFor();
    await expect.poll(() => box.listeners).toBe(1);
    box.say({ type: 'approvals' });
    box.say({ type: 'state' });
    await expect.poll(() => asked.filter((url) => url.endsWith('/api/state')).length).toBe(2);
    expect(asked.filter((url) => url.includes('approvals'))).toEqual([]);
  });

  it('stands in the record, of which some can be looked for, and older ones', async () => {
    box.known.audit = recordAt(box.now, auditLimits.page + 50);
    const all = box.known.audit.length;
    await page.goto(`${box.origin}/#/audit`);
    const entries = page.locator('.record > li');
    await expect.poll(() => entries.count()).toBe(auditLimits.page);
    await page.getByRole('button', { name: en.audit.older }).click();
    await expect.poll(() => entries.count()).toBe(all);
    await page.getByLabel(en.audit.show).selectOption('refused');
    await expect.poll(() => entries.count()).toBe(ofGroup(box.known.audit, 'refused').length);
    await page.getByText(en.audit.actions['login-failed']('Ada', '')).waitFor();
    expect(await page.getByRole('button', { name: en.audit.older }).count()).toBe(0);
  });
});

async function ask(): Promise<void> {
  await expect.poll(() => box.listeners).toBe(1);
  box.ask(questionAt(box.now));
}

it('puts every deed of the record into one group', () => {
  const groups = Object.groupBy(recordAt(0), ({ action }) => groupOf(action));
  expect(groups.refused?.map(({ action }) => action)).toEqual([
    'login-failed',
    'credential-replayed',
    'credential-refused',
  ]);
  expect(groups.requests?.length).toBe(4);
  expect(groups.all).toBeUndefined();
});

it('counts what is left by the clock of the box, whatever that of the page says', () => {
  const boxNow = Date.UTC(2026, 0, 1);
  const known = { now: boxNow, at: 5000, pending: [], remembered: [] };
  const question = questionAt(boxNow - 30_000);
  expect(secondsLeft(question, known, 5000)).toBe(90);
  expect(secondsLeft(question, known, 65_000)).toBe(30);
  expect(secondsLeft(question, known, 1_000_000)).toBe(0);
});
