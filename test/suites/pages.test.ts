import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { listPage, problemPage } from '../../src/cli/find/proxy-pages.ts';
import { errorPage } from '../../src/box/auth/oauth/error-page.ts';
import { statusPage } from '../../src/box/web/status-page.ts';
import { createTestCa } from '../../src/cli/home/test-ca.ts';
import { Problem } from '../../src/kit/runtime/errors.ts';
import { createHttpsApp, HttpsService } from '../../src/kit/http/http-server.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import { plainPageHeaders } from '../../src/kit/http/plain-page.ts';
import { buildPagesIfOlder } from '../browser/built-pages.ts';
import { htmlFaults } from '../support/html.ts';
import { accessibilityFaults, launchBrowser, noBrowser, overflowAt320 } from '../web/browser.ts';

const gone = new Problem('box-away', 'the box does not answer', { status: 502 });
const condition = { name: 'web', message: 'it <works>', remedy: 'wait', since: 0 };
const conditions = (['ok', 'warning', 'error'] as const).map((severity) => ({ ...condition, severity }));
const urls: [string, string][] = [['main', 'https://x.test/']];
const status = {
  selfSigned: true,
  through: 'home',
  cannotSave: true,
  details: { urls, conditions },
} as const;

/** Every page that is made in TypeScript, not built. */
const made: Record<string, () => string> = {
  'the state, at home': () => statusPage({ ...status, known: { name: 'Our <box>', boxId: 'abc' } }),
  'the state, to strangers': () =>
    statusPage({
      known: undefined,
      selfSigned: false,
      through: 'tunnel',
      cannotSave: true,
      details: undefined,
    }),
  'not connected': () => errorPage(gone, 'Our <box>'),
  'no boxes on this network': () => listPage([], 'no box was found'),
  'a box that cannot be opened': () => problemPage('http://find.localhost:1', gone),
};

describe('pages as html-validate sees them', () => {
  it.each(['app', 'console'])('the built %s', async (page) => {
    buildPagesIfOlder();
    const path = join(import.meta.dirname, '../../dist/web', page, 'index.html');
    expect(await htmlFaults(readFileSync(path, 'utf8'))).toEqual([]);
  });

  it.each(Object.keys(made))('%s', async (which) => {
    expect(await htmlFaults(made[which]?.() ?? '')).toEqual([]);
  });
});

describe.skipIf(noBrowser !== undefined)(`pages as axe sees them in Chromium ${noBrowser ?? ''}`, () => {
  // They differ in their words alone; test/kit/http/refusal.test.ts has all of them.
  const statuses = [404, 429, 502];
  let service: HttpsService;
  let browser: Browser;

  beforeAll(async () => {
    const ca = await createTestCa();
    const { keyPem, certPem } = await ca.issue(['localhost']);
    service = new HttpsService({
      name: 'tested',
      host: '127.0.0.1',
      port: 0,
      setting: 'tested.port',
      build: async () => {
        const tls = { key: keyPem, cert: certPem };
        const app = createHttpsApp({ log: silentLog, tls, bodyLimit: 1000, home: '/' });
        for (const code of statuses)
          app.get(`/${code}`, async () => {
            throw new Problem('some-code', 'this is why', { status: code, retryAfterSeconds: 3 });
          });
        for (const [which, page] of Object.entries(made))
          app.get(`/${encodeURIComponent(which)}`, async (_request, reply) =>
            reply.headers(plainPageHeaders).send(page()),
          );
        return app;
      },
    });
    await service.start();
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await service.stop();
  });

  it.each([...statuses.map(String), ...Object.keys(made).map(encodeURIComponent)])(
    '/%s has no faults, no fault of its policy, and fits a small screen',
    async (path) => {
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const page = await context.newPage();
      const said: string[] = [];
      page.on('console', (message) => said.push(message.text()));
      await page.goto(`https://127.0.0.1:${service.port}/${path}`);
      expect(said.filter((text) => /policy/i.test(text))).toEqual([]);
      expect(await page.evaluate<string>("getComputedStyle(document.querySelector('main')).maxWidth")).toBe(
        '704px',
      );
      await context.close();
      // What looks at it needs a script of its own.
      const looking = await browser.newContext({ ignoreHTTPSErrors: true, bypassCSP: true });
      const looked = await looking.newPage();
      await looked.goto(`https://127.0.0.1:${service.port}/${path}`);
      expect(await accessibilityFaults(looked)).toEqual([]);
      expect(await overflowAt320(looked)).toBe(0);
      await looking.close();
    },
  );
});
