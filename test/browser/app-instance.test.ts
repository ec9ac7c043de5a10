import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { build, type Rolldown } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noBrowser } from '../web/browser.ts';
import { House } from './house.ts';
import type * as InstancePage from './instance-page.ts';

const nameInPage = 'porchlight';
const needed: readonly (keyof typeof InstancePage)[] = [
  'AppInstance',
  'browserStoreKey',
  'PorchlightMailbox',
  'sealedStore',
  'webStore',
];

/** The SDK as one script that a page can be given. */
async function bundled(): Promise<string> {
  const lib = {
    entry: join(import.meta.dirname, 'instance-page.ts'),
    formats: ['iife' as const],
    name: nameInPage,
  };
  const made = await build({ configFile: false, logLevel: 'silent', build: { write: false, lib } });
  const [output] = [made].flat() as Rolldown.RolldownOutput[];
  return output?.output[0].code ?? '';
}

describe.skipIf(noBrowser !== undefined)(`an app instance in a browser ${noBrowser ?? ''}`, () => {
  let house: House;
  let context: BrowserContext | undefined;
  let page: Page;

  beforeAll(async () => {
    house = await House.start({ unclaimed: false });
    const first = await house.person();
    // The page stands for another app than ours, with a policy of its own.
    context = await first.context.browser()?.newContext({ bypassCSP: true });
    if (context === undefined) throw new Error('there is no browser');
    page = await context.newPage();
    await page.goto(house.home.appUrl);
    await page.addScriptTag({ content: await bundled() });
  }, 60_000);
  afterAll(async () => {
    await context?.close();
    await house?.close();
  });

  /** Runs `script` where `app` is the instance, and answers what it does. */
  const inPage = (script: string): Promise<unknown> => {
    const options = {
      origin: house.origins.tunnel,
      boxId: house.box.facts.identity.boxId,
      deviceId: 'browser-1',
      label: 'Party',
    };
    const mailbox = `https://localhost:${house.ports.mailbox}`;
    return page.evaluate(`(async () => {
      const { ${needed.join(', ')} } = ${nameInPage};
      const store = sealedStore(webStore(localStorage), await browserStoreKey(indexedDB));
      const mailbox = new PorchlightMailbox({ origin: '${mailbox}' });
      const app = new AppInstance({ ...${JSON.stringify(options)}, mailbox, store });
      await app.open();
      return (async () => { ${script} })();
    })()`);
  };

  it('is let in through the mailbox and the tunnel, and is the same after the page was loaded again', async () => {
    const first = await inPage('return app.whoAmI();');
    expect(first).toMatchObject({ boxName: 'Home on one machine', person: null });
    await page.reload();
    await page.addScriptTag({ content: await bundled() });
    expect(await inPage('return app.whoAmI();')).toEqual(first);
    const kept = await page.evaluate('JSON.stringify(localStorage)');
    expect(kept).toContain('instance:');
    expect(kept).not.toContain('hmacSecret');
  });

  it('acts for nobody unasked, and is told so in words that a page can read', async () => {
    const answer = inPage(
      `const answer = await app.fetch('/api/me'); return [answer.status, (await answer.json()).code];`,
    );
    expect(await answer).toEqual([403, 'not-linked']);
    const sealed = `const answer = await app.fetch('/api/instance/ask', { method: 'POST', body: { wait: -1 }, sealed: true });
      return [answer.status, (await answer.json()).code];`;
    expect(await inPage(sealed)).toEqual([400, 'bad-request']);
  });

  it('leaves', async () => {
    expect(await inPage('await app.leave(); return Object.keys(localStorage).length;')).toBe(0);
  });
});
