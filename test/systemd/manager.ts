import { execFile, spawnSync } from '../support/programs.ts';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Child } from '../../src/kit/runtime/child.ts';

const run = promisify(execFile);

/** A systemd of the test's own, process 1 of its namespaces (boot.sh). */
export interface Manager {
  /** Runs a command there and returns what it printed, whatever its exit code is. */
  run(command: string, ...args: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** Where version 2 of the control groups is: alone, or beside version 1. */
const groups = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) =>
  existsSync(join(path, 'cgroup.procs')),
);

/** All but those of users and time, for unshare(1) and nsenter(1), which do not take them in one word. */
const namespaces = ['-m', '-p', '-C', '-n', '-u', '-i'];

/** Why there can be none here, or `undefined`. */
export function withoutManager(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may make the namespaces';
  if (!existsSync('/lib/systemd/systemd')) return 'systemd is not installed';
  if (groups === undefined) return 'there are no control groups of version 2';
  // In the namespace's own /tmp, of which nothing stays.
  const mounts = `mount -t tmpfs tmpfs /tmp && mkdir /tmp/u /tmp/w /tmp/c && mount -t cgroup2 cgroup2 /tmp/c &&
    mount -t overlay overlay -o lowerdir=/,upperdir=/tmp/u,workdir=/tmp/w /mnt`;
  const attempt = spawnSync('unshare', [...namespaces, '-f', 'sh', '-c', mounts]);
  return attempt.status === 0 ? undefined : `it cannot be here: ${attempt.stderr.toString().trim()}`;
}

/** Less than a test's hook is given. */
const patienceMs = 20_000;

/** Starts a manager whose files are in `folder`, which is empty; resolves when it takes orders. */
export async function startManager(folder: string): Promise<Manager> {
  const group = join(groups ?? '', `plt-${process.pid}`);
  mkdirSync(group);
  const lines: string[] = [];
  const boot = ['sh', join(import.meta.dirname, 'boot.sh'), folder, resolve(import.meta.dirname, '../..')];
  const child = new Child({
    command: 'sh',
    args: [
      '-c',
      'echo $$ > "$0" && exec "$@"',
      join(group, 'cgroup.procs'),
      'unshare',
      ...namespaces,
      '-f',
      '--kill-child',
      ...boot,
    ],
    onLine: (line) => lines.push(line),
  });
  const first = (): string => {
    const children = `/proc/${child.pid ?? 0}/task/${child.pid ?? 0}/children`;
    return existsSync(children) ? readFileSync(children, 'utf8').trim() : '';
  };
  const manager: Manager = {
    run: async (command, ...args) => {
      const done = run('nsenter', ['-t', first(), ...namespaces, command, ...args], { timeout: 20_000 });
      const { stdout, stderr } = await done.catch((error: { stdout: string; stderr: string }) => error);
      return (stdout + stderr).trim();
    },
    stop: async () => {
      await child.stop();
      await removed(group);
    },
  };
  let ended = false;
  void child.exited.then(() => (ended = true));
  const end = performance.now() + patienceMs;
  for (;;) {
    if (ended || performance.now() > end) {
      await manager.stop();
      throw new Error(`systemd did not start: ${lines.join('; ')}`);
    }
    const state = first() === '' ? '' : await manager.run('systemctl', 'is-active', 'test.target');
    if (state === 'active') return manager;
    await sleep(50);
  }
}

/** A group can be removed when its last process is gone, which the kernel may need a moment for. */
async function removed(group: string): Promise<void> {
  for (let patience = 100; ; patience--) {
    try {
      const entries = readdirSync(group, { recursive: true, withFileTypes: true });
      const inner = entries
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name));
      // The innermost first: a path is longer than those of the folders it lies in.
      for (const path of inner.toSorted((one, other) => other.length - one.length)) rmdirSync(path);
      return rmdirSync(group);
    } catch (error) {
      if (patience === 0) throw error;
      await sleep(50);
    }
  }
}
