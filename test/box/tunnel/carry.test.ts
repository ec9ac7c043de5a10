import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Relay } from '../../../src/cloud/relay/relay.ts';
import { captureClientHello } from '../../cloud/relay/hello.ts';
import { soon } from '../../cloud/relay/soon.ts';
import { Household, type TestBox, testCa } from './home.ts';
import { grantFor, plainAddress } from './stand-in.ts';

/** Visitors through our relay and the packaged PageKite client to the box. */

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const megabyte = 1024 * 1024;
const large = randomBytes(16 * megabyte);

let household: Household;
let relay: Relay;
let box: TestBox;
let takePlain: (socket: Socket) => void = (socket) => socket.destroy();

const many = { burst: 1000, perSecond: 1000 };

describe.each([
  ['plain', false],
  ['TLS', true],
])('with the relay reached by %s:', (_how, wrapped) => {
  beforeAll(async () => {
    household = new Household();
    const ca = await testCa();
    const certName = 'relay.test';
    relay = await household.relay({
      ...(wrapped ? { tls: { ...(await ca.issue([certName])), certName } } : {}),
      limits: {
        newStreams: { client: many, own: many, all: many },
        streamsPerBox: 400,
      },
    });
    box = await household.box(relay, {
      grant: (boxId, { port }) => {
        const address = `127.0.0.1:${port}`;
        return grantFor(boxId, port, {
          frontends: [wrapped ? { address, certName, ca: ca.caPem } : { address }],
        });
      },
      web: {
        onPlain: (socket) => takePlain(socket),
        handle: (request, response) => {
          const hash = createHash('sha256');
          request.on('data', (part: Buffer) => hash.update(part));
          request.on('end', () => response.end(request.url === '/large' ? large : hash.digest('hex')));
        },
      },
    });
    await box.connected();
  }, 30_000);

  afterAll(async () => household[Symbol.asyncDispose]());

  describe('what visitors and box send', () => {
    it('arrives unchanged, both ways, however large', async () => {
      const [down, up] = await Promise.all([
        box.fetch(relay, '/large'),
        box.fetch(relay, '/sum', { method: 'POST', body: large }),
      ]);
      expect(sha256(down.body)).toBe(sha256(large));
      expect(up.body.toString()).toBe(sha256(large));
    }, 30_000);

    it('arrives for 20 visitors at the same time', async () => {
      const bodies = Array.from({ length: 20 }, () => randomBytes(200_000));
      const answers = await Promise.all(
        bodies.map((body) => box.fetch(relay, '/sum', { method: 'POST', body })),
      );
      expect(answers.map(({ body }) => body.toString())).toEqual(bodies.map(sha256));
    }, 30_000);

    it('tells the box the address of the visitor', async () => {
      await box.fetch(relay, '/sum', { localAddress: '127.0.0.77' });
      expect(box.web.visitors.at(-1)).toMatch(/^127\.0\.0\.77:\d+$/);
    });
  });

  describe('connections', () => {
    it('can end in one direction and go on in the other', async () => {
      const sent = randomBytes(3 * megabyte);
      takePlain = (socket) => {
        const parts: Buffer[] = [];
        socket.on('data', (part: Buffer) => parts.push(part));
        // Answers only after the visitor has ended.
        socket.on('end', () => socket.end(Buffer.concat([Buffer.from(sha256(Buffer.concat(parts))), large])));
        socket.resume();
      };
      const hello = await clientHello(box.tunnelName);
      const visitor = connect({ ...toRelay(), allowHalfOpen: true });
      visitor.end(Buffer.concat([hello, sent]));
      const answer = Buffer.concat(await visitor.toArray());
      expect(answer.toString('latin1', 0, 64)).toBe(sha256(Buffer.concat([hello, sent])));
      expect(answer.length).toBe(64 + large.length);
    }, 20_000);

    it('are cut for the visitor when the box cuts them', async () => {
      takePlain = (socket) => socket.destroy();
      const visitor = await plainVisitor();
      await once(visitor, 'close');
      expect(visitor.bytesRead).toBe(0);
    });

    it('are cut for the box when the visitor cuts them', async () => {
      const taken = Promise.withResolvers<Socket>();
      takePlain = (socket) => taken.resolve(socket.resume());
      const visitor = await plainVisitor();
      const socket = await taken.promise;
      visitor.resetAndDestroy();
      await once(socket, 'end');
      await soon(() => expect(relay.metrics.streams).toBe(0));
    });

    it('survive more frames at once than the packaged client takes', async () => {
      const sockets: Socket[] = [];
      let bytes = 0;
      takePlain = (socket) => {
        sockets.push(socket);
        socket.on('data', (part: Buffer) => (bytes += part.length));
        socket.on('end', () => socket.end());
        socket.resume();
      };
      const visitors = await Promise.all(Array.from({ length: 300 }, plainVisitor));
      await soon(() => expect(sockets).toHaveLength(300));
      const before = bytes;
      for (const visitor of visitors) visitor.write('!');
      await soon(() => expect(bytes).toBe(before + 300));
      for (const visitor of visitors) visitor.destroy();
      await soon(() => expect(relay.metrics.streams).toBe(0));
    }, 30_000);
  });

  describe('who is slow', () => {
    it('does not slow down other visitors of the same box, nor fill memory', async () => {
      const slow = connectTls({
        port: relay.port,
        host: '127.0.0.1',
        servername: box.tunnelName,
        ca: box.ca.caPem,
      });
      await once(slow, 'secureConnect');
      slow.pause();
      slow.write('GET /large HTTP/1.1\r\nHost: box\r\n\r\n');
      await soon(() => expect(relay.metrics.bufferedBytes).toBeGreaterThan(0));
      for (let round = 0; round < 3; round++) {
        const { body } = await box.fetch(relay, '/large');
        expect(body.length).toBe(large.length);
        expect(relay.metrics.bufferedBytes).toBeLessThan(megabyte);
      }
      // Its turn now: nothing was lost.
      let bytes = 0;
      slow.on('data', (part: Buffer) => (bytes += part.length));
      slow.resume();
      await soon(() => expect(bytes).toBeGreaterThan(large.length));
      slow.destroy();
    }, 40_000);

    it('is not sent more than a window when it is the box that does not read', async () => {
      const taken = Promise.withResolvers<Socket>();
      takePlain = (socket) => taken.resolve(socket);
      const visitor = await plainVisitor();
      const socket = await taken.promise;
      const before = relay.metrics.bytesToBoxes;
      visitor.write(large);
      // The same client carries another visitor meanwhile, who gets through although the first is stuck.
      takePlain = (other) => other.end('answer');
      const second = await plainVisitor();
      expect(Buffer.concat(await second.toArray()).toString()).toBe('answer');
      await soon(() => expect(relay.metrics.bytesToBoxes - before).toBeGreaterThan(200_000));
      // What the kernel's buffers on the loopback take is passed on and acknowledged; the rest stays with the visitor.
      expect(visitor.writableLength).toBeGreaterThan(large.length / 2);
      let bytes = 0;
      socket.on('data', (part: Buffer) => (bytes += part.length));
      socket.resume();
      await soon(() => expect(bytes).toBeGreaterThan(large.length));
      visitor.destroy();
    }, 30_000);
  });
});

function toRelay(): NetConnectOpts {
  return { port: relay.port, host: '127.0.0.1', localAddress: plainAddress };
}

/** A connection whose first bytes are a real ClientHello for `plain`. */
async function plainVisitor(): Promise<Socket> {
  const visitor = connect({ ...toRelay(), noDelay: true });
  visitor.on('error', () => undefined);
  visitor.write(await clientHello(box.tunnelName));
  return visitor;
}

const hellos = new Map<string, Promise<Buffer>>();

function clientHello(name: string): Promise<Buffer> {
  const known = hellos.get(name) ?? captureClientHello(name);
  hellos.set(name, known);
  return known;
}
