import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from 'vite';
import { nodeRuntime } from '../../src/client/node/node-runtime.ts';
import { PairingClient } from '../../src/client/pairing-client.ts';
import { memoryStore } from '../../src/client/store.ts';
import { temporaryFolder } from '../support/folder.ts';
import { soon } from '../support/soon.ts';
import { noBrowser } from '../web/browser.ts';
import { signIn, sayYes } from './connecting.ts';
import { House } from './house.ts';

/** Of programs of one person. */
const locks = temporaryFolder();

/** The SDK as a script that a page can run, under the name `sdk`. */
async function sdkScript(): Promise<string> {
  const entry = join(import.meta.dirname, '../../src/client/index.ts');
  const lib = { entry, name: 'sdk', formats: ['iife' as const], fileName: 'sdk' };
  const built = await build({ configFile: false, logLevel: 'silent', build: { write: false, lib } });
  const [output] = [built].flat();
  if (output === undefined || !('output' in output)) throw new Error('nothing was built');
  return output.output[0].code;
}

/** What a page of an app does, with the SDK; its client is `client` from then on. */
const startClient = (origin: string): string => `(async () => {
  globalThis.client = new sdk.PairingClient({
    origin: ${JSON.stringify(origin)},
    name: 'Panel in the hall',
    store: sdk.webStore(localStorage),
  });
  client.start();
})()`;

describe.skipIf(noBrowser !== undefined)(`a page with an id of its own ${noBrowser ?? ''}`, () => {
  let house: House;
  let page: Page;
  let ownerPage: Page;
  let script: string;
  beforeAll(async () => {
    script = await sdkScript();
    house = await House.start({ unclaimed: false });
    ({ page } = await house.person());
    ({ page: ownerPage } = await house.person());
    await ownerPage.goto(`${house.origins.main}/`);
    await signIn(house, ownerPage);
  }, 60_000);
  afterAll(() => house?.close());

  const open = async (): Promise<void> => {
    await page.goto(house.origins.app);
    await page.evaluate(script.replace(/^\s*(var|const|let) sdk\s*=/, 'globalThis.sdk ='));
    await page.evaluate(startClient(house.origins.main));
  };
  const state = (): Promise<Record<string, unknown>> =>
    page.evaluate('client.state.value') as Promise<Record<string, unknown>>;
  const phase = async (): Promise<unknown> => (await state())['phase'];

  it('is let in from the browser, over a socket that takes its token, and is known when it is loaded again', async () => {
    await open();
    await expect.poll(phase, soon).toBe('asking');
    const { code } = await state();
    const answered = await ownerPage.evaluate(sayYes);
    expect(answered).toEqual([1, 'Panel in the hall', code, 204]);
    await expect.poll(phase, soon).toBe('connected');
    const me = `client.fetch('/api/me').then((answer) => answer.json()).then(({ session }) => session.kind)`;
    expect(await page.evaluate(me)).toBe('client');

    await open();
    await expect.poll(phase, soon).toBe('connected');
  });

  it('is let in from a program as well, by the name of the box', async () => {
    const caPem = readFileSync(house.home.caPath, 'utf8');
    const { close, ...runtime } = nodeRuntime({ locks, caPem });
    const { main: origin } = house.origins;
    const program = new PairingClient({
      origin,
      name: 'Script',
      kind: 'agent',
      store: memoryStore(),
      runtime,
    });
    program.start();
    await expect.poll(() => program.state.value.phase, soon).toBe('asking');
    await ownerPage.evaluate(sayYes);
    await expect.poll(() => program.state.value.phase, soon).toBe('connected');
    expect(await (await program.fetch('/api/me')).json()).toMatchObject({ session: { kind: 'agent' } });
    await program.close();
    await close();
  });

  it('comes back when the box does', async () => {
    house.switchedPorts.main.set('refuses');
    await expect.poll(phase, soon).toBe('waiting');
    house.switchedPorts.main.set('open');
    await expect.poll(phase, soon).toBe('connected');
  });
});
