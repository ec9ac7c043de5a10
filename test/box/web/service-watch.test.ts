import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { publishedServices } from '../../../src/box/web/published-services.ts';
import { ServiceWatch } from '../../../src/box/web/service-watch.ts';
import { Problem } from '../../../src/kit/runtime/errors.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';

async function listen(port = 0): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

const awayFault = new Problem('service-not-answering', 'away');

async function watched() {
  const server = await listen();
  const { port } = server.address() as AddressInfo;
  const clock = new FakeClock();
  const health = new Health(clock);
  const services = publishedServices({ services: { photos: `http://127.0.0.1:${port}` } });
  const watch = new ServiceWatch({ services, health, clock, random: () => 0.5, log: silentLog });
  await watch.start();
  onTestFinished(() => watch.stop());
  const looked = async (): Promise<void> => {
    await expect.poll(() => clock.sleeping).toBe(1);
  };
  const condition = () => health.conditions.value.find(({ name }) => name === 'services.photos');
  await looked();
  return { server, port, clock, watch, looked, condition };
}

it('a service that nobody visits is missed by the second look, and found again', async () => {
  const { server, port, clock, looked, condition } = await watched();
  expect(condition()).toBeUndefined();
  await close(server);
  await clock.advance(60_000);
  await looked();
  expect(condition()).toBeUndefined();
  await clock.advance(10_000);
  await looked();
  const since = clock.now();
  expect(condition()).toMatchObject({
    severity: 'warning',
    since,
    remedy: expect.stringContaining('start it'),
  });
  expect(condition()?.message).toContain(`nothing listens at http://127.0.0.1:${port}`);
  await clock.advance(10_000);
  await looked();
  expect(condition()?.since).toBe(since);
  const again = await listen(port);
  onTestFinished(() => close(again));
  await clock.advance(10_000);
  await looked();
  expect(condition()).toBeUndefined();
});

it('what a visitor meets counts at once, and it is looked for from then on', async () => {
  const { server, port, clock, watch, looked, condition } = await watched();
  await close(server);
  watch.met('photos', awayFault);
  expect(condition()).toMatchObject({ severity: 'warning' });
  watch.met('photos', new Problem('service-too-slow', 'slow'));
  expect(condition()).toBeDefined();
  watch.met('photos', new Problem('service-answer-wrong', 'wrong'));
  expect(condition()).toBeUndefined();
  watch.met('photos', awayFault);
  watch.met('photos', undefined);
  expect(condition()).toBeUndefined();
  watch.met('photos', awayFault);
  await looked();
  expect(condition()).toBeDefined();
  const again = await listen(port);
  onTestFinished(() => close(again));
  await clock.advance(10_000);
  await looked();
  expect(condition()).toBeUndefined();
});
