import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Every process that a test starts inherits this variable, unless the test takes the environment away from it. */
export const mark = 'TEST_RUN_MARK';
const namespacesFolder = '/run/netns';

/** Fails the run when its tests leave processes or network namespaces behind, and removes the processes. */
export function setup(): () => Promise<void> {
  const run = randomUUID();
  process.env[mark] = run;
  return async () => {
    const left = await leftBehind(run, 3000);
    if (left.length > 0) throw new Error(`tests left behind:\n  ${left.join('\n  ')}`);
  };
}

/** What is still there after some patience: the kernel needs a moment to end what was told to end. */
export async function leftBehind(run: string, patienceMs: number): Promise<string[]> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const processes = processesOf(run);
    const namespaces = namespacesOfTheDead();
    if (processes.length + namespaces.length === 0) return [];
    if (performance.now() < end) {
      await sleep(100);
      continue;
    }
    for (const { pid } of processes) process.kill(pid, 'SIGKILL');
    return [
      ...processes.map(({ pid, command }) => `process ${pid}: ${command}`),
      ...namespaces.map((name) => `network namespace ${name}`),
    ];
  }
}

function processesOf(run: string): { pid: number; command: string }[] {
  return (
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((pid) => read(`/proc/${pid}/environ`).split('\0').includes(`${mark}=${run}`))
      .map((pid) => ({
        pid: Number(pid),
        command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim(),
      }))
      // vitest's own workers end with the run; a zombie has no command line.
      .filter(({ command }) => command !== '' && !command.includes('vitest'))
  );
}

/** Namespaces of tests carry the process id of the worker that made them (`plt-<pid>-…`, support/netns.ts). */
function namespacesOfTheDead(): string[] {
  return entries(namespacesFolder).filter((name) => {
    const owner = /^plt-(\d+)-/.exec(name)?.[1];
    return owner !== undefined && read(`/proc/${owner}/cmdline`) === '';
  });
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The text of a file of /proc; empty when the process has gone meanwhile or is not ours to look at. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
