import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createSocket } from 'node:dgram';
import { decode } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DnsServer } from '../../../src/cloud/dns-server/dns-server.ts';
import { defaultResponseRate, ResponseRateLimiter } from '../../../src/cloud/dns-server/response-rate.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { exchangeTcp, framed, lookUp, query, UdpClient } from './dns-client.ts';
import { zoneRoot } from './options.ts';
import { type Running, serverOptions, startServer } from './support.ts';
import { crowdOf, crowds } from '../../support/crowd.ts';

/** Polls until `check` holds; the test's own time limit ends a wait in vain. */
async function eventually(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setImmediate(resolve));
}

/** However it comes: in good order or by a reset. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.resume().once('close', () => resolve());
  });
}

async function opened(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

describe('DNS over UDP and TCP', () => {
  const folder = temporaryFolder();
  const tcp = { connections: 4, idleMs: 300 };
  let running: Running;
  let port: number;
  const soa = query(zoneRoot, 'SOA', 5);

  beforeAll(async () => {
    running = await startServer(`${folder}/a`, { tcp });
    port = running.server.dnsPort;
  });

  afterAll(async () => {
    await running.stop();
  });

  it('answers on every host, IPv4 and IPv6', async () => {
    expect((await exchangeTcp(port, [soa])).map((answer) => decode(answer).id)).toEqual([5]);
    const udp = createSocket('udp6');
    udp.send(soa, port, '::1');
    const [message] = (await once(udp, 'message')) as [Buffer];
    udp.close();
    expect(decode(message)).toMatchObject({ id: 5, answers: [{ type: 'SOA' }] });
    const socket = connect({ port, host: '::1' });
    socket.write(framed(soa));
    const [data] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(data.subarray(2)).toEqual(message);
  });

  it('takes queries in pieces of any size, and answers them in order', async () => {
    const socket = await opened(port);
    const bytes = Buffer.concat([1, 2, 3].map((id) => framed(query(zoneRoot, 'SOA', id))));
    let received = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => (received = Buffer.concat([received, data])));
    socket.setNoDelay(true);
    for (const byte of bytes) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const length = framed((await exchangeTcp(port, [soa]))[0] ?? Buffer.alloc(0)).length;
    await eventually(() => received.length === 3 * length);
    expect([0, 1, 2].map((index) => received.readUInt16BE(index * length + 2))).toEqual([1, 2, 3]);
    socket.destroy();
  });

  it('ends a connection that only drips, one that does not read, and one that sends no DNS', async () => {
    const [drip, deaf, garbage] = await Promise.all([opened(port), opened(port), opened(port)]);
    const bytes = framed(soa);
    let sent = 0;
    const dripping = setInterval(
      () => drip.write(bytes.subarray(sent % bytes.length, (sent++ % bytes.length) + 1)),
      100,
    );
    deaf.pause();
    const many = Buffer.concat(Array.from({ length: 20_000 }, () => bytes));
    for (let round = 0; round < 5; round++) deaf.write(many);
    garbage.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1000));
    await Promise.all([closed(drip), closed(garbage)]);
    await eventually(() => running.server.metrics.tcpConnections === 0);
    clearInterval(dripping);
    deaf.destroy();
    expect(sent).toBeLessThan(bytes.length);
  });

  it.each(crowds)(
    'answers others by TCP while %i networks take all connections they can',
    async (networks) => {
      const small = await startServer(`${folder}/c${networks}`, { tcp: { connections: 60, idleMs: 60_000 } });
      const { dnsPort } = small.server;
      using _crowd = await crowdOf(networks, Math.ceil(200 / networks), dnsPort);
      const honest = await opened(dnsPort);
      for (let times = 0; times < 3; times++) {
        honest.write(framed(soa));
        await once(honest, 'data');
      }
      expect(small.server.metrics.tcpConnections).toBeLessThanOrEqual(61);
      honest.destroy();
      await small.stop();
    },
  );

  it('lets the connection go that is idle for longest when there are too many', async () => {
    const small = await startServer(`${folder}/b`, { tcp: { ...tcp, connections: 2, idleMs: 60_000 } });
    const [first, second] = [await opened(small.server.dnsPort), await opened(small.server.dnsPort)];
    first.write(framed(soa));
    await once(first, 'data');
    const third = await opened(small.server.dnsPort);
    await closed(second);
    expect([first.destroyed, third.destroyed]).toEqual([false, false]);
    // Whose place was taken counts no more for its network, however often that happens.
    for (let more = 0; more < 3; more++) {
      const next = await opened(small.server.dnsPort);
      next.write(framed(soa));
      const outcomes = (['data', 'close'] as const).map((event) => once(next, event).then(() => event));
      expect(await Promise.race(outcomes)).toBe('data');
    }
    for (const socket of [first, third]) socket.destroy();
    await small.stop();
  });

  it('names port and setting when a port is taken, and leaves nothing open', async () => {
    const { server } = running;
    for (const [where, taken, setting] of [
      [{ dns: { hosts: ['127.0.0.1'], port } }, port, 'dns.port'],
      [{ api: { host: '127.0.0.1', port: server.apiPort } }, server.apiPort, 'zone-api.port'],
    ] as const) {
      const second = new DnsServer(await serverOptions(`${folder}/c`, where));
      const error: unknown = await second.start(AbortSignal.timeout(10_000)).catch((error: unknown) => error);
      expect(error).toMatchObject({ code: 'port-in-use', details: { port: taken, setting } });
      expect((error as Error).message).toContain(`port ${taken}`);
      expect((error as Error).message).toContain(setting);
      await second.stop();
    }
    const elsewhere = new DnsServer(
      await serverOptions(`${folder}/c`, { dns: { hosts: ['192.0.2.1'], port: 0 } }),
    );
    const started = elsewhere.start(AbortSignal.timeout(10_000)).finally(() => void elsewhere.stop());
    await expect(started).rejects.toMatchObject({
      code: 'host-not-here',
      message: 'this machine has no address 192.0.2.1; set dns.hosts',
    });
  });
});

describe('response rate limiting', () => {
  it('counts by /24 and /56, and lets alone who cannot be the victim of a forged query', () => {
    const rate = { ...defaultResponseRate, perSecond: 0.001, burst: 1, slip: 0 };
    const limiter = new ResponseRateLimiter(rate);
    const decide = (client: string): string => limiter.decide(client, 'same answer', 0);
    expect(['8.8.8.8', '8.8.8.9', '8.8.9.8'].map(decide)).toEqual(['send', 'drop', 'send']);
    expect(['2600::1', '2600:0:0:ff::1', '2600:0:0:100::1'].map(decide)).toEqual(['send', 'drop', 'send']);
    for (const client of ['127.0.0.1', '192.168.1.1', 'fd00::1', 'fe80::1%eth0']) {
      expect([decide(client), decide(client)]).toEqual(['send', 'send']);
    }
    const strict = new ResponseRateLimiter({ ...rate, everyone: true });
    expect(['fe80::1%eth0', 'fe80::2%eth0'].map((client) => strict.decide(client, 'x', 0))).toEqual([
      'send',
      'drop',
    ]);
  });

  it('counts all answers to one network too: names are free', () => {
    const limiter = new ResponseRateLimiter({ ...defaultResponseRate, slip: 0 });
    const outcomes = new Map<string, number>();
    for (let name = 0; name < 10_000; name++) {
      const outcome = limiter.decide('8.8.8.8', `192-168-1-1.zone-${name}`, name / 10);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    // A second of it: the reserve, and what a second brings.
    expect(outcomes.get('send')).toBeLessThanOrEqual(2500);
    expect(outcomes.get('drop')).toBeGreaterThanOrEqual(7500);
    expect(limiter.decide('9.9.9.9', 'any', 1000)).toBe('send');
  });

  it('drops and cuts short the same answer to the same network, and nothing else', async () => {
    const responseRate = { perSecond: 0.001, burst: 10, slip: 2, everyone: true };
    const running = await startServer(temporaryFolder(), { responseRate });
    const { dnsPort } = running.server;
    const client = await UdpClient.open();
    const flood = Array.from({ length: 40 }, (_, id) => query(`random-${id}.${zoneRoot}`, 'A', id));
    const answers = (await client.exchange(dnsPort, flood, { atOnce: 40, attempts: 1 })).filter(
      (answer) => answer !== undefined,
    );
    const cut = answers.filter((answer) => ((answer[2] ?? 0) & 0x02) !== 0);
    expect([answers.length, cut.length]).toEqual([25, 15]);
    expect(running.server.metrics.limited).toBe(30);
    // Another name, and TCP: as ever.
    expect(await lookUp(dnsPort, zoneRoot, 'NS')).toHaveLength(2);
    expect(await exchangeTcp(dnsPort, flood)).toHaveLength(40);
    await client.close();
    await running.stop();
  });
});
