import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { Relay, type RelayOptions } from '../../../src/cloud/relay/relay.ts';
import type { RelayLimits } from '../../../src/cloud/relay/limits.ts';
import { tunnelSecret } from '../../../src/cloud/tunnel-secret.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { Problem } from '../../../src/kit/runtime/errors.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { captureClientHello } from './hello.ts';
import { soon as patient } from '../../support/soon.ts';
import { crowdAddress, crowdOf, crowds } from '../../support/crowd.ts';
import { soon } from './soon.ts';
import { answerChallenge, challenge, head, proveKite, type Proof, type ScriptedBox } from './scripted-box.ts';

const zoneRoot = 'box.test';
const masterKey = Buffer.alloc(32, 5);
const boxId = 'a'.repeat(52);
const kiteName = `remote.${boxId}.${zoneRoot}`;
const otherName = `remote.${'b'.repeat(51)}a.${zoneRoot}`;
const hello = await captureClientHello(kiteName);
const many = { burst: 1e4, perSecond: 1e4 };
const rates = { own: many, all: many };
const unrecognizedName = Buffer.from([0x15, 3, 3, 0, 2, 2, 112]);

function relayWith(options: Partial<RelayOptions>): Relay {
  return new Relay({
    host: '127.0.0.1',
    port: 0,
    zoneRoot,
    masterKey,
    log: silentLog,
    clock: systemClock,
    health: new Health(systemClock),
    ...options,
  });
}

/** A relay, and everything that connects to it; all gone at the end. */
class Stage {
  readonly relay: Relay;
  readonly #sockets: Socket[] = [];

  private constructor(relay: Relay) {
    this.relay = relay;
  }

  static async set(limits: Partial<RelayLimits> = {}, options: Partial<RelayOptions> = {}): Promise<Stage> {
    const relay = relayWith({ limits: { drainMs: 300, ...limits }, ...options });
    await relay.start();
    return new Stage(relay);
  }

  proof(more: Partial<Proof> = {}): Proof {
    const name = more.kiteName ?? kiteName;
    const { secret } = tunnelSecret(masterKey, name, Date.now());
    return { port: this.relay.port, kiteName: name, secret, ...more };
  }

  async box(more: Partial<Proof> = {}): Promise<ScriptedBox> {
    const box = await proveKite(this.proof(more));
    this.#sockets.push(box.socket);
    return box;
  }

  connect(localAddress = '127.0.0.1'): Socket {
    const socket = connect({
      port: this.relay.port,
      host: '127.0.0.1',
      localAddress,
      allowHalfOpen: true,
    });
    socket.on('error', () => undefined);
    this.#sockets.push(socket);
    return socket;
  }

  /** A visitor who has said hello, and the stream id the box got for it. */
  async visitor(box: ScriptedBox, localAddress?: string): Promise<{ socket: Socket; sid: string }> {
    const before = box.opened.length;
    const socket = this.connect(localAddress);
    socket.write(hello);
    await vi.waitUntil(() => box.opened.length > before, patient);
    return { socket, sid: box.opened[before]?.get('sid') ?? '' };
  }

  get refusals(): Record<string, number> {
    return { ...this.relay.metrics.refusals };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.relay.stop();
  }
}

/** Everything until the end. */
async function all(socket: Socket): Promise<Buffer> {
  return Buffer.concat(await socket.toArray().catch(() => []));
}

describe.concurrent('a visitor', () => {
  it('reaches the box that proved the name, with address and every byte', async () => {
    await using stage = await Stage.set({}, { publicPort: 443 });
    const box = await stage.box();
    const { socket, sid } = await stage.visitor(box, '127.0.0.7');
    expect(Object.fromEntries(box.opened[0] ?? [])).toMatchObject({
      proto: 'https', host: kiteName, port: '443', rip: '::ffff:127.0.0.7', rport: String(socket.localPort),
    }); // prettier-ignore
    socket.end('more');
    await soon(() => expect(box.frames.some(({ headers }) => headers.get('eof') === '1R')).toBe(true));
    expect(box.dataOf(sid)).toEqual(Buffer.concat([hello, Buffer.from('more')]));
    box.send([['SID', sid]], 'answer');
    box.send([['SID', sid], ['EOF', '1R']]); // prettier-ignore
    expect((await all(socket)).toString()).toBe('answer');
    await soon(() => expect(stage.relay.metrics).toMatchObject({ streams: 0, bytesToVisitors: 6 }));
  });

  it('may send its ClientHello byte by byte', async () => {
    await using stage = await Stage.set();
    const box = await stage.box();
    const socket = stage.connect();
    socket.setNoDelay(true);
    for (const byte of hello.subarray(0, 50))
      await new Promise((done) => socket.write(Buffer.of(byte), done));
    socket.write(hello.subarray(50));
    await soon(() => expect(box.opened).toHaveLength(1));
    expect(box.dataOf(box.opened[0]?.get('sid') ?? '')).toEqual(hello);
  });

  it('is told at once, in TLS, that there is no such box', async () => {
    await using stage = await Stage.set();
    const socket = stage.connect();
    socket.write(hello);
    expect(await all(socket)).toEqual(unrecognizedName);
    const client = connectTls({ port: stage.relay.port, host: '127.0.0.1', servername: kiteName });
    const [error] = (await once(client, 'error')) as [Error & { code: string }];
    expect(error.code).toMatch(/UNRECOGNIZED_NAME/);
    expect(stage.refusals).toMatchObject({ 'no-such-tunnel': 2 });
  });

  it('is told so too when it names nobody', async () => {
    await using stage = await Stage.set();
    const socket = stage.connect();
    socket.write(await captureClientHello(undefined));
    expect(await all(socket)).toEqual(unrecognizedName);
  });

  it('may go on sending after the box has ended its answer, until the box takes no more', async () => {
    await using stage = await Stage.set();
    const box = await stage.box();
    const { socket, sid } = await stage.visitor(box);
    box.send([['SID', sid], ['EOF', '1R']]); // prettier-ignore
    await once(socket.resume(), 'end');
    socket.write('more');
    await soon(() => expect(box.dataOf(sid).toString('latin1')).toMatch(/more$/));
    box.send([['SID', sid], ['EOF', '1W']]); // prettier-ignore
    await soon(() => expect(stage.relay.metrics.streams).toBe(0));
  });

  it('gets the rest of an answer after the box has closed', async () => {
    await using stage = await Stage.set();
    const box = await stage.box();
    const { socket, sid } = await stage.visitor(box);
    const answer = Buffer.alloc(1_500_000, 'x');
    for (let at = 0; at < answer.length; at += 60_000)
      box.send([['SID', sid]], answer.subarray(at, at + 60_000));
    box.send([['SID', sid], ['EOF', '1WR']]); // prettier-ignore
    expect((await all(socket)).length).toBe(answer.length);
    await soon(() => expect(stage.relay.metrics.streams).toBe(0));
  });

  it('who speaks HTTP is told what this is', async () => {
    await using stage = await Stage.set();
    const socket = stage.connect();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect((await all(socket)).toString()).toMatch(/^HTTP\/1\.1 503 .*\r\nX-PageKite-UUID: [0-9a-f]{40}\r\n/);
  });
});

describe.concurrent('a box', () => {
  it('is asked for its proof and given a session', async () => {
    await using stage = await Stage.set();
    const { answer } = await challenge(stage.proof());
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toContain(`X-PageKite-SignThis: https:${kiteName}:f00d:`);
    const box = await stage.box();
    expect(box.answer).toContain(`X-PageKite-OK: https:${kiteName}:f00d`);
    expect(box.sessionId).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each<[string, Partial<Proof>, string]>([
    ['with a wrong secret', { secret: 'wrong' }, 'unauthorized'],
    [
      'for the name of another box',
      { kiteName: otherName, secret: tunnelSecret(masterKey, kiteName, Date.now()).secret },
      'unauthorized',
    ],
    ['for a name outside of the zones', { kiteName: 'remote.example.org' }, 'not-this-zone'],
  ])('is refused %s', async (_what, more, reason) => {
    await using stage = await Stage.set();
    const box = await stage.box(more);
    expect(box.answer).toContain(`X-PageKite-Invalid-Why: https:${more.kiteName ?? kiteName}:f00d;${reason}`);
    await once(box.socket, 'close');
    expect(stage.relay.metrics).toMatchObject({
      tunnelsOpened: 0,
      refusals: { 'kite-refused': expect.any(Number) },
    });
  });

  it('can use a challenge only once', async () => {
    await using stage = await Stage.set();
    const { token } = await challenge(stage.proof());
    const box = await answerChallenge(stage.proof(), token);
    expect(box.answer).toContain('X-PageKite-OK');
    // Somebody on the way has recorded it.
    const replayed = await answerChallenge(stage.proof(), token);
    expect(replayed.answer).toContain(';challenge');
    expect(stage.relay.metrics).toMatchObject({ tunnels: 1, takeOvers: 0 });
    box.socket.destroy();
  });

  it('gets an answer to its questions, and is asked when it is silent', async () => {
    await using stage = await Stage.set({ pingMs: 500 });
    const box = await stage.box();
    box.send([['NOOP', 1], ['PING', '12.34']]); // prettier-ignore
    await soon(() => expect(box.frames.some(({ headers }) => headers.get('pong') === '12.34')).toBe(true));
    await once(box.socket, 'close');
    expect(box.frames.some(({ headers }) => headers.has('ping'))).toBe(true);
    expect(stage.refusals).toMatchObject({ 'tunnel-silent': 1 });
  });

  it('is not given up by a relay that stood still itself, and asked nothing', async () => {
    await using stage = await Stage.set({ pingMs: 500 });
    const box = await stage.box();
    box.socket.on('data', () => {
      const question = box.frames.findLast(({ headers }) => headers.has('ping'));
      box.send([['NOOP', 1], ['PONG', question?.headers.get('ping') ?? '']]); // prettier-ignore
    });
    for (let stalls = 0; stalls < 3; stalls++) {
      // The whole process, as a busy machine or a suspended one: longer than three questions' time.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
    expect(stage.refusals).not.toHaveProperty('tunnel-silent');
    expect(box.socket.closed).toBe(false);
  });

  it('that comes back takes over its name at once, while those inside may finish', async () => {
    await using stage = await Stage.set({ drainMs: 20_000 });
    const old = await stage.box();
    const closed = once(old.socket, 'close');
    const inside = await stage.visitor(old);
    const box = await stage.box();
    const next = await stage.visitor(box);
    expect(next.sid).not.toBe('');
    old.send([['SID', inside.sid]], 'finished');
    old.send([['SID', inside.sid], ['EOF', '1WR']]); // prettier-ignore
    expect((await all(inside.socket)).toString()).toBe('finished');
    await closed;
    expect(stage.relay.metrics).toMatchObject({ tunnels: 1, streams: 1, takeOvers: 1 });
  });

  it('that says its old connection is gone ends it at once', async () => {
    await using stage = await Stage.set({ drainMs: 60_000 });
    const old = await stage.box();
    const inside = await stage.visitor(old);
    const box = await stage.box({ headers: [`X-PageKite-Replace: ${old.sessionId}`] });
    await Promise.all([once(old.socket, 'close'), all(inside.socket)]);
    expect(stage.relay.metrics).toMatchObject({ tunnels: 1, streams: 0 });
    box.socket.destroy();
  });

  it('cannot end the connection of another', async () => {
    await using stage = await Stage.set();
    const victim = await stage.box();
    await stage.box({ kiteName: otherName, headers: [`X-PageKite-Replace: ${victim.sessionId}`] });
    expect((await stage.visitor(victim)).sid).toBe('1');
    expect(stage.relay.metrics).toMatchObject({ tunnels: 2, takeOvers: 0 });
  });

  it('may wrap its connection in TLS, and only with the relay that owns the name', async () => {
    const ca = await createTestCa();
    const certName = 'relay.test';
    await using stage = await Stage.set({}, { tls: { ...(await ca.issue([certName])), certName } });
    const through = async (target: string): Promise<Socket> => {
      const raw = stage.connect();
      raw.write(`CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
      const answer = await head(raw);
      if (!answer.startsWith('HTTP/1.1 200')) return raw;
      const secure = connectTls({ socket: raw, servername: certName, ca: ca.caPem });
      await once(secure, 'secureConnect');
      return secure;
    };
    const box = await stage.box({ through: () => through(`${certName}:443`) });
    const { sid } = await stage.visitor(box);
    expect(box.dataOf(sid)).toEqual(hello);
    expect(await through('bank.example:443')).not.toBeInstanceOf(TLSSocket);
  });
});

describe.concurrent('limits', () => {
  it('bound how long and how large a first word may be', async () => {
    await using stage = await Stage.set({ helloMs: 200 });
    const slow = stage.connect();
    slow.write(hello.subarray(0, 20));
    const silent = stage.connect();
    const slowHttp = stage.connect();
    slowHttp.write('CONNECT PageKite:1 HTTP/1.0\r\nX: ');
    const large = stage.connect();
    large.write(
      Buffer.concat([Buffer.from('CONNECT PageKite:1 HTTP/1.0\r\nX: '), Buffer.alloc(40_000, 'x')]),
    );
    const fragments = stage.connect();
    // A ClientHello of 16 MB, in many records.
    const record = Buffer.concat([Buffer.from([0x16, 3, 1, 0x10, 0]), Buffer.alloc(4096, 1)]);
    record.set([1, 0xff, 0xff, 0xff], 5);
    for (let sent = 0; sent < 8; sent++) fragments.write(record);
    await Promise.all([slow, silent, slowHttp, large, fragments].map(all));
    expect(stage.refusals).toMatchObject({ 'hello-too-slow': 3, 'hello-too-large': 2 });
    await soon(() => expect(stage.relay.metrics.connections).toBe(0));
  });

  it.each(crowds)('let visitors in while %i networks take all connections they can', async (networks) => {
    await using stage = await Stage.set({ connections: 60 });
    const box = await stage.box();
    const { socket } = await stage.visitor(box);
    using _silent = await crowdOf(networks, Math.ceil(200 / networks), stage.relay.port);
    expect((await stage.visitor(box, '127.0.0.9')).sid).toBe('2');
    expect((await stage.visitor(await stage.box())).sid).toBe('1');
    expect(socket.destroyed).toBe(false);
    expect(stage.relay.metrics.connections).toBeLessThanOrEqual(60 + 2);
  });

  it.each(crowds)('keep a box open while %i networks want all its places', async (networks) => {
    await using stage = await Stage.set({ streamsPerBox: 60, newStreams: { ...rates, client: many } });
    const box = await stage.box();
    const { socket } = await stage.visitor(box);
    for (let network = 1; network <= networks; network++)
      for (let times = 0; times < 200 / networks; times++) stage.connect(crowdAddress(network)).write(hello);
    await soon(() => expect(stage.relay.metrics.streamsOpened).toBeGreaterThan(150));
    for (let times = 0; times < 3; times++) await stage.visitor(box, '127.0.0.9');
    expect(socket.destroyed).toBe(false);
    expect(stage.relay.metrics.streams).toBeLessThanOrEqual(60);
    await soon(() => expect(stage.refusals['too-many-streams']).toBeGreaterThan(100));
  });

  it.each(crowds)('keep a box open while %i networks come as fast as they can', async (networks) => {
    const all = { burst: 20, perSecond: 0.001 };
    const own = { burst: 2, perSecond: 0.001 };
    await using stage = await Stage.set({
      newStreams: { client: { burst: 30, perSecond: 0.001 }, own, all },
    });
    const box = await stage.box();
    for (let network = 1; network <= networks; network++)
      for (let times = 0; times < 200 / networks; times++) stage.connect(crowdAddress(network)).write(hello);
    // On a busy machine some say hello too late: those are gone as well.
    const gone = (): number => Object.values(stage.refusals).reduce((sum, count) => sum + count, 0);
    await soon(() => expect(gone()).toBeGreaterThan(50));
    expect(stage.refusals['streams-too-fast']).toBeGreaterThan(0);
    const opened = new Set(
      (await Promise.all([1, 2].map(() => stage.visitor(box, '127.0.0.9')))).map(({ sid }) => sid),
    );
    expect(opened.size).toBeGreaterThan(0);
  });

  it('close the visitors of a box that says nothing to them', async () => {
    await using stage = await Stage.set({ answerMs: 100 });
    const box = await stage.box();
    const silent = await stage.visitor(box);
    const served = await stage.visitor(box);
    box.send([['SID', served.sid]], Buffer.from('hello'));
    await once(served.socket, 'data');
    await all(silent.socket);
    expect(served.socket.destroyed).toBe(false);
    expect(stage.refusals).toMatchObject({ 'box-silent': 1 });
  });

  it('end the visitor that hoards, not the one that is served', async () => {
    await using stage = await Stage.set({
      bufferedBytesPerBox: 3_000_000,
      bufferedBytesPerStream: 2_500_000,
    });
    const box = await stage.box();
    const [hoarder, other, good] = [
      await stage.visitor(box),
      await stage.visitor(box),
      await stage.visitor(box),
    ];
    let received = 0;
    good.socket.on('data', (bytes: Buffer) => (received += bytes.length));
    // A box that ignores flow control, and visitors who do not read.
    const chunk = Buffer.alloc(60_000);
    for (let round = 0; round < 400 && !hoarder.socket.closed; round++) {
      for (const { sid } of [hoarder, hoarder, other, good]) box.send([['SID', sid]], chunk);
      await new Promise((done) => box.socket.write('', done));
      expect(stage.relay.metrics.bufferedBytes).toBeLessThan(3_500_000);
    }
    await soon(() => expect(received).toBe(400 * chunk.length));
    const { refusals } = stage;
    expect((refusals['box-buffer-full'] ?? 0) + (refusals['stream-buffer-full'] ?? 0)).toBeGreaterThan(0);
    expect(good.socket.closed).toBe(false);
  });

  it('bound what waits for a box that asks but does not read', async () => {
    await using stage = await Stage.set();
    const box = await stage.box();
    box.socket.pause();
    const question = Buffer.from('NOOP: 1\r\nPING: 0123456789012345678901234567890123456789\r\n\r\n!');
    const flood = Buffer.concat(
      Array.from({ length: 20_000 }, () =>
        Buffer.concat([Buffer.from(`${question.length.toString(16)}\r\n`), question]),
      ),
    );
    for (let sent = 0; sent < 60 && !box.socket.destroyed; sent++)
      await new Promise((done) => box.socket.write(flood, done));
    await soon(() => expect(stage.refusals['tunnel-stalled']).toBe(1));
    expect(stage.relay.metrics.tunnels).toBe(0);
  });

  it('let one box have a few tunnels only', async () => {
    await using stage = await Stage.set({ tunnelsPerBox: 2, drainMs: 60_000 });
    for (let turn = 0; turn < 5; turn++) await stage.visitor(await stage.box());
    expect(stage.relay.metrics.tunnels).toBe(2);
    expect(stage.refusals).toMatchObject({ 'too-many-tunnels': 3 });
  });

  it('hold against thousands of connections that say nothing: those who speak get through', async () => {
    await using stage = await Stage.set({
      connections: 1500,
      helloMs: 60_000,
    });
    for (let index = 0; index < 2500; index++) stage.connect(`127.0.1.${1 + (index % 5)}`);
    await soon(() => expect(stage.refusals).toMatchObject({ 'too-many-connections': 1000 }));
    expect(stage.relay.metrics.connections).toBe(1500);
    expect((await stage.visitor(await stage.box())).sid).toBe('1');
    expect(stage.relay.metrics.connections).toBeLessThanOrEqual(1500);
  });
});

describe.concurrent('a hostile box', () => {
  it.each([
    ['a frame of 4 GB', 'ffffffff\r\n'],
    ['a frame without a length', 'GET / HTTP/1.1\r\n\r\n'],
    ['a frame without headers', '4\r\nabcd'],
  ])('is cut off when it sends %s', async (_what, text) => {
    await using stage = await Stage.set();
    const box = await stage.box();
    const { socket } = await stage.visitor(box);
    box.socket.write(text);
    // 4 GB are refused at once; what is merely too little is not, until it is complete.
    await all(socket);
    expect(stage.refusals).toMatchObject({ 'frames-malformed': 1 });
  });

  it('reaches nobody with streams that are not its own', async () => {
    await using stage = await Stage.set();
    const [box, other] = [await stage.box(), await stage.box({ kiteName: otherName })];
    const { socket, sid } = await stage.visitor(box);
    for (const strange of [sid, '0', '99999', '999999999999', '-1', 'x']) {
      other.send([['SID', strange]], 'injected');
      other.send([['NOOP', 1], ['SID', strange], ['SKB', 999_999_999]]); // prettier-ignore
      other.send([['SID', strange], ['EOF', '1WR']]); // prettier-ignore
    }
    other.send([['NOOP', 1], ['PING', 'done']]); // prettier-ignore
    await soon(() => expect(other.frames.some(({ headers }) => headers.get('pong') === 'done')).toBe(true));
    box.send([['SID', sid]], 'true');
    box.send([['SID', sid], ['EOF', '1R']]); // prettier-ignore
    expect((await once(socket, 'data')).toString()).toBe('true');
    expect(stage.relay.metrics.tunnels).toBe(2);
  });

  it('gets no more of a visitor than a window, whatever it claims to have passed on', async () => {
    await using stage = await Stage.set();
    const box = await stage.box();
    const { socket, sid } = await stage.visitor(box);
    socket.write(Buffer.alloc(8_000_000));
    await soon(() => expect(box.dataOf(sid).length).toBeGreaterThan(262_144 - 1));
    const first = stage.relay.metrics.bytesToBoxes;
    expect(first).toBeLessThan(262_144 + 70_000);
    box.send([['NOOP', 1], ['SID', sid], ['SKB', 999_999_999]]); // prettier-ignore
    await soon(() => expect(stage.relay.metrics.bytesToBoxes).toBeGreaterThan(first));
    box.send([['NOOP', 1], ['PING', 'a']]); // prettier-ignore
    await soon(() => expect(box.frames.some(({ headers }) => headers.has('pong'))).toBe(true));
    expect(stage.relay.metrics.bytesToBoxes).toBeLessThan(first + 262_144 + 70_000);
  });
});

describe.concurrent('the relay', () => {
  it('survives whatever visitors and boxes send', async () => {
    await using stage = await Stage.set({ tunnelsPerBox: 100 });
    const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    const words = fc.constantFrom(
      hello,
      hello.subarray(0, 100),
      Buffer.from('CONNECT PageKite:1 HTTP/1.0\r\n'),
      Buffer.from(`X-PageKite: https:${kiteName}:f00d::\r\n`),
      Buffer.from('CONNECT x:443 HTTP/1.1\r\n'),
      Buffer.from('\r\n\r\n'),
      Buffer.from([0x16, 3, 1, 0x3f, 0xff]),
    );
    const name = fc.constantFrom('SID', 'EOF', 'SKB', 'NOOP', 'PING', 'Proto', 'X-PageKite');
    const value = fc.oneof(fc.nat(3).map(String), fc.constantFrom('1R', '1W', '1WR', '-1', '1e99', ''));
    const frame = fc.tuple(fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 3 }), noise);
    const [spoken, framed] = [
      fc.array(fc.oneof(noise, words), { maxLength: 6 }),
      fc.array(frame, { maxLength: 12 }),
    ];
    for (const [pieces, frames] of fc.sample(fc.tuple(spoken, framed), 150)) {
      const stranger = stage.connect();
      for (const piece of pieces) stranger.write(piece);
      const box = await stage.box();
      const visitor = stage.connect();
      visitor.write(hello);
      for (const [headers, payload] of frames) box.send(headers, payload);
      stranger.destroy();
      box.socket.end();
      visitor.resetAndDestroy();
    }
    await soon(() =>
      expect(stage.relay.metrics).toMatchObject({
        tunnels: 0,
        streams: 0,
        connections: 0,
        bufferedBytes: 0,
      }),
    );
    expect((await stage.visitor(await stage.box())).sid).toBe('1');
  });

  it('lets visitors finish when it stops, and takes nobody new', async () => {
    await using stage = await Stage.set({ drainMs: 10_000 });
    const box = await stage.box();
    const idle = await stage.box({ kiteName: otherName });
    const { socket, sid } = await stage.visitor(box);
    const { port } = stage.relay;
    const stopped = stage.relay.stop();
    await once(idle.socket, 'close');
    const late = connect({ port, host: '127.0.0.1' });
    await once(late, 'error');
    box.send([['SID', sid]], 'finished');
    box.send([['SID', sid], ['EOF', '1WR']]); // prettier-ignore
    expect((await all(socket)).toString()).toBe('finished');
    await stopped;
    expect(stage.relay.metrics).toMatchObject({ connections: 0, tunnels: 0, streams: 0 });
  });

  it('ends those who do not finish', async () => {
    await using stage = await Stage.set({ drainMs: 100 });
    const box = await stage.box();
    await stage.visitor(box);
    await stage.relay.stop();
    await soon(() => expect(stage.relay.metrics.connections).toBe(0));
  });

  it('names port and setting when the port is taken', async () => {
    await using stage = await Stage.set();
    const second = relayWith({ port: stage.relay.port });
    const error: unknown = await second.start().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Problem);
    expect(error).toMatchObject({ code: 'port-in-use', details: { setting: 'relay.port' } });
    await second.stop();
  });

  it('can be started again', async () => {
    const relay = relayWith({});
    await relay.stop();
    await relay.start();
    await relay.stop();
    await relay.start();
    expect(relay.port).toBeGreaterThan(0);
    await relay.stop();
  });
});
