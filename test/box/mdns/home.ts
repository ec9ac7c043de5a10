import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createBridge, createNamespace, type Namespace } from '../../support/netns.ts';

const patienceMs = 30_000;

/** A program in a namespace that speaks lines of JSON. */
export class Talker<T> {
  readonly heard: T[] = [];
  readonly #process: ChildProcess;
  #errors = '';

  constructor(namespace: Namespace, script: string, args: readonly string[] = []) {
    const path = join(import.meta.dirname, script);
    this.#process = namespace.spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    if (this.#process.stdout !== null) {
      createInterface({ input: this.#process.stdout }).on('line', (line) =>
        this.heard.push(JSON.parse(line) as T),
      );
    }
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
  }

  say(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Waits for something heard, after the first `since` things, that `accept` takes. */
  async hear(what: string, accept: (heard: T) => boolean, since = 0): Promise<T> {
    const end = performance.now() + patienceMs;
    for (;;) {
      const found = this.heard.slice(since).find(accept);
      if (found !== undefined) return found;
      if (performance.now() > end) throw new Error(`never heard: ${what}\n${this.#errors}`);
      await sleep(20);
    }
  }

  /** Ends its input and waits until it has ended by itself; answers its exit code. */
  async end(): Promise<number | null> {
    const exited = this.#process.exitCode === null ? once(this.#process, 'exit') : undefined;
    this.#process.stdin?.end();
    await exited;
    if (this.#errors !== '') throw new Error(this.#errors);
    return this.#process.exitCode;
  }
}

export interface HeardRecord {
  from: string;
  /** Sent to the listener alone. */
  unicast: boolean;
  id: number;
  questions: readonly unknown[];
  name: string;
  type: string;
  ttl: number;
  flush: boolean;
  data: unknown;
}

/** A home network: a switch, and namespaces plugged into it. */
export class TestHome {
  readonly #switch = createBridge();
  readonly #machines: Namespace[] = [];

  /** A new machine on this network. */
  plug(...addresses: string[]): Namespace {
    const machine = createNamespace();
    this.attach(machine, 'eth0', addresses);
    machine.exec('ip', ['route', 'add', 'default', 'dev', 'eth0']);
    return machine;
  }

  /** A machine of another network joins this one too. */
  attach(machine: Namespace, name: string, addresses: readonly string[]): void {
    this.#machines.push(machine);
    const port = `port${this.#machines.length}`;
    connect({ namespace: machine, interface: name, addresses }, { namespace: this.#switch, interface: port });
  }

  remove(): void {
    for (const machine of [...this.#machines, this.#switch]) machine.remove();
  }
}

export async function listenerIn(machine: Namespace): Promise<Talker<HeardRecord>> {
  const listener = new Talker<HeardRecord>(machine, 'listener-process.ts');
  await listener.hear('the listener is ready', (heard) => (heard as unknown) === 'ready');
  return listener;
}

export interface AvahiDaemon {
  /** Options of `MdnsAnnouncer` that lead to this daemon. */
  places: { avahiServiceFolder: string; avahiSocket: string };
  stop(): Promise<void>;
}

/**
 * Debian's avahi-daemon in a namespace, with its own configuration, run and service folders mounted over the machine's
 * (`ip netns exec` gives every process it starts mounts of its own). Resolves when it answers.
 */
export async function startAvahi(machine: Namespace, folder: string, hostName: string): Promise<AvahiDaemon> {
  const [services, run] = [join(folder, 'services'), join(folder, 'run')];
  // The daemon reads as a user of its own.
  chmodSync(folder, 0o755);
  for (const path of [services, run]) mkdirSync(path, { mode: 0o755 });
  const configuration = join(folder, 'avahi-daemon.conf');
  writeFileSync(
    configuration,
    `[server]\nhost-name=${hostName}\nenable-dbus=no\n[publish]\npublish-workstation=no\npublish-hinfo=no\n`,
  );
  const script = [
    `mount --bind ${services} /etc/avahi/services`,
    'mount -t tmpfs tmpfs /run',
    'mkdir /run/avahi-daemon',
    `mount --bind ${run} /run/avahi-daemon`,
    `exec avahi-daemon --no-rlimits -f ${configuration}`,
  ];
  const daemon = machine.spawn('sh', ['-ec', script.join('\n')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const started = new Promise<void>((resolve, reject) => {
    const listen = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes('startup complete')) resolve();
    };
    daemon.stdout?.on('data', listen);
    daemon.stderr?.on('data', listen);
    daemon.once('exit', () => reject(new Error(`avahi-daemon ended: ${output}`)));
  });
  await started;
  return {
    places: { avahiServiceFolder: services, avahiSocket: join(run, 'socket') },
    stop: async () => {
      const exited = daemon.exitCode === null ? once(daemon, 'exit') : undefined;
      daemon.kill('SIGTERM');
      await exited;
    },
  };
}
