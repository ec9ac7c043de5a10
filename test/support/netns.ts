import { type ChildProcess, execFileSync, spawn, type SpawnOptions } from './programs.ts';

/**
 * Network namespaces for tests: real interfaces, routes and multicast, and nothing of it on the machine's own network.
 * Whatever ends the test process, nothing stays: namespaces are removed on exit and on signals, and those of a process
 * that was killed outright by the next one that makes any.
 */
export interface Namespace {
  readonly name: string;
  /** Runs a command inside to its end and returns what it printed; throws with its stderr when it fails. */
  exec(command: string, args: readonly string[]): string;
  /** Starts a command inside. It ends with the test process at the latest, and with `remove()`. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Ends every process inside and removes the namespace. Safe to call twice. */
  remove(): void;
}

/** Where a test needs namespaces: `describe.skipIf(withoutNamespaces)(…)`; the reason is printed once. */
export const withoutNamespaces = process.getuid?.() !== 0;
if (withoutNamespaces)
  process.stderr.write('SKIPPED: tests in network namespaces, which only root may make; run as root\n');

const prefix = 'plt';
const alive = new Map<string, Namespace>();
let made = 0;

export function createNamespace(): Namespace {
  if (made === 0) prepare();
  const name = `${prefix}-${process.pid}-${made++}`;
  const inside = ['netns', 'exec', name];
  const namespace: Namespace = {
    name,
    exec: (command, args) => run('ip', [...inside, command, ...args]),
    spawn: (command, args, options = {}) =>
      spawn('setpriv', ['--pdeathsig', 'KILL', 'ip', ...inside, command, ...args], options),
    remove: () => {
      if (alive.delete(name)) removeByName(name);
    },
  };
  run('ip', ['netns', 'add', name]);
  alive.set(name, namespace);
  namespace.exec('ip', ['link', 'set', 'lo', 'up']);
  // Duplicate address detection would keep every new IPv6 address unusable for a second or two.
  namespace.exec('sh', [
    '-c',
    'for d in all default; do echo 0 > /proc/sys/net/ipv6/conf/$d/accept_dad; done',
  ]);
  return namespace;
}

/** A namespace that is a switch: what is connected to it shares one link. */
export function createBridge(): Namespace {
  const namespace = createNamespace();
  namespace.exec('ip', ['link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0', 'mcast_snooping', '0']);
  namespace.exec('ip', ['link', 'set', 'br0', 'up']);
  return namespace;
}

export interface End {
  namespace: Namespace;
  /** Name of the interface there. Free to choose; at most 15 characters. */
  interface: string;
  /** With prefix length: `192.168.1.1/24`. */
  addresses?: readonly string[];
}

/** A cable between two namespaces, both ends up. An end at a bridge (`createBridge`) is plugged into it. */
export function connect(a: End, b: End): void {
  const peer = ['peer', 'name', b.interface, 'netns', b.namespace.name];
  run('ip', ['-n', a.namespace.name, 'link', 'add', a.interface, 'type', 'veth', ...peer]);
  for (const end of [a, b]) {
    const ip = (...args: string[]): string => run('ip', ['-n', end.namespace.name, ...args]);
    if (ip('link', 'show').includes(' br0:')) ip('link', 'set', end.interface, 'master', 'br0');
    for (const address of end.addresses ?? []) ip('address', 'add', address, 'dev', end.interface);
    ip('link', 'set', end.interface, 'up');
  }
}

function run(command: string, args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function removeByName(name: string): void {
  try {
    const pids = run('ip', ['netns', 'pids', name]).split('\n').filter(Boolean).map(Number);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
  } catch {
    // A process that ended by itself meanwhile.
  }
  try {
    run('ip', ['netns', 'delete', name]);
  } catch {
    // Gone already.
  }
}

function removeAll(): void {
  for (const namespace of alive.values()) namespace.remove();
}

function prepare(): void {
  const names = run('ip', ['netns', 'list']).split('\n');
  for (const name of names.map((line) => line.split(' ')[0] ?? '')) {
    const pid = Number(new RegExp(`^${prefix}-(\\d+)-\\d+$`).exec(name)?.[1] ?? Number.NaN);
    if (!Number.isNaN(pid) && !isRunning(pid)) removeByName(name);
  }
  process.once('exit', removeAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      removeAll();
      process.kill(process.pid, signal);
    });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
