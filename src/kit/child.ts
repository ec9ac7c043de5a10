import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ChildOptions {
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Each line of stdout and stderr. */
  onLine?: (line: string) => void;
  /** TERM, then KILL after this long. */
  graceMs?: number;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Set when the program could not be started at all (not installed, no right). */
  error?: Error;
}

/**
 * A child process that cannot outlive us: `setpriv --pdeathsig KILL` (util-linux, part of every Debian) makes the kernel
 * end it even when we are killed. `exited` never rejects.
 */
export class Child {
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #graceMs: number;

  constructor(options: ChildOptions) {
    this.#graceMs = options.graceMs ?? 2000;
    this.#process = spawn('setpriv', ['--pdeathsig', 'KILL', options.command, ...options.args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.exited = new Promise((resolve) => {
      this.#process.once('error', (error) => resolve({ code: null, signal: null, error }));
      this.#process.once('close', (code, signal) => resolve({ code, signal }));
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream === null) continue;
      const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
      lines.on('line', (line) => options.onLine?.(line));
    }
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Asks the child to end, insists after the grace period, and resolves when it is gone. */
  async stop(): Promise<Exit> {
    this.#process.kill('SIGTERM');
    const insist = setTimeout(() => this.#process.kill('SIGKILL'), this.#graceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(insist);
    }
  }
}
