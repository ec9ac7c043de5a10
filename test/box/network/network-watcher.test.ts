import { afterEach, describe, expect, it } from 'vitest';
import { ipCommand, type NetworkSource } from '../../../src/box/network/ip-command.ts';
import { NetworkWatcher } from '../../../src/box/network/network-watcher.ts';
import { type Clock, systemClock } from '../../../src/kit/runtime/clock.ts';
import type { Exit } from '../../../src/kit/runtime/child.ts';
import { Problem } from '../../../src/kit/runtime/errors.ts';
import { until } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  connect,
  createBridge,
  createNamespace,
  type Namespace,
  withoutNamespaces,
} from '../../support/netns.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function createWatcher(source: NetworkSource, clock: Clock): { watcher: NetworkWatcher; health: Health } {
  const health = new Health(clock);
  const watcher = new NetworkWatcher({ source, clock, random: () => 0.5, log: silentLog, health });
  cleanups.push(() => watcher.stop());
  return { watcher, health };
}

const within = (ms = 10_000): AbortSignal => AbortSignal.timeout(ms);

function home(): { box: Namespace; watcher: NetworkWatcher; ip: (...args: string[]) => string } {
  const lan = createBridge();
  const box = createNamespace();
  cleanups.push(
    () => lan.remove(),
    () => box.remove(),
  );
  connect({ namespace: box, interface: 'eth0' }, { namespace: lan, interface: 'p0' });
  connect({ namespace: box, interface: 'wlan0' }, { namespace: lan, interface: 'p1' });
  const { watcher } = createWatcher(ipCommand(['-netns', box.name]), systemClock);
  return { box, watcher, ip: (...args) => box.exec('ip', args) };
}

describe.skipIf(withoutNamespaces)('network watcher on real interfaces', () => {
  it('starts without any address and follows what comes, changes and goes', async () => {
    const { watcher, ip } = home();
    await watcher.start();
    const becomes = async (...addresses: string[]): Promise<void> => {
      const now = await until(
        watcher.network,
        (network) => network.addresses.join() === addresses.join(),
        within(),
      );
      expect(now.addresses).toEqual(addresses);
    };
    await becomes();
    ip('address', 'add', '192.168.1.20/24', 'dev', 'eth0');
    await becomes('192.168.1.20');
    ip('address', 'add', 'fd00:1::20/64', 'dev', 'eth0', 'nodad');
    await becomes('192.168.1.20', 'fd00:1::20');
    ip('address', 'delete', '192.168.1.20/24', 'dev', 'eth0');
    ip('address', 'add', '192.168.1.50/24', 'dev', 'eth0');
    await becomes('192.168.1.50', 'fd00:1::20');
    ip('address', 'flush', 'dev', 'eth0');
    await becomes();
  });

  it('follows the default route between two interfaces, and a cable that is pulled', async () => {
    const { watcher, ip } = home();
    ip('address', 'add', '192.168.1.20/24', 'dev', 'eth0');
    ip('address', 'add', '10.0.0.5/24', 'dev', 'wlan0');
    ip('route', 'add', 'default', 'via', '10.0.0.1', 'metric', '600');
    await watcher.start();
    const prefers = async (address: string): Promise<void> => {
      const { addresses } = await until(
        watcher.network,
        (network) => network.addresses[0] === address,
        within(),
      );
      expect(addresses).toEqual([address]);
    };
    await prefers('10.0.0.5');
    ip('route', 'add', 'default', 'via', '192.168.1.1', 'metric', '100');
    await prefers('192.168.1.20');
    ip('link', 'set', 'eth0', 'down');
    await prefers('10.0.0.5');
  });

  it('waits for the end of duplicate address detection', async () => {
    const { box, watcher, ip } = home();
    box.exec('sh', ['-c', 'for d in all eth0; do echo 1 > /proc/sys/net/ipv6/conf/$d/accept_dad; done']);
    await watcher.start();
    ip('address', 'add', 'fd00:1::7/64', 'dev', 'eth0');
    expect(ip('address', 'show', 'dev', 'eth0')).toMatch(/fd00:1::7.*tentative/);
    const seen = await until(watcher.network, ({ addresses }) => addresses.length > 0, within());
    expect(seen.addresses).toEqual(['fd00:1::7']);
    expect(ip('address', 'show', 'dev', 'eth0')).not.toMatch(/fd00:1::7.*tentative/);
  });
});

describe('network watcher', () => {
  /** A source that a test fills by hand, and whose monitor a test can end. */
  class HandSource implements NetworkSource {
    address: string | undefined;
    failure: Error | undefined;
    looks = 0;
    monitors = 0;
    wake: () => void = () => undefined;
    end: (exit: Exit) => void = () => undefined;

    observe = async (): ReturnType<NetworkSource['observe']> => {
      this.looks++;
      if (this.failure !== undefined) throw this.failure;
      const addresses = this.address === undefined ? [] : [{ local: this.address, scope: 'global' }];
      const link = { ifname: 'eth0', flags: ['UP'], link_type: 'ether', addr_info: addresses };
      return { addresses: [link], routes4: [], routes6: [] };
    };

    monitor = (onEvent: () => void): ReturnType<NetworkSource['monitor']> => {
      this.monitors++;
      this.wake = onEvent;
      const exited = new Promise<Exit>((resolve) => {
        this.end = resolve;
      });
      const stop = (): Promise<Exit> => {
        this.end({ code: null, signal: 'SIGTERM' });
        return exited;
      };
      return { exited, stop };
    };
  }

  it('finds by its poll what no event told, and starts the monitor again with back-off', async () => {
    const clock = new FakeClock();
    const source = new HandSource();
    const { watcher } = createWatcher(source, clock);
    await watcher.start();
    await clock.advance(1000);
    for (let ended = 1; ended <= 4; ended++) {
      source.end({ code: 1, signal: null });
      await clock.advance(200);
      expect(source.monitors).toBe(ended);
      await clock.advance(10_000);
      expect(source.monitors).toBe(ended + 1);
    }
    source.address = '192.168.1.20';
    await clock.advance(31_000);
    expect(watcher.network.value.addresses).toEqual(['192.168.1.20']);
  });

  it('folds a burst of events into few looks', async () => {
    const clock = new FakeClock();
    const source = new HandSource();
    const { watcher } = createWatcher(source, clock);
    await watcher.start();
    await clock.advance(1000);
    const before = source.looks;
    source.address = '192.168.1.20';
    for (let event = 0; event < 500; event++) source.wake();
    await clock.advance(100);
    expect(watcher.network.value.addresses).toEqual(['192.168.1.20']);
    expect(source.looks - before).toBeLessThanOrEqual(2);
  });

  it('says what to do when there is no address for a while, and takes it back', async () => {
    const clock = new FakeClock();
    const source = new HandSource();
    const { watcher, health } = createWatcher(source, clock);
    await watcher.start();
    await clock.advance(10_000);
    expect(health.conditions.value).toEqual([]);
    await clock.advance(10_000);
    expect(health.conditions.value).toMatchObject([
      { name: 'network', severity: 'error', remedy: expect.stringMatching(/cable/) },
    ]);
    source.address = '192.168.1.20';
    source.wake();
    await clock.advance(100);
    expect(health.conditions.value).toMatchObject([
      { name: 'network', severity: 'ok', message: '192.168.1.20 on eth0' },
    ]);
  });

  it('keeps what it knows while the kernel cannot be asked, and says so', async () => {
    const clock = new FakeClock();
    const source = new HandSource();
    source.address = '192.168.1.20';
    const { watcher, health } = createWatcher(source, clock);
    await watcher.start();
    await clock.advance(1000);
    source.failure = new Problem('ip-missing', 'the program ip is not there');
    source.wake();
    await clock.advance(1000);
    expect(watcher.network.value.addresses).toEqual(['192.168.1.20']);
    expect(health.conditions.value).toMatchObject([
      { severity: 'error', remedy: expect.stringMatching(/iproute2/) },
    ]);
    source.failure = undefined;
    await clock.advance(60_000);
    expect(health.worst).toBe('ok');
  });
});
