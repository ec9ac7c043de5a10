import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent } from '../../src/agent/agent.ts';
import { Accounts } from '../../src/cli/agent/accounts.ts';
import { pair } from '../../src/cli/agent/pair.ts';
import { PairedAccount } from '../../src/cli/agent/paired-account.ts';
import { targetOf } from '../../src/cli/agent/target.ts';
import { RememberedBoxes } from '../../src/client/index.ts';
import { folderStore } from '../../src/client/node/folder-store.ts';
import { nodeRuntime } from '../../src/client/node/node-runtime.ts';
import { agentLink } from '../../src/protocol/constants.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { silentLog } from '../../src/kit/log.ts';
import { temporaryFolder } from '../support/folder.ts';
import { accessibilityFaults, noBrowser, overflowAt320, takePictures } from '../web/browser.ts';
import { logIn } from './connecting.ts';
import { House } from './house.ts';

/**
 * A person at their computer, whose agent lends its session to the browser there. The app comes from the internet, and the
 * browser asks before it may speak to this computer.
 */
describe.skipIf(noBrowser !== undefined)(`a computer with an agent ${noBrowser ?? ''}`, () => {
  const base = temporaryFolder();
  const folder = join(base, 'agent');
  const store = folderStore(folder);
  let house: House;
  let runtime: ReturnType<typeof nodeRuntime>;
  let accounts: Accounts;
  let agent: Agent;
  const told: string[] = [];
  let context: BrowserContext;
  let page: Page;

  const text = (words: string): Promise<void> =>
    page.getByText(words, { exact: true }).waitFor({ timeout: 40_000 });
  const signIn = (): Promise<void> =>
    page.getByRole('button', { name: /^Sign in with this computer/ }).click();
  const home = () => {
    const boxes = new RememberedBoxes(store, runtime);
    const registration = `https://registration.localhost:${house.ports.registration}`;
    return { folder, store, boxes, runtime, registration, clock: systemClock, log: silentLog };
  };

  beforeAll(async () => {
    house = await House.start({ unclaimed: false, apart: true });
    runtime = nodeRuntime({ caPem: readFileSync(house.home.caPath, 'utf8') });
    ({ context, page } = await house.person());
  }, 60_000);
  afterAll(async () => {
    await agent?.stop();
    await accounts?.stop();
    await runtime?.close();
    await house?.close();
  });

  it('is paired by the box asking its owner in a browser, which comes back to loopback', async () => {
    const owner = await house.person();
    const target = await targetOf(`${house.origins.main}/#/home`, home());
    const opened = Promise.withResolvers<string>();
    const paired = pair({ ...home(), target, openBrowser: opened.resolve });
    await owner.page.goto(await opened.promise);
    await logIn(house, owner.page);
    const allow = owner.page.getByRole('button', { name: 'Allow', exact: true });
    await allow.waitFor();
    await takePictures(owner.page, 'agent-consent');
    await allow.click();
    await owner.page.getByText('This computer is known to the box now.').waitFor();
    expect(await paired).toMatchObject({ id: house.box.facts.identity.boxId });
    await owner.context.close();

    accounts = new Accounts(home());
    agent = new Agent({
      folder: base,
      port: 0,
      uid: process.getuid?.(),
      boxes: accounts,
      origins: [],
      deviceName: 'desk',
      platform: 'linux',
      pageHours: 12,
      person: { allows: async () => true, tell: ({ origin }) => told.push(origin) },
      clock: systemClock,
      log: silentLog,
    });
    await accounts.start();
    await agent.start();
    expect(accounts.all()[0]?.view?.origins).toEqual([house.origins.app]);
  });

  it('breaks nothing where the browser lets the page reach none', async () => {
    const links: string[] = [];
    page.on('request', (request) => request.url().startsWith('porchlight:') && links.push(request.url()));
    await page.goto(house.origins.app);
    await page.getByRole('button', { name: /^Sign in with this computer/ }).waitFor();
    await takePictures(page, 'agent-offered');
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(await overflowAt320(page)).toBe(0);
    await signIn();
    await page.getByText(/^No Porchlight agent answers on this computer/).waitFor({ timeout: 60_000 });
    await takePictures(page, 'agent-not-found');
    expect(links).toEqual([agentLink]);
    expect(told).toEqual([]);
    await page.getByRole('button', { name: /^Connect to / }).waitFor();
  });

  it('signs the page in with one click', async () => {
    await context.grantPermissions(['local-network-access'], { origin: house.origins.app });
    // In this one the browser asks whether the link that starts an agent may be opened, and waits for the person.
    await page.close();
    page = await context.newPage();
    await page.goto(house.origins.app);
    await signIn();
    await text('Everything works.');
    await takePictures(page, 'agent-signed-in');
    expect(told).toEqual([house.origins.app]);
    await page.reload();
    await text('Everything works.');
  });

  it('signs the page in again where it signed out', async () => {
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await text('You are signed out here.');
    await takePictures(page, 'agent-signed-out');
    await signIn();
    await text('Everything works.');
  });

  it('takes the page along when it logs out', async () => {
    const [box] = await home().boxes.list();
    if (box === undefined) throw new Error('the agent knows no box');
    const account = new PairedAccount({ ...home(), box });
    await account.logOut();
    await account.close();
    await text('The box has ended this session.');
    await signIn();
    await page.getByText(/^No Porchlight agent answers on this computer/).waitFor({ timeout: 60_000 });
  });
});
