import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hours, minutes } from '../../../src/kit/runtime/clock.ts';
import { Pebble } from '../../../src/cli/home/pebble.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { AcmeProxy } from './acme-proxy.ts';
import { createKeeper, createLab, eventually, type Lab, labLog, type TestedKeeper } from './lab.ts';
import { OffsetClock } from './offset-clock.ts';

/** Orders from now on, by CA, as they are placed. */
const orders = (production: AcmeProxy, staging: AcmeProxy) => {
  const [p, s] = [production.count('new-order'), staging.count('new-order')];
  return () => ({ production: production.count('new-order') - p, staging: staging.count('new-order') - s });
};

/** A second CA, which finds no name server and therefore refuses every authorization. */
describe('a CA that refuses, and its staging directory', () => {
  const folder = temporaryFolder();
  let lab: Lab;
  let blind: { pebble: Pebble; proxy: AcmeProxy };
  beforeAll(async () => {
    lab = await createLab({ folder });
    const env = { PEBBLE_WFE_NONCEREJECT: '0' };
    const pebble = new Pebble({
      folder: join(folder, 'blind'),
      dnsServer: '127.0.0.1:9',
      ca: lab.ca,
      env,
      log: labLog,
    });
    await pebble.start(AbortSignal.timeout(10_000));
    blind = { pebble, proxy: await AcmeProxy.start({ upstream: pebble.directoryUrl, ca: lab.ca }) };
  });
  afterAll(async () => {
    await blind.proxy.stop();
    await blind.pebble.stop();
    await lab.close();
  });

  const keeper = (
    production: AcmeProxy,
    staging: AcmeProxy,
    clock: OffsetClock,
    state: string,
  ): TestedKeeper =>
    createKeeper(lab, join(folder, state), {
      clock,
      acme: {
        directoryUrl: production.directoryUrl,
        stagingDirectoryUrl: staging.directoryUrl,
        termsAgreed: true,
      },
    });

  it('is rehearsed before a third attempt; the back-off survives a restart; then it is production again', async () => {
    const clock = new OffsetClock();
    const count = orders(blind.proxy, lab.proxy);
    let tested = keeper(blind.proxy, lab.proxy, clock, 'rehearsed');
    const failed = (times: number) =>
      eventually(
        `refused ${times} times`,
        () => count().production === times && tested.message()?.includes('next attempt') === true,
      );
    await tested.keeper.start();
    await failed(1);
    expect(tested.severity()).toBe('error');
    expect(tested.message()).toContain(lab.names.main);
    await eventually('a clean zone', async () => (await lab.challenges()).length === 0);

    await tested.keeper.stop();
    const asked = blind.proxy.seen.length;
    tested = keeper(blind.proxy, lab.proxy, clock, 'rehearsed');
    await tested.keeper.start();
    await eventually('waiting', () => tested.message()?.includes('next attempt') === true);
    expect(blind.proxy.seen.length).toBe(asked);

    clock.advance(minutes(4));
    await failed(2);
    expect(count()).toEqual({ production: 2, staging: 0 });
    clock.advance(minutes(32));
    // The rehearsal succeeds, and production is asked at once.
    await failed(3);
    expect(count()).toEqual({ production: 3, staging: 1 });
    expect(tested.keeper.certificate.value).toBeUndefined();
    clock.advance(hours(6));
    await failed(4);
    expect(count()).toEqual({ production: 4, staging: 2 });
    await tested.keeper.stop();
  });

  it('is not asked while the rehearsal fails', async () => {
    const clock = new OffsetClock();
    const refuse = {
      status: 403,
      body: '{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"not this one"}',
      headers: { 'content-type': 'application/problem+json' },
    };
    lab.proxy.fault = ({ resource }) => (resource === 'new-order' ? refuse : undefined);
    const count = orders(lab.proxy, blind.proxy);
    const tested = keeper(lab.proxy, blind.proxy, clock, 'failing');
    await tested.keeper.start();
    for (const expected of [
      { production: 1, staging: 0 },
      { production: 2, staging: 0 },
      { production: 2, staging: 1 },
      { production: 2, staging: 2 },
    ]) {
      await eventually(
        JSON.stringify(expected),
        () =>
          JSON.stringify(count()) === JSON.stringify(expected) &&
          tested.message()?.includes('next attempt') === true,
      );
      clock.advance(hours(6));
    }
    expect(tested.message()).toMatch(/there is no certificate yet/);
    await tested.keeper.stop();
  });
});
