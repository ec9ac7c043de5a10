import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { Child } from '../../src/kit/child.ts';
import { serviceManager } from '../../src/kit/systemd.ts';
import { temporaryFolder } from '../support/folder.ts';

/** Node has no datagram sockets of the Unix domain; Python has, and comes with PageKite. */
const listener = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    print('|'.join(s.recv(4096).decode().split('\\n')), flush=True)`;

function installed(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write(`SKIPPED: the service manager, because ${program} is not installed\n`);
    return false;
  }
}

const folder = temporaryFolder();
const ending: (() => unknown)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const end of ending.splice(0)) await end();
});

it.skipIf(!installed('systemd-notify') || !installed('python3'))(
  'tells a real listener READY, STATUS, WATCHDOG and STOPPING',
  async () => {
    const path = join(folder, 'notify');
    const lines: string[] = [];
    const child = new Child({
      command: 'python3',
      args: ['-c', listener, path],
      onLine: (line) => lines.push(line),
    });
    ending.push(() => child.stop());
    await expect.poll(() => lines).toEqual(['listening']);
    vi.stubEnv('NOTIFY_SOCKET', path);
    const manager = serviceManager({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '1000000' });
    await manager.ready('all parts work');
    await manager.status('zone: cannot be reached');
    await manager.watchdog();
    await manager.stopping();
    await expect.poll(() => lines.join('\n')).toContain('STOPPING=1');
    // The program also waits until it was heard (BARRIER) and says for whom it speaks (MAINPID).
    const messages = lines.slice(1).filter((line) => !line.startsWith('BARRIER='));
    const said = messages.map((line) =>
      line
        .split('|')
        .filter((part) => !/^(MAINPID=|$)/.test(part))
        .toSorted(),
    );
    expect(said).toEqual([
      ['READY=1', 'STATUS=all parts work'],
      ['STATUS=zone: cannot be reached'],
      ['WATCHDOG=1'],
      ['STOPPING=1'],
    ]);
  },
);
