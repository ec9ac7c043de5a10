import { setTimeout as sleep } from 'node:timers/promises';
import { once } from 'node:events';
import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shortId } from '../../../src/protocol/names.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { withoutNamespaces } from '../../support/netns.ts';
import { soon } from '../../support/soon.ts';
import { listenerIn, startAvahi, TestHome } from './home.ts';
import { expectService, isAddress, isPointerTo, network, TestBox, type } from './test-box.ts';

const folder = temporaryFolder();

describe.skipIf(withoutNamespaces).concurrent('on a home network', { timeout: 90_000 }, () => {
  it('two boxes by bonjour-service: announced, found, moved, renamed, and one leaves', async ({
    onTestFinished,
    // Of this test, since others run at the same time.
    expect,
  }) => {
    const home = new TestHome();
    onTestFinished(() => home.remove());
    const listener = await listenerIn(home.plug('192.168.77.1/24'));
    const [machineA, machineB] = [
      home.plug('192.168.77.2/24', 'fd00:77::2/64'),
      home.plug('192.168.77.3/24'),
    ];
    const [a, b] = [
      new TestBox(machineA, 1, { adapter: 'bonjour' }),
      new TestBox(machineB, 2, { adapter: 'bonjour' }),
    ];

    // Started before there is any address, as at power-on.
    await a.process.hear('a waits', (told) => told.health === 'ok' && told.adapter === 'bonjour');
    a.change({ network: network('192.168.77.2', 'fd00:77::2') });
    b.change({ network: network('192.168.77.3') });
    await Promise.all([
      expectService(listener, a.instance, a, ['192.168.77.2', 'fd00:77::2']),
      expectService(listener, b.instance, b, ['192.168.77.3']),
    ]);
    const instance = a.instance.replace(`.${type}`, '');
    const state = await a.process.hear(
      'its state',
      (told) => told.instance === instance && told.health === 'ok',
    );
    expect(state).toMatchObject({ adapter: 'bonjour', host: a.host });

    // Each was announced at least twice (RFC 6762, 8.3); after that both answer who asks.
    const times = (): number => listener.heard.filter(isPointerTo(a.instance, true)).length;
    await expect.poll(times, soon).toBeGreaterThanOrEqual(3);
    // What everybody heard within the last second is not said again (RFC 6762, 6).
    await sleep(1100);
    let before = listener.heard.length;
    // Asked again and again, as resolvers do (RFC 6762, 5.2): an announcement may have been the moment before.
    const asking = setInterval(() => listener.say(`PTR ${type}`), 1500);
    listener.say(`PTR ${type}`);
    for (const { instance } of [a, b]) await listener.hear('an answer', isPointerTo(instance, true), before);
    clearInterval(asking);

    before = listener.heard.length;
    machineA.exec('ip', ['address', 'del', '192.168.77.2/24', 'dev', 'eth0']);
    machineA.exec('ip', ['address', 'add', '192.168.77.20/24', 'dev', 'eth0']);
    a.change({ network: network('192.168.77.20', 'fd00:77::2') });
    expect(await listener.hear('the new address', isAddress(a.host, '192.168.77.20'), before)).toMatchObject({
      flush: true,
    });
    await listener.hear('goodbye to the old address', isAddress(a.host, '192.168.77.2', false), before);
    listener.say(`A ${a.host}`);
    await listener.hear(
      'an answer from the new address',
      (record) => record.from === '192.168.77.20',
      before,
    );
    expect(listener.heard.slice(before).filter(isAddress(a.host, '192.168.77.2'))).toEqual([]);
    expect(listener.heard.slice(before).filter(isPointerTo(a.instance, false))).toEqual([]);

    before = listener.heard.length;
    a.change({ name: 'Küche v2.0' });
    await listener.hear('goodbye to the old name', isPointerTo(a.instance, false), before);
    const renamed = `Küche v2-0 (${shortId(a.identity.boxId)}).${type}`;
    await listener.hear('the new name', isPointerTo(renamed, true), before);

    before = listener.heard.length;
    expect(await a.process.end()).toBe(0);
    await listener.hear('goodbye', isPointerTo(renamed, false), before);
    listener.say(`PTR ${type}`);
    await listener.hear('the other box is still there', isPointerTo(b.instance, true), before);
    const types = listener.heard.slice(before).filter((record) => record.name.startsWith('_services.'));
    expect(types.filter((record) => record.ttl === 0)).toEqual([]);
    expect(await b.process.end()).toBe(0);
    await listener.end();
  });

  it('a box on two networks answers on each with the address it has there', async ({
    expect,
    onTestFinished,
  }) => {
    const [first, second] = [new TestHome(), new TestHome()];
    onTestFinished(() => [first, second].forEach((home) => home.remove()));
    const machine = first.plug('192.168.81.2/24');
    second.attach(machine, 'eth1', ['192.168.82.2/24']);
    const [here, there] = await Promise.all([
      listenerIn(first.plug('192.168.81.1/24')),
      listenerIn(second.plug('192.168.82.1/24')),
    ]);
    const box = new TestBox(machine, 1, { adapter: 'bonjour' });
    box.change({
      network: {
        interfaces: [
          { name: 'eth0', addresses: ['192.168.81.2'], preferred: true },
          { name: 'eth1', addresses: ['192.168.82.2'], preferred: false },
        ],
        addresses: ['192.168.81.2'],
      },
    });
    await expectService(here, box.instance, box, ['192.168.81.2']);
    await expectService(there, box.instance, box, ['192.168.82.2']);
    const before = there.heard.length;
    there.say(`A ${box.host}`);
    await there.hear('an answer', isAddress(box.host, '192.168.82.2'), before);
    expect(here.heard.filter(isAddress(box.host, '192.168.82.2'))).toEqual([]);
    expect(there.heard.filter(isAddress(box.host, '192.168.81.2'))).toEqual([]);
    expect(await box.process.end()).toBe(0);
    for (const listener of [here, there]) {
      await listener.hear('goodbye', isPointerTo(box.instance, false));
      await listener.end();
    }
  });

  it('two boxes by avahi-daemon: announced, renamed on conflict, moved, and handed over when the daemon ends', async ({
    onTestFinished,
  }) => {
    const home = new TestHome();
    onTestFinished(() => home.remove());
    const listener = await listenerIn(home.plug('192.168.78.1/24'));
    const [machineA, machineB] = [home.plug('192.168.78.2/24'), home.plug('192.168.78.3/24')];
    const [avahiA, avahiB] = await Promise.all([
      startAvahi(machineA, mkdtempSync(join(folder, 'avahi-')), 'kitchen-box'),
      startAvahi(machineB, mkdtempSync(join(folder, 'avahi-')), 'cellar-box'),
    ]);
    const a = new TestBox(machineA, 1, avahiA.places);
    a.change({ network: network('192.168.78.2') });
    const instance = `Kitchen & Co.${type}`;
    await expectService(listener, instance, { host: 'kitchen-box.local', identity: a.identity }, [
      '192.168.78.2',
    ]);
    const state = await a.process.hear(
      'its state',
      (told) => told.host === 'kitchen-box.local' && told.health === 'ok',
    );
    expect(state).toMatchObject({ adapter: 'avahi', instance: 'Kitchen & Co' });

    const b = new TestBox(machineB, 2, avahiB.places);
    b.change({ network: network('192.168.78.3') });
    const second = `Kitchen & Co #2.${type}`;
    await expectService(listener, second, { host: 'cellar-box.local', identity: b.identity }, [
      '192.168.78.3',
    ]);

    // Nobody tells the box: addresses are the daemon's trade.
    machineA.exec('ip', ['address', 'del', '192.168.78.2/24', 'dev', 'eth0']);
    machineA.exec('ip', ['address', 'add', '192.168.78.20/24', 'dev', 'eth0']);
    await listener.hear('the new address', isAddress('kitchen-box.local', '192.168.78.20'));

    let before = listener.heard.length;
    expect(await b.process.end()).toBe(0);
    await listener.hear('goodbye', isPointerTo(second, false), before);
    expect(readdirSync(avahiB.places.avahiServiceFolder)).toEqual([]);

    before = listener.heard.length;
    await avahiA.stop();
    await listener.hear('goodbye of the daemon', isPointerTo(instance, false), before);
    a.change({ network: network('192.168.78.20') });
    await listener.hear('the box speaks for itself', isPointerTo(a.instance, true), before);
    expect(readdirSync(avahiA.places.avahiServiceFolder)).toEqual([]);
    expect(await a.process.end()).toBe(0);
    await Promise.all([avahiB.stop(), listener.end()]);
  });

  it('lives on while another program holds the port for itself, says what to do, and speaks when it is free', async ({
    expect,
    onTestFinished,
  }) => {
    const home = new TestHome();
    onTestFinished(() => home.remove());
    const machine = home.plug('192.168.79.2/24');
    const hold = "require('dgram').createSocket('udp4').bind(5353, () => console.log('bound'))";
    const holder = machine.spawn(process.execPath, ['-e', hold], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (holder.stdout !== null) await once(holder.stdout, 'data');
    const box = new TestBox(machine, 1, { adapter: 'bonjour' });
    box.change({ network: network('192.168.79.2') });
    const trouble = await box.process.hear('the trouble', (told) => told.health === 'error');
    expect(trouble).toMatchObject({ instance: null, remedy: expect.stringContaining('port 5353') as string });

    const listener = await listenerIn(home.plug('192.168.79.1/24'));
    holder.kill('SIGKILL');
    await listener.hear('the box', isPointerTo(box.instance, true));
    await box.process.hear('no more trouble', (told) => told.health === 'ok' && told.host === box.host);
    expect(await box.process.end()).toBe(0);
    await listener.end();
  });

  it('is silent when it is told to be', async ({ expect, onTestFinished }) => {
    const home = new TestHome();
    onTestFinished(() => home.remove());
    const machine = home.plug('192.168.80.2/24');
    const listener = await listenerIn(home.plug('192.168.80.1/24'));
    const box = new TestBox(machine, 1, { adapter: 'off' });
    box.change({ network: network('192.168.80.2') });
    await box.process.hear('off', (told) => told.health === 'ok');
    expect(await box.process.end()).toBe(0);
    expect(listener.heard).toEqual(['ready']);
    await listener.end();
  });
});
