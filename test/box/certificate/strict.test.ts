import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ttl } from '../../../src/cloud/dns-server/served-zone.ts';
import { seconds } from '../../../src/kit/runtime/clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { startUnbound } from '../../support/unbound.ts';
import { createKeeper, createLab, eventually, type Lab } from './lab.ts';
import { OffsetClock } from './offset-clock.ts';

const folder = temporaryFolder();
let lab: Lab;
beforeAll(async () => {
  lab = await createLab({
    folder,
    pebble: { strict: true, validitySeconds: 150 },
    pebbleEnv: { PEBBLE_WFE_NONCEREJECT: '50' },
    resolver: async (dnsServer) => {
      const dnsPort = Number(dnsServer.split(':')[1]);
      const unbound = await startUnbound({
        folder: join(folder, 'unbound'),
        zoneRoot: 'box.localhost',
        dnsPort,
      });
      return { address: `127.0.0.1:${unbound.port}`, stop: () => unbound.stop() };
    },
  });
});
afterAll(() => lab.close());

it('certificates of 150 seconds are renewed at a strict CA that refuses half of all nonces and asks a resolver with a cache', async () => {
  const clock = new OffsetClock();
  const tested = createKeeper(lab, join(folder, 'state'), { clock });
  const started = performance.now();
  await tested.keeper.start();
  await eventually('a certificate', () => tested.severity() === 'ok', 30_000);
  const serials = [tested.keeper.certificate.value?.serial];
  for (let renewal = 0; renewal < 2; renewal++) {
    // Between two renewals lies more than this: the resolver has forgotten the values of the last one.
    await sleep(ttl.challenge * 1000 + 500);
    const { notBefore = 0, notAfter = 0 } = tested.keeper.certificate.value ?? {};
    expect(notAfter - notBefore).toBeLessThan(seconds(152));
    clock.advance(seconds(101));
    await eventually('renewed', () => tested.keeper.certificate.value?.serial !== serials.at(-1), 30_000);
    serials.push(tested.keeper.certificate.value?.serial);
  }
  await tested.keeper.stop();
  expect(new Set(serials).size).toBe(3);
  expect(tested.steps.filter((step) => step === 'order-placed')).toHaveLength(3);
  // No request was counted as a refusal: those are waited after for minutes.
  expect(performance.now() - started).toBeLessThan(seconds(100));
});
