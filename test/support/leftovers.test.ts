import { spawn } from './programs.ts';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { leftBehind, mark } from './leftovers.ts';

it('finds and ends a process that a test left behind, also a detached one, and no other', async () => {
  const run = `tested-${process.pid}`;
  const left = spawn('sleep', ['60'], {
    env: { ...process.env, [mark]: run },
    detached: true,
    stdio: 'ignore',
  });
  const other = spawn('sleep', ['60'], { stdio: 'ignore' });
  await Promise.all([once(left, 'spawn'), once(other, 'spawn')]);
  const ended = once(left, 'exit');
  const found = await leftBehind(run, 0);
  expect(found.filter((what) => what.startsWith('process'))).toEqual([`process ${left.pid}: sleep 60`]);
  expect(await ended).toEqual([null, 'SIGKILL']);
  expect(other.exitCode).toBeNull();
  other.kill('SIGKILL');
  await once(other, 'exit');
});
