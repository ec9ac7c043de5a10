import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Problem } from '../../kit/runtime/errors.ts';

/** Below the range from which the kernel takes ports for outgoing traffic: no stranger gets in between. */
const [from, to] = [10_000, 32_000];

/** A loopback port on which neither TCP nor UDP is in use now, for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = from + Math.floor(Math.random() * (to - from));
    if ((await freeOverTcp(port)) && (await freeOverUdp(port))) return port;
  }
  throw new Problem('no-free-port', `no free port between ${from} and ${to}`);
}

/** Throws `port-in-use` when another program listens there. */
export async function requireFree(port: number): Promise<void> {
  if (!(await freeOverTcp(port))) throw portInUse(port);
}

function portInUse(port: number, cause?: unknown): Problem {
  const message = `127.0.0.1 port ${port} is in use by another program; stop it or use --ports free`;
  return new Problem('port-in-use', message, {
    retryable: false,
    details: { host: '127.0.0.1', port },
    cause,
  });
}

/** Box and cloud name settings of theirs when a port is taken, which a home does not have. */
export function inWordsOfAHome(error: unknown): unknown {
  if (!(error instanceof Problem) || error.code !== 'port-in-use') return error;
  return portInUse(Number(error.details['port']), error);
}

async function freeOverTcp(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen({ host: '127.0.0.1', port }), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

async function freeOverUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    await once(socket.bind(port, '127.0.0.1'), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}
