import { createHash } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { RegistrationClient } from '../../../src/box/announce/registration-client.ts';
import { Arrivals } from '../../../src/cloud/registration-server/arrivals.ts';
import { defaultArrivalRates } from '../../../src/cloud/registration-server/arrivals-routes.ts';
import type { RegistrationServer } from '../../../src/cloud/registration-server/registration-server.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { arrivalLimits } from '../../../src/protocol/registration-api.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { type Answer, call, createBox, startServer, testCaPem } from './setup.ts';
import { crowds } from '../../support/crowd.ts';

const folder = temporaryFolder();
const servers: RegistrationServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

async function running(
  options: Omit<Parameters<typeof startServer>[0], 'stateFolder'> = {},
): Promise<RegistrationServer> {
  const server = await startServer({ stateFolder: mkdtempSync(join(folder, 'state-')), ...options });
  servers.push(server);
  return server;
}

const state = 'k3v-_9'.repeat(7);
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const box = createBox();

const report = (server: RegistrationServer, body: unknown = { state }, by = box): Promise<Answer> =>
  call(server, { method: 'POST', path: '/arrivals', body, box: by });
const ask = (server: RegistrationServer, query = '', from = '127.0.0.1'): Promise<Answer> =>
  call(server, { path: `/arrivals/${hashOf(state)}${query}`, from });

describe.concurrent('arrivals at the registration-server', () => {
  it('says whether a state has arrived, to a page of any origin, and never keeps the answer in a cache', async ({
    expect,
  }) => {
    const server = await running();
    expect((await ask(server)).body).toEqual({ arrived: false });
    expect((await report(server)).status).toBe(204);
    const answer = await call(server, {
      path: `/arrivals/${hashOf(state)}`,
      headers: { origin: 'https://app.example.net' },
    });
    expect(answer).toMatchObject({ status: 200, body: { arrived: true } });
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': '*', 'cache-control': 'no-store' });
  });

  it('holds the answer back until the box reports, or the wait is over', async ({ expect }) => {
    const clock = new FakeClock();
    const server = await running({ clock });
    const asked = ask(server, '?wait=20');
    await expect.poll(() => server.metrics.waiting).toBe(1);
    await report(server);
    expect((await asked).body).toEqual({ arrived: true });
    const other = call(server, { path: `/arrivals/${hashOf('another state, 16')}?wait=20` });
    await expect.poll(() => server.metrics.waiting).toBe(1);
    await clock.advance(20_000);
    expect((await other).body).toEqual({ arrived: false });
    expect(server.metrics.waiting).toBe(0);
  });

  it('stops at once while apps wait', async ({ expect }) => {
    const server = await running();
    const asked = ask(server, '?wait=20').catch((error: unknown) => error);
    await expect.poll(() => server.metrics.waiting).toBe(1);
    await server.stop();
    expect(await asked).toBeInstanceOf(Error);
    await expect.poll(() => server.metrics.waiting).toBe(0);
  });

  it('hears boxes only, with a state of the right form', async ({ expect }) => {
    const server = await running();
    const unknown = await call(server, { method: 'POST', path: '/arrivals', body: { state } });
    expect(unknown).toMatchObject({ status: 401, body: { code: 'client-certificate-required' } });
    for (const bad of [
      {},
      { state: 'short' },
      { state: 'x'.repeat(129) },
      { state: `${state} ` },
      { state, more: 1 },
    ])
      expect(await report(server, bad), JSON.stringify(bad)).toMatchObject({
        status: 400,
        body: { code: 'bad-request' },
      });
    for (const path of [`/arrivals/${state}`, `/arrivals/${hashOf(state).toUpperCase()}`])
      expect((await call(server, { path })).status, path).toBe(400);
    for (const wait of ['21', '-1', 'x']) expect((await ask(server, `?wait=${wait}`)).status, wait).toBe(400);
    expect(server.metrics.arrivals).toBe(0);
  });

  it('limits reports by box and questions by source, and says when to try again', async ({ expect }) => {
    const one = { burst: 1, perSecond: 0.1 };
    const arrivals = { ...defaultArrivalRates, perBox: one, questionsPerSource: one };
    const server = await running({ clock: new FakeClock(), limits: { arrivals } });
    expect((await report(server)).status).toBe(204);
    expect(await report(server)).toMatchObject({ status: 429, headers: { 'retry-after': '10' } });
    expect((await report(server, { state }, createBox())).status).toBe(204);
    expect((await ask(server, '', '127.0.0.7')).status).toBe(200);
    const refused = await ask(server, '', '127.0.0.7');
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate-limited' } });
    expect(refused.headers).toMatchObject({ 'retry-after': '10', 'access-control-allow-origin': '*' });
    expect((await ask(server, '', '127.0.0.8')).status).toBe(200);
  });

  it('hears it from the box’s own client', async ({ expect }) => {
    const server = await running();
    const identity = { boxId: box.boxId, certPem: box.cert, keyPem: box.key, fingerprint: '' };
    const origin = `https://localhost:${server.port}`;
    const connectTo = { host: '127.0.0.1', port: server.port };
    const client = new RegistrationClient({
      server: { origin, caPem: testCaPem, connectTo },
      identity,
      clock: systemClock,
    });
    await client.arrived(state, AbortSignal.timeout(5000));
    await client.close();
    expect((await ask(server)).body).toEqual({ arrived: true });
  });
});

describe('what is remembered of arrivals', () => {
  it('is forgotten after five minutes', async () => {
    const clock = new FakeClock();
    const arrivals = new Arrivals({ clock });
    arrivals.note(state, 'home');
    await clock.advance(arrivalLimits.lifetimeSeconds * 1000 - 1);
    expect(arrivals.has(hashOf(state))).toBe(true);
    await clock.advance(1);
    expect(arrivals.has(hashOf(state))).toBe(false);
    arrivals.note('another state, 16', 'home');
    expect(arrivals.figures.arrivals).toBe(1);
  });

  it('is bounded, the oldest going first, and so are those who wait', async () => {
    const clock = new FakeClock();
    const arrivals = new Arrivals({ clock, most: { arrivals: 2, waiting: 1 } });
    for (const name of ['one', 'two', 'one', 'three']) arrivals.note(name, 'home');
    expect(['one', 'two', 'three'].map((name) => arrivals.has(hashOf(name)))).toEqual([true, false, true]);
    const abort = new AbortController();
    const waits = arrivals.wait(hashOf('four'), 20_000, abort.signal, 'home');
    const next = arrivals.wait(hashOf('four'), 20_000, abort.signal, 'home');
    expect(await waits).toBe(false);
    abort.abort();
    expect(await next).toBe(false);
    expect(arrivals.figures.waiting).toBe(0);
  });

  it.each(crowds)(
    'is shared: %i networks that report and wait all they can push nobody aside',
    async (networks) => {
      const clock = new FakeClock();
      const arrivals = new Arrivals({ clock, most: { arrivals: 60, waiting: 60 } });
      const abort = new AbortController();
      arrivals.note('mine', 'home');
      const waits = arrivals.wait(hashOf('soon mine'), 20_000, abort.signal, 'home');
      for (let number = 0; number < 300; number++) {
        arrivals.note(`theirs ${number}`, `network ${number % networks}`);
        void arrivals.wait(hashOf(`never ${number}`), 20_000, abort.signal, `network ${number % networks}`);
      }
      expect(arrivals.has(hashOf('mine'))).toBe(true);
      arrivals.note('soon mine', 'home');
      expect(await waits).toBe(true);
      abort.abort();
    },
  );
});
