import { spawn } from '../../support/programs.ts';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { hostHere, listen } from '../../../src/kit/http/listen.ts';

interface Listening {
  at: string;
  ports: Record<string, number>;
}

/** What `listen.child.ts` says when `command` starts it. */
async function listening(
  command: string,
  args: string[] = [],
): Promise<Listening & { end: () => Promise<unknown> }> {
  const script = join(import.meta.dirname, 'listen.child.ts');
  const child = spawn(command, [...args, script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const end = (): Promise<unknown> => (child.stdin.end(), once(child, 'exit'));
  return { ...(JSON.parse(line) as Listening), end };
}

async function takesConnections(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe('listening on every address', () => {
  it('is on both families where there are two', async () => {
    const { at, ports, end } = await listening(process.execPath);
    expect(at).toBe('::');
    for (const port of Object.values(ports))
      for (const host of ['127.0.0.1', '::1']) expect(await takesConnections(host, port)).toBe(true);
    await end();
  });

  it('is on IPv4 alone with a kernel that has no IPv6', async () => {
    const launcher = join(import.meta.dirname, '../../support/without-ipv6.py');
    const { at, ports, end } = await listening('python3', [launcher, process.execPath]);
    expect(at).toBe('0.0.0.0');
    expect(Object.keys(ports)).toEqual(['plain', 'https', 'dns']);
    for (const port of Object.values(ports)) {
      expect(await takesConnections('127.0.0.1', port)).toBe(true);
      expect(await takesConnections('::1', port)).toBe(false);
    }
    await end();
  });

  it('changes no address that somebody chose', async () => {
    for (const host of ['127.0.0.1', '0.0.0.0', '::1', 'localhost']) expect(await hostHere(host)).toBe(host);
  });

  it('fails with Node’s own error', async () => {
    const { createServer } = await import('node:net');
    const taken = createServer();
    const port = await listen(taken, { host: '127.0.0.1', port: 0 });
    await expect(listen(createServer(), { host: '127.0.0.1', port })).rejects.toThrow('EADDRINUSE');
    taken.close();
  });
});
