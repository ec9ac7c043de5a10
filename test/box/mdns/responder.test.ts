import { mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import { type Namespace, withoutNamespaces } from '../../support/netns.ts';
import { soon } from '../../support/soon.ts';
import { type HeardRecord, listenerIn, startAvahi, Talker, TestHome } from './home.ts';
import { isAddress, isPointerTo, network, TestBox, type } from './test-box.ts';

const bonjour = { adapter: 'bonjour' };
const folder = temporaryFolder();

/** dig, as a plain resolver that knows nothing of mDNS: a port of its own, an id, one answer. */
function dig(machine: Namespace, server: string, ...question: string[]): string {
  return machine.exec('dig', ['-p', '5353', `@${server}`, '+tries=3', '+time=3', ...question]);
}

async function rogueIn(machine: Namespace, address: string): Promise<Talker<number>> {
  const rogue = new Talker<number>(machine, 'rogue-process.ts', [address]);
  await rogue.hear('it listens', (heard) => heard === 0);
  return rogue;
}

describe.skipIf(withoutNamespaces)('a box among others on a home network', { timeout: 120_000 }, () => {
  it('answers plain resolvers, known answers, questions for one alone, and for what it has not', async ({
    expect,
    onTestFinished,
  }) => {
    const home = new TestHome();
    onTestFinished(() => home.remove());
    const machine = home.plug('192.168.90.1/24');
    const listener = await listenerIn(machine);
    const boxMachine = home.plug('192.168.90.2/24');
    const box = new TestBox(boxMachine, 1, bonjour);
    box.change({ network: network('192.168.90.2') });
    await listener.hear('announced', isPointerTo(box.instance, true));
    const times = (): number => listener.heard.filter(isPointerTo(box.instance, true)).length;
    await expect.poll(times, soon).toBe(3);

    // RFC 6762, 10: two minutes for what has a host name in it, 75 for the rest; only what all share has no flush bit.
    const said = (kind: string): HeardRecord | undefined =>
      listener.heard.find((record) => record.type === kind && record.name !== '_services._dns-sd._udp.local');
    expect(said('PTR')).toMatchObject({ ttl: 4500, flush: false });
    expect(said('TXT')).toMatchObject({ ttl: 4500, flush: true });
    expect(said('SRV')).toMatchObject({ ttl: 120, flush: true });
    expect(said('A')).toMatchObject({ ttl: 120, flush: true });

    // RFC 6762, 6.7: a plain resolver gets an answer of its id and question, not to be kept, by unicast.
    const plain = dig(machine, '192.168.90.2', box.host, 'A');
    expect(plain).toMatch(new RegExp(`^${box.host}\\.\\s+10\\s+IN\\s+A\\s+192\\.168\\.90\\.2$`, 'm'));
    expect(plain).toContain(`;${box.host}.\t`);
    expect(plain).toContain('status: NOERROR');
    expect(plain).not.toMatch(/mismatch|unexpected|malformed/i);
    expect(dig(boxMachine, '192.168.90.2', '+short', box.host, 'A')).toBe('192.168.90.2\n');
    expect(dig(machine, '192.168.90.2', type, 'PTR')).toMatch(/SRV\s+0 0 8443 porchlight-/);
    expect(dig(machine, '192.168.90.2', box.host.toUpperCase(), 'A')).toContain('192.168.90.2');
    // dig 9.18 takes answers from the group's own address alone (avahi-daemon's are lost on it too); others take them.
    let before = listener.heard.length;
    listener.say(`A ${box.host} plain`);
    const { host } = box;
    const answer = await listener.hear(
      'an answer',
      (record) => record.unicast && isAddress(host, '192.168.90.2')(record),
      before,
    );
    const questions = [{ name: host, type: 'A', class: 'IN' }];
    expect(answer).toMatchObject({ unicast: true, id: 4711, questions, ttl: 10, flush: false });

    // RFC 6762, 6.1: the name is ours and has no such record; said, not left to a time-out.
    const only = /NSEC\s+porchlight-[a-z2-7]{8}\.local\. A$/m;
    expect(dig(machine, '192.168.90.2', host, 'AAAA')).toMatch(only);
    expect(dig(machine, '192.168.90.2', host, 'HTTPS')).toMatch(only);
    expect(dig(machine, '192.168.90.2', host, 'A')).toMatch(only);
    const stranger = ['+tries=1', '+time=1', 'other.local', 'A'];
    expect(() => dig(machine, '192.168.90.2', ...stranger)).toThrow(/Command failed/);

    // Unlike a plain one, a responder's question is answered to all; wanting an answer alone is granted (5.4).
    before = listener.heard.length;
    listener.say(`A ${box.host}`);
    const shared = isAddress(box.host, '192.168.90.2');
    const heardOf = (accept: (record: HeardRecord) => boolean): HeardRecord[] =>
      listener.heard.slice(before).filter(accept);
    expect((await listener.hear('to all', shared, before)).unicast).toBe(false);
    await listener.hear('there is no AAAA', ({ type: kind }) => kind === 'NSEC', before);
    before = listener.heard.length;
    listener.say(`A ${box.host} qu`);
    expect(await listener.hear('to one', shared, before)).toMatchObject({
      unicast: true,
      ttl: 120,
      flush: true,
    });
    before = listener.heard.length;
    listener.say(`A ${box.host} 192.168.90.2`);
    expect(await listener.hear('to who asked directly', shared, before)).toMatchObject({ unicast: true });

    // RFC 6762, 7.1 and 7.2: who says that it knows is not told again; proven by what is answered after it.
    for (const how of ['known', 'more']) {
      before = listener.heard.length;
      listener.say(`PTR ${type} ${how}`);
      if (how === 'more') await new Promise((resolve) => setTimeout(resolve, 1000));
      listener.say(`A ${box.host} 192.168.90.2`);
      await listener.hear('a later answer', ({ type: kind, unicast }) => kind === 'A' && unicast, before);
      expect(heardOf(isPointerTo(box.instance, true))).toEqual([]);
    }

    before = listener.heard.length;
    expect(await box.process.end()).toBe(0);
    await listener.hear('goodbye', isPointerTo(box.instance, false), before);
    await listener.end();
  });

  it('keeps its names from who asks first, and leaves to others what they had', async ({
    expect,
    onTestFinished,
  }) => {
    const home = new TestHome();
    onTestFinished(() => home.remove());
    const listener = await listenerIn(home.plug('192.168.91.1/24'));
    const rogue = await rogueIn(home.plug('192.168.91.66/24'), '192.168.91.66');
    const box = new TestBox(home.plug('192.168.91.2/24'), 1, bonjour);
    const second = box.host.replace('.local', '-2.local');
    rogue.say(box.host);
    box.change({ network: network('192.168.91.2') });
    const told = await box.process.hear('it is renamed', ({ health }) => health === 'warning');
    expect(told).toMatchObject({
      host: second,
      message: expect.stringContaining("(192.168.91.66) uses the box's .local name; it is now") as string,
      remedy: expect.stringContaining('rename it or switch it off') as string,
    });
    await listener.hear('the next name', isAddress(second, '192.168.91.2'));
    expect(listener.heard.filter(isAddress(box.host, '192.168.91.2'))).toEqual([]);

    // Somebody who says a name of ours and does not defend it: asked, and then said again by us (RFC 6762, 9).
    const probes = rogue.heard.length;
    rogue.say(`once ${second}`);
    await expect.poll(() => rogue.heard.length, soon).toBeGreaterThanOrEqual(probes + 3);
    let before = listener.heard.length;
    await listener.hear('said again', isAddress(second, '192.168.91.2'), before);

    // One who takes it while it is in use and stays: the box goes on to the next.
    before = listener.heard.length;
    rogue.say(second);
    const third = box.host.replace('.local', '-3.local');
    await listener.hear('the one after', isAddress(third, '192.168.91.2'), before);
    await box.process.hear('told', ({ host }) => host === third);
    expect(await box.process.end()).toBe(0);

    // One who takes whatever is asked for: no storm of probes, in words, and found as soon as it ends.
    const other = new TestBox(home.plug('192.168.91.3/24'), 2, bonjour);
    rogue.say('everything');
    other.change({ network: network('192.168.91.3') });
    await other.process.hear(
      'no name',
      ({ health, message }) => health === 'warning' && message?.includes('has none') === true,
    );
    const then = rogue.heard.length;
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    expect(rogue.heard.length - then).toBeLessThanOrEqual(9);
    rogue.say('quiet');
    await listener.hear('at last', ({ type: kind, data }) => kind === 'A' && data === '192.168.91.3');
    expect(await other.process.end()).toBe(0);
    await Promise.all([rogue.end(), listener.end()]);
  });

  it('two of one name that start together end with two names', async ({ expect, onTestFinished }) => {
    const home = new TestHome();
    onTestFinished(() => home.remove());
    const boxes = ['192.168.92.2', '192.168.92.3'].map((address) => ({
      address,
      box: new TestBox(home.plug(`${address}/24`), 1, bonjour),
    }));
    for (const { box } of boxes) await box.process.hear('ready', (heard) => (heard as unknown) === 'ready');
    for (const { box, address } of boxes) box.change({ network: network(address) });
    const settled = (): (string | null | undefined)[] =>
      boxes
        .map(({ box }) => box.process.heard.findLast(({ health }) => health !== undefined)?.host)
        .toSorted((a, b) => (String(a) < String(b) ? -1 : 1));
    const [one] = boxes;
    await expect
      .poll(settled, { ...soon, timeout: 30_000 })
      .toEqual([one?.box.host.replace('.local', '-2.local'), one?.box.host]);
    for (const { box } of boxes) expect(await box.process.end()).toBe(0);
  });

  it('beside avahi-daemon and python3-zeroconf: found by both, and neither gets its name', async ({
    expect,
    onTestFinished,
  }) => {
    const home = new TestHome();
    onTestFinished(() => home.remove());
    const listener = await listenerIn(home.plug('192.168.93.1/24'));
    const box = new TestBox(home.plug('192.168.93.2/24'), 1, bonjour);
    box.change({ network: network('192.168.93.2') });
    await listener.hear('announced', isAddress(box.host, '192.168.93.2'));

    const wanted = box.host.replace('.local', '');
    const avahi = await startAvahi(home.plug('192.168.93.3/24'), mkdtempSync(join(folder, 'avahi-')), wanted);
    await listener.hear('avahi takes another', isAddress(`${wanted}-2.local`, '192.168.93.3'));
    const { avahiSocket } = avahi.places;
    const found = await ask(avahiSocket, `RESOLVE-HOSTNAME-IPV4 ${box.host}`);
    expect(found).toMatch(/^\+ .* 192\.168\.93\.2$/m);
    await avahi.stop();

    const python = home
      .plug('192.168.93.4/24')
      .exec('/usr/bin/python3', [
        join(import.meta.dirname, 'stranger.py'),
        '192.168.93.4',
        box.instance.replace(`.${type}`, ''),
      ]);
    expect(
      python
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { server: `${box.host}.`, port: 8443, addresses: ['192.168.93.2'], id: box.identity.boxId },
      'taken',
    ]);
    expect(box.process.heard.filter(({ health }) => health === 'warning')).toEqual([]);
    expect(await box.process.end()).toBe(0);
    await listener.end();
  });
});

function ask(path: string, question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path }, () => socket.write(`${question}\n`));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (text.includes('\n')) socket.end();
    });
    socket.on('error', reject).on('close', () => resolve(text));
  });
}
