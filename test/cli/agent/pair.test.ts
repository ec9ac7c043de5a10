import { request } from 'node:http';
import { expect, it } from 'vitest';
import { pair } from '../../../src/cli/agent/pair.ts';
import { PairedAccount } from '../../../src/cli/agent/paired-account.ts';
import { RememberedBoxes } from '../../../src/client/remembered.ts';
import { folderStore } from '../../../src/client/node/folder-store.ts';
import { codeOf } from '../../../src/kit/runtime/errors.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { agentPaths } from '../../../src/protocol/agent-api.ts';
import { labRuntime, openComputer } from '../../agent/computer.ts';
import { type Browser, boxId, names } from '../../box/lab/lab.ts';
import { soon } from '../../support/soon.ts';

/** The owner's browser: the box asks, the owner answers, and the window goes where the box sends it. */
async function browse(owner: Browser, url: string, allow: boolean): Promise<void> {
  const { pathname, search, searchParams } = new URL(url);
  expect((await owner.call('GET', pathname + search)).status).toBe(200);
  const body = { ...Object.fromEntries(searchParams), allow };
  const { json } = await owner.call('POST', '/api/connect', { body });
  await new Promise((resolve, reject) => {
    request(String(json['redirect']), (response) => resolve(response.resume()))
      .on('error', reject)
      .end();
  });
}

it('replaces what the agent had at the box, while it runs; a no changes nothing', async ({
  onTestFinished,
}) => {
  const { lab, owner, folder, accounts, page, signed } = await openComputer();
  const { close, ...runtime } = labRuntime(lab);
  onTestFinished(close);
  const store = folderStore(folder);
  const boxes = new RememberedBoxes(store, runtime);
  const main = `https://${names.main}:${lab.port}`;
  const target = {
    box: { id: boxId, name: 'Our box', ways: { main, mirrors: [], tunnel: null, address: null } },
    origin: main,
  };
  const pairing = (allow: boolean) =>
    pair({
      target,
      store,
      boxes,
      registration: 'https://registration.test',
      runtime,
      openBrowser: (url) => void browse(owner, url, allow),
      clock: lab.clock,
      log: silentLog,
    });
  const agents = async (): Promise<string[]> => {
    const { json } = await owner.call('GET', '/api/sessions');
    const all = json['sessions'] as { id: string; kind: string }[];
    return all.filter(({ kind }) => kind === 'agent').map(({ id }) => id);
  };
  const [first] = await agents();
  expect(await pairing(false).catch(codeOf)).toBe('access-denied');
  expect(await agents()).toEqual([first]);

  expect((await pairing(true)).name).toBe('Our box');
  const [second, ...others] = await agents();
  expect(others).toEqual([]);
  expect(second).not.toBe(first);
  await expect.poll(() => accounts.all().map(({ view }) => view?.sessionId), soon).toEqual([second]);
  const { status, json } = await page('POST', agentPaths.exchange, { body: await signed() });
  expect([status, json['parentSessionId']]).toEqual([200, second]);
  expect((await store.keys()).filter((key) => key.startsWith('connect:'))).toEqual([]);

  // From another process, which has the store alone.
  const [box] = await boxes.list();
  if (box === undefined) throw new Error('nothing is remembered');
  const options = { box, boxes, store, registration: undefined, runtime, clock: lab.clock, log: silentLog };
  const account = new PairedAccount(options);
  onTestFinished(() => account.close());
  await account.signOut();
  expect(await agents()).toEqual([]);
  expect(await store.keys()).toEqual([]);
  await expect.poll(() => accounts.all().length, soon).toBe(0);
});
