import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { refuseUpgrade } from '../../../src/kit/http/refuse-upgrade.ts';
import { rsaKeyPem, signCertificate } from '../../../src/kit/x509/x509.ts';
import { soon } from '../../support/soon.ts';

const upgrade = 'GET /w HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n';

async function secure(): Promise<Server> {
  const key = await rsaKeyPem(2048);
  const [notBefore, notAfter] = [new Date(Date.now() - 1000), new Date(Date.now() + 60_000)];
  const cert = signCertificate({ commonName: 'x', notBefore, notAfter, subjectKeyPem: key });
  return createSecureServer({ key, cert });
}

async function portOf(server: Server): Promise<number> {
  server.on('upgrade', (_request, stream) => refuseUpgrade(stream, 403));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const connectionsOf = (server: Server): Promise<number> =>
  new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );

describe('a refused upgrade', () => {
  it.each(['plain', 'TLS'])('is told so, and keeps no connection open that it holds: %s', async (kind) => {
    const server = kind === 'plain' ? createServer() : await secure();
    const port = await portOf(server);
    const at = { port, host: '127.0.0.1', allowHalfOpen: true };
    const socket: Socket = kind === 'plain' ? connect(at) : connectTls({ ...at, rejectUnauthorized: false });
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined).write(upgrade);
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(data.toString().split('\r\n')).toEqual([
      'HTTP/1.1 403 Forbidden',
      'connection: close',
      'content-length: 0',
      '',
      '',
    ]);
    await expect.poll(() => connectionsOf(server), soon).toBe(0);
  });

  it('that takes no answer is over after some seconds', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const stream = new Duplex({ read: () => undefined, write: () => undefined });
    refuseUpgrade(stream, 503);
    vi.advanceTimersByTime(4999);
    expect(stream.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(stream.destroyed).toBe(true);
  });
});
