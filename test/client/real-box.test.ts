import { Agent, fetch, WebSocket as UndiciSocket } from 'undici';
import { expect, it } from 'vitest';
import { BoxConnection } from '../../src/client/box-connection.ts';
import { connect, finish } from '../../src/client/connect.ts';
import { RememberedBoxes } from '../../src/client/remembered.ts';
import type { Runtime } from '../../src/client/runtime.ts';
import { memoryStore } from '../../src/client/store.ts';
import { OwnedFact } from '../../src/kit/runtime/fact.ts';
import { codeOf } from '../../src/kit/runtime/errors.ts';
import type { BoxEvent, Endpoints } from '../../src/protocol/access-api.ts';
import {
  appOrigin,
  boxId,
  Browser,
  clientId,
  type Lab,
  names,
  openLab,
  redirectUri,
} from '../box/lab/lab.ts';
import { soon } from '../support/soon.ts';

/** As a browser would: from the app's origin, with names that lead to the lab. */
function runtimeFor(lab: Lab): Partial<Runtime> & { close: () => Promise<void> } {
  const dispatcher = new Agent({
    connect: {
      ca: lab.caPem,
      lookup: (_host, options, done) =>
        options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
    },
  });
  return {
    fetch: async (url, init) => {
      const headers = new Headers(init.headers);
      headers.set('origin', appOrigin);
      const all = { ...init, headers: Object.fromEntries(headers), dispatcher };
      return fetch(url, all as Parameters<typeof fetch>[1]);
    },
    openSocket: (url) => new UndiciSocket(url, { dispatcher, headers: { origin: appOrigin } }),
    close: () => dispatcher.destroy(),
  };
}

it('is let in by a real box, renews its session, is told of new ways, and of the end', async ({
  onTestFinished,
}) => {
  const ways = new OwnedFact<Endpoints>({
    main: `https://${names.main}`,
    mirrors: [],
    tunnel: null,
    address: null,
  });
  const lab = await openLab({ ways });
  const origin = (name: string): string => `https://${name}:${lab.port}`;
  ways.set({ main: origin(names.main), mirrors: [], tunnel: origin(names.tunnel), address: null });
  const { close, ...runtime } = runtimeFor(lab);
  onTestFinished(close);
  const browser = new Browser(lab);
  await browser.open();
  await browser.firstRun();

  const store = memoryStore();
  const boxes = new RememberedBoxes(store);
  const app = { clientId, redirectUri, store, runtime };
  const { url } = await connect({ ...app, box: { id: boxId, name: 'Our box', ways: ways.value } });
  expect((await browser.call('GET', url.slice(new URL(url).origin.length))).status).toBe(200);
  const query = Object.fromEntries(new URL(url).searchParams);
  const { json } = await browser.call('POST', '/api/connect', { body: { ...query, allow: true } });
  const box = await finish({ ...app, url: String(json['redirect']), publicPage: true });
  await boxes.put(box);
  expect(box).toMatchObject({ id: boxId, name: 'Our box', ways: ways.value });

  const connection = new BoxConnection({ box, boxes, localAllowed: true, runtime });
  onTestFinished(() => connection.close());
  const heard: BoxEvent[] = [];
  connection.onEvent((event) => heard.push(event));
  connection.start();
  expect((await connection.fetch('/api/state')).status).toBe(200);
  expect(connection.state.value).toEqual({ phase: 'connected', endpoint: 'home' });

  // The box's clock goes on: the token that the app thinks good is none any more.
  await lab.clock.advance(700_000);
  expect((await connection.fetch('/api/state')).status).toBe(200);
  const renewed = await boxes.get(boxId);
  expect(renewed?.tokens?.refresh).toBeDefined();

  const toldOfWays = async (): Promise<boolean> => {
    const mirrors = [origin(`${ways.value.mirrors.length % 2 === 0 ? 'a' : 'b'}.${names.main}`)];
    ways.set({ ...ways.value, mirrors: [...mirrors, ...ways.value.mirrors].slice(0, 2) });
    return heard.some(({ type }) => type === 'ways');
  };
  await expect.poll(toldOfWays, soon).toBe(true);

  const { json: sessions } = await browser.call('GET', '/api/sessions');
  const mine = (sessions['sessions'] as { id: string; kind: string }[]).find(({ kind }) => kind === 'app');
  expect((await browser.call('DELETE', `/api/sessions/${mine?.id}`)).status).toBeLessThan(300);
  await expect.poll(() => connection.state.value.phase, soon).toBe('logged-out');
  expect(heard.at(-1)).toEqual({ type: 'session-ended' });
  expect((await boxes.get(boxId))?.tokens).toBeNull();
  expect(await connection.fetch('/api/state').catch(codeOf)).toBe('logged-out');
});
