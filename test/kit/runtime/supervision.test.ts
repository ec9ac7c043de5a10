import { expect, it } from 'vitest';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { Supervision } from '../../../src/kit/runtime/supervision.ts';
import { serviceManager } from '../../../src/kit/runtime/systemd.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A supervision whose manager writes down what it is told. */
function supervised(fails = false): {
  told: string[];
  clock: FakeClock;
  health: Health;
  supervision: Supervision;
} {
  const told: string[] = [];
  const tell = (what: string): Promise<void> => {
    told.push(what);
    return fails ? Promise.reject(new Error('no manager')) : Promise.resolve();
  };
  const manager = {
    ready: (status: string) => tell(`ready: ${status}`),
    status: (text: string) => tell(text),
    stopping: () => tell('stopping'),
    watchdog: () => tell('alive'),
    watchdogMs: 10_000,
  };
  const clock = new FakeClock();
  const health = new Health(clock);
  return { told, clock, health, supervision: new Supervision({ manager, health, clock, log: silentLog }) };
}

it('tells that all is ready, the worst condition on change, and stopping', async () => {
  const { told, clock, health, supervision } = supervised();
  health.set('zone', 'ok', 'served');
  await supervision.start();
  await clock.advance(0);
  health.set('zone', 'error', 'cannot be reached');
  health.set('tunnel', 'warning', 'slow');
  await clock.advance(0);
  health.set('certificate', 'error', 'is missing');
  await clock.advance(0);
  await supervision.stop();
  expect(told.filter((what) => what !== 'alive')).toEqual([
    'ready: all parts work',
    'all parts work',
    'zone: cannot be reached',
    'certificate: is missing (and 1 more)',
    'stopping',
  ]);
});

it('is heard of twice within the time of the watchdog', async () => {
  const { told, clock, supervision } = supervised();
  await supervision.start();
  await clock.advance(20_000);
  await supervision.stop();
  expect(told.filter((what) => what === 'alive')).toHaveLength(5);
});

it('starts and stops although the manager cannot be told', async () => {
  const { told, supervision } = supervised(true);
  await supervision.start();
  await supervision.stop();
  expect(told).toContain('stopping');
});

it('says nothing where there is no manager', async () => {
  const manager = serviceManager({});
  await Promise.all([manager.ready('x'), manager.status('x'), manager.stopping(), manager.watchdog()]);
  expect(manager.watchdogMs).toBeUndefined();
  expect(serviceManager({ NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '30000000' }).watchdogMs).toBe(30_000);
  expect(serviceManager({ NOTIFY_SOCKET: '/nowhere' }).watchdogMs).toBeUndefined();
});
