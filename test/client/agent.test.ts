import { fetch } from 'undici';
import { expect, it } from 'vitest';
import { signInWithAgent } from '../../src/client/agent.ts';
import { BoxConnection } from '../../src/client/box-connection.ts';
import { RememberedBoxes } from '../../src/client/remembered.ts';
import type { Runtime } from '../../src/client/runtime.ts';
import { memoryStore } from '../../src/client/store.ts';
import { codeOf } from '../../src/kit/runtime/errors.ts';
import { agentPorts } from '../../src/protocol/constants.ts';
import { type Computer, labRuntime, openComputer } from '../agent/computer.ts';
import { appOrigin, boxId, clientId, names } from '../box/lab/lab.ts';
import { soon } from '../support/soon.ts';

const refused = async (): Promise<Response> => Promise.reject(new TypeError('Failed to fetch'));
const notPaired = (): Response => Response.json({ code: 'not-paired', message: 'no' }, { status: 404 });

/** A page of the app: the agent of `computer` has port `at`, and nobody any other, unless `others` answers. */
function pageOf(computer: Computer, at: number, others?: (url: string) => Response): Partial<Runtime> {
  const { fetch: toBox, openSocket } = labRuntime(computer.lab);
  return {
    fetch: async (url, init) => {
      const headers = new Headers(init.headers);
      headers.set('origin', appOrigin);
      const given = { ...init, headers: Object.fromEntries(headers) };
      const { hostname, port, pathname, search } = new URL(url);
      if (hostname !== '127.0.0.1') return (await toBox?.(url, given)) ?? refused();
      if (Number(port) !== at) return others?.(url) ?? refused();
      const local = `http://127.0.0.1:${computer.agent.port}${pathname}${search}`;
      return fetch(local, given as unknown as Parameters<typeof fetch>[1]);
    },
    ...(openSocket === undefined ? {} : { openSocket }),
  };
}

const requestFor = (computer: Computer, runtime: Partial<Runtime>) => ({
  box: {
    id: boxId,
    ways: { main: `https://${names.main}:${computer.lab.port}`, mirrors: [], tunnel: null, address: null },
  },
  clientId,
  store: memoryStore(),
  publicPage: false,
  runtime,
});

it('signs a page in by whichever port the agent has, past agents of other boxes', async ({
  onTestFinished,
}) => {
  const computer = await openComputer();
  const runtime = pageOf(computer, agentPorts.last, notPaired);
  const request = requestFor(computer, runtime);
  const box = await signInWithAgent(request);
  expect(box).toMatchObject({ id: boxId, name: 'Our box', clientId });

  const boxes = new RememberedBoxes(request.store);
  await boxes.put(box);
  const connection = new BoxConnection({ box, boxes, localAllowed: true, runtime });
  onTestFinished(() => connection.close());
  connection.start();
  expect((await connection.fetch('/api/state')).status).toBe(200);
  // The agent signs out.
  const [account] = computer.accounts.all();
  await account?.signOut();
  await expect.poll(() => connection.state.value.phase, soon).toBe('logged-out');
  expect(await signInWithAgent(request).catch(codeOf)).toBe('not-paired');
});

it('starts an agent that is not there, once, and says so when none comes', async () => {
  const computer = await openComputer();
  const runtime = pageOf(computer, agentPorts.first);
  let running = false;
  let links = 0;
  const whileRunning: Partial<Runtime> = {
    ...runtime,
    fetch: async (url, init) =>
      running || !url.startsWith('http://127.0.0.1')
        ? ((await runtime.fetch?.(url, init)) ?? Response.error())
        : refused(),
  };
  const request = requestFor(computer, whileRunning);
  expect(await signInWithAgent(request).catch(codeOf)).toBe('agent-not-found');
  const openLink = (): void => {
    links += 1;
    running = true;
  };
  expect(await signInWithAgent({ ...request, openLink })).toMatchObject({ id: boxId });
  expect(links).toBe(1);
  const given = AbortSignal.abort(new Error('enough'));
  expect(await signInWithAgent({ ...request, signal: given }).catch(String)).toBe('Error: enough');
});

it('does not ask an agent for a box that this page cannot reach', async () => {
  const computer = await openComputer();
  const request = { ...requestFor(computer, pageOf(computer, agentPorts.first)), publicPage: true };
  expect(await signInWithAgent(request).catch(codeOf)).toBe('no-way');
  expect(computer.told).toEqual([]);
});
