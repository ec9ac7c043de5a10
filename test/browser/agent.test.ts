import { type ChildProcess, spawn } from '../support/programs.ts';
import { once } from 'node:events';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentLink } from '../../src/protocol/constants.ts';
import { temporaryFolder } from '../support/folder.ts';
import { soon } from '../support/soon.ts';
import { accessibilityFaults, noBrowser, overflowAt320, takePictures } from '../web/browser.ts';
import { signIn as signInByPassword } from './connecting.ts';
import { House } from './house.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');

/** `porchlight agent …` in a process of its own. */
class Program {
  said = '';
  readonly ended: Promise<unknown>;
  readonly #child: ChildProcess;
  #heard = Promise.withResolvers<void>();

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [main, 'agent', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // No browser but the test's is opened.
      env: { ...process.env, PATH: '/nowhere' },
    });
    for (const pipe of [this.#child.stdout, this.#child.stderr])
      pipe?.on('data', (chunk: Buffer) => this.#hear(chunk.toString()));
    this.ended = once(this.#child, 'close').then(([code]) => code as unknown);
  }

  /** What the first group of `pattern` is, once it is said. */
  async says(pattern: RegExp): Promise<string> {
    for (let found = pattern.exec(this.said); ; found = pattern.exec(this.said)) {
      if (found !== null) return found[1] ?? '';
      await Promise.race([this.#heard.promise, this.ended.then(() => Promise.reject(new Error(this.said)))]);
    }
  }

  #hear(text: string): void {
    this.said += text;
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
  }

  async stop(): Promise<unknown> {
    this.#child.kill('SIGTERM');
    return this.ended;
  }
}

/**
 * A person at their computer, whose agent lends its session to the browser there. The app comes from the internet, and the
 * browser asks before it may speak to this computer.
 */
describe.skipIf(noBrowser !== undefined)(`a computer with an agent ${noBrowser ?? ''}`, () => {
  const folder = temporaryFolder();
  let house: House;
  let agent: Program;
  let context: BrowserContext;
  let page: Page;

  const porchlight = (...args: string[]): Program =>
    new Program([...args, '--folder', folder, '--ca-file', house.home.caPath, '--log.format', 'json']);
  const text = (words: string): Promise<void> =>
    page.getByText(words, { exact: true }).waitFor({ timeout: 40_000 });
  const button = 'Sign in with this computer';
  const signIn = (): Promise<void> => page.getByRole('button', { name: button }).click();
  const signIns = (): number => agent.said.split('is signed in to').length - 1;

  beforeAll(async () => {
    house = await House.start({ unclaimed: false, apart: true });
    ({ context, page } = await house.person());
  }, 60_000);
  afterAll(async () => {
    await agent?.stop();
    await house?.close();
  });

  it('is paired by the box asking its owner in a browser, which comes back to loopback', async () => {
    const owner = await house.person();
    const pairing = porchlight('pair', `${house.origins.main}/#/home`);
    await owner.page.goto(await pairing.says(/(https:\S+\/connect\S+)/));
    await signInByPassword(house, owner.page);
    const allow = owner.page.getByRole('button', { name: 'Allow', exact: true });
    await allow.waitFor();
    await takePictures(owner.page, 'agent-consent');
    await allow.click();
    await owner.page.getByRole('heading', { name: 'The box has answered' }).waitFor();
    expect(await pairing.ended).toBe(0);
    await owner.context.close();
    agent = porchlight();
    await agent.says(/Server started on port 410\d\d/);
  });

  it('breaks nothing where the browser lets the page reach none', async () => {
    const links: string[] = [];
    page.on('request', (request) => request.url().startsWith('porchlight:') && links.push(request.url()));
    await page.goto(house.origins.app);
    await page.getByRole('button', { name: button }).waitFor();
    await takePictures(page, 'agent-offered');
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(await overflowAt320(page)).toBe(0);
    await signIn();
    await page.getByText(/^No Porchlight agent answers on this computer/).waitFor({ timeout: 60_000 });
    await takePictures(page, 'agent-not-found');
    expect(links).toEqual([agentLink]);
    expect(signIns()).toBe(0);
    await page.getByRole('button', { name: /^Connect to / }).waitFor();
    // It waits a quarter of a minute for the agent that the link would start.
  }, 90_000);

  it('signs the page in with one click', async () => {
    await context.grantPermissions(['local-network-access'], { origin: house.origins.app });
    // In this one the browser asks whether the link that starts an agent may be opened, and waits for the person.
    await page.close();
    page = await context.newPage();
    await page.goto(house.origins.app);
    await signIn();
    await text('Everything works.');
    await takePictures(page, 'agent-signed-in');
    await expect.poll(signIns, soon).toBe(1);
    await page.reload();
    await text('Everything works.');
  });

  it('signs the page in again where it signed out', async () => {
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await text('You are signed out here.');
    await takePictures(page, 'agent-signed-out');
    await signIn();
    await text('Everything works.');
    await expect.poll(signIns, soon).toBe(2);
  });

  it('takes the page along when it logs out', async () => {
    const leaving = porchlight('logout');
    expect([await leaving.ended, leaving.said]).toEqual([0, expect.stringContaining('signed out')]);
    await text('The box has signed you out.');
    await agent.says(/: the session is over/);
    const status = porchlight('status');
    expect(await status.ended).toBe(3);
    expect(status.said).toContain('not paired with any box');
    expect(await agent.stop()).toBe(0);
  });
});
