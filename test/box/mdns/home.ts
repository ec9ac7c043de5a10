import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createBridge, createNamespace, type Namespace } from '../../support/netns.ts';

const patienceMs = 15_000;

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

  plug(...addresses: string[]): Namespace {
    const machine = createNamespace();
    this.#machines.push(machine);
    connect(
      { namespace: machine, interface: 'eth0', addresses },
      { namespace: this.#switch, interface: `port${this.#machines.length}` },
    );
    machine.exec('ip', ['route', 'add', 'default', 'dev', 'eth0']);
    return machine;
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
