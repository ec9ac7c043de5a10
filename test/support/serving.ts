import { connect } from 'node:net';
import { expect } from 'vitest';
import { Child } from '../../src/kit/runtime/child.ts';
import { atEndOfTest } from './at-end.ts';
import { mustBeThere } from './programs.ts';

/** Runs a server until the test ends, with a folder as its home, and waits until it listens. Answers its address. */
export async function serveIn(
  folder: string,
  port: number,
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  mustBeThere([command, ...args]);
  const lines: string[] = [];
  const child = new Child({
    command,
    args,
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin`, HOME: folder, ...env },
    cwd: folder,
    onLine: (line) => lines.push(line),
  });
  atEndOfTest(() => child.stop());
  let ended = false;
  void child.exited.then(() => (ended = true));
  await expect
    .poll(async () => ended || (await listens(port)), { timeout: 60_000, interval: 100 })
    .toBe(true);
  if (ended) throw new Error(`${command} ended:\n${lines.join('\n')}`);
  return `http://127.0.0.1:${port}`;
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
