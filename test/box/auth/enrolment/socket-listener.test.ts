import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SocketListener } from '../../../../src/box/auth/enrolment/socket-listener.ts';
import { silentLog } from '../../../../src/kit/log/log.ts';
import { soon } from '../../../support/soon.ts';

async function open(upgrade = (): void => undefined): Promise<SocketListener> {
  const listener = new SocketListener(createServer(), {
    host: '127.0.0.1',
    port: 0,
    setting: 'x',
    places: 5,
    upgrade,
    log: silentLog,
  });
  await listener.open();
  onTestFinished(() => listener.close());
  return listener;
}

/** From one of the addresses of this machine: the status of an answer, or that there was none. */
function visit({ port }: SocketListener, localAddress: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  return new Promise((resolve) => {
    socket.once('data', (data) => resolve(String(data).slice(9, 12)));
    socket.once('error', () => undefined);
    socket.once('close', () => resolve('cut off'));
  });
}

/** Connections that are held. */
async function hold(listener: SocketListener, localAddress: string, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () =>
    connect({ host: '127.0.0.1', port: listener.port, localAddress }),
  );
  for (const socket of sockets) {
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'connect');
  }
  return sockets;
}

describe('a port for sockets alone', () => {
  it('has some places, and takes them from who has most when they do not suffice', async () => {
    const listener = await open();
    const [oldest, ...more] = await hold(listener, '127.0.0.2', 4);
    const [other] = await hold(listener, '127.0.0.4', 1);
    expect(await visit(listener, '127.0.0.3')).toBe('426');
    await expect.poll(() => oldest?.destroyed, soon).toBe(true);
    expect([...more, other].map((socket) => socket?.destroyed)).toEqual([false, false, false, false]);
  });

  it('answers 503 when what takes the sockets over fails, and goes on', async () => {
    const listener = await open(() => {
      throw new Error('an odd header');
    });
    for (let times = 0; times < 2; times++) {
      const socket = connect({ host: '127.0.0.1', port: listener.port });
      socket.on('error', () => undefined);
      socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
      const [data] = (await once(socket, 'data')) as [Buffer];
      expect(String(data)).toContain('503 Service Unavailable');
      await once(socket, 'close');
    }
  });
});
