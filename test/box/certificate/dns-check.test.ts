import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import dnsPacket from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { untilServed } from '../../../src/box/certificate/dns-check.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';

const name = '_acme-challenge.box.localhost';
const values = ['first', 'second'];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

/** A name server that serves what `served` says at each question; nothing at all for `undefined`. */
async function nameServer(
  served: (question: number) => readonly string[] | undefined,
  rcode = 0,
): Promise<string> {
  const socket = createSocket('udp4');
  sockets.push(socket);
  let questions = 0;
  socket.on('message', (message, { port, address }) => {
    const { id, questions: asked = [] } = dnsPacket.decode(message);
    const found = served(++questions);
    if (found === undefined) return;
    const answers = found.map((data) => ({ type: 'TXT' as const, name, ttl: 10, data }));
    socket.send(
      dnsPacket.encode({
        type: 'response',
        flags: dnsPacket.AUTHORITATIVE_ANSWER | rcode,
        ...(id === undefined ? {} : { id }),
        questions: asked,
        answers,
      }),
      port,
      address,
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return `127.0.0.1:${socket.address().port}`;
}

const check = (
  servers: readonly string[],
  patienceMs = 200,
  signal = AbortSignal.timeout(10_000),
): Promise<void> => untilServed({ name, values, servers, patienceMs, clock: systemClock, signal });

describe('before the CA is told', () => {
  it('every server is asked, again and again, until each serves every value', async () => {
    let asked = 0;
    const ready = await nameServer(() => ['other', ...values]);
    const late = await nameServer((question) => ((asked = question) < 3 ? ['first'] : values));
    await check([ready, late], 5000);
    expect(asked).toBe(3);
  });

  it.each([
    ['serves one value of two', () => ['first']],
    ['serves nothing', () => []],
    ['refuses', () => [], 5],
  ])('a server that %s is named', async (_, served, rcode?: number) => {
    const lacking = await nameServer(served, rcode);
    const failure = check([await nameServer(() => values), lacking]);
    await expect(failure).rejects.toMatchObject({
      code: 'challenge-not-served',
      message: expect.stringContaining(lacking),
    });
    await expect(failure).rejects.not.toMatchObject({ message: expect.stringContaining(', ') });
  });

  it('a server that does not answer is named', async () => {
    const silent = await nameServer(() => undefined);
    await expect(check([silent])).rejects.toMatchObject({ message: expect.stringContaining(silent) });
  });

  it('a server that cannot be reached from here holds nobody up when the others serve: a home without IPv6', async () => {
    const silent = await nameServer(() => undefined);
    const ready = await nameServer(() => values);
    const patient = AbortSignal.timeout(50_000);
    await expect(check([ready, '[100::1]:53', silent], 60_000, patient)).resolves.toBeUndefined();
    await expect(check(['[100::1]:53', silent])).rejects.toMatchObject({ code: 'challenge-not-served' });
  });

  it('a server may be given by name', async () => {
    const server = await nameServer(() => values);
    await expect(check([server.replace('127.0.0.1', 'localhost')])).resolves.toBeUndefined();
  });

  it('an empty list of servers proves nothing', async () => {
    await expect(check([])).rejects.toMatchObject({ code: 'challenge-not-served' });
  });

  it('ends at once when aborted', async () => {
    const abort = new AbortController();
    const silent = await nameServer(() => {
      abort.abort();
      return undefined;
    });
    await expect(check([silent], 60_000, abort.signal)).rejects.toMatchObject({ name: 'AbortError' });
  });
});
