import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

export interface ChildOptions {
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Each line of stdout and stderr; of a longer line the first `maxLineLength` characters. */
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

export const maxLineLength = 8192;

/** How long the pipes of a dead child are read on: a grandchild that inherited them would keep them open for ever. */
const drainMs = 200;

/**
 * A child process that cannot outlive us: `setpriv --pdeathsig KILL` (util-linux, part of every Debian) makes the kernel
 * end it even when we are killed, and then becomes the program, so that `pid` is the program's own. The right to low ports
 * that a unit gives us (an ambient capability) does not go on to it. `exited` never rejects.
 */
export class Child {
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #graceMs: number;

  constructor(options: ChildOptions) {
    this.#graceMs = options.graceMs ?? 2000;
    const cage = ['--pdeathsig', 'KILL', '--ambient-caps=-all'];
    const child = spawn('setpriv', [...cage, options.command, ...options.args], {
      // Ctrl-C at a terminal goes to the whole process group: we end our children in order, the terminal does not.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.#process = child;
    const pipes = [child.stdout, child.stderr];
    for (const pipe of pipes) forEachLine(pipe, options.onLine);
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => resolve({ code: null, signal: null, error }));
      child.once('exit', () => {
        const drain = setTimeout(() => pipes.forEach((pipe) => pipe.destroy()), drainMs);
        child.once('close', () => clearTimeout(drain));
      });
      child.once('close', (code, signal) => {
        // setpriv's own exit status when it cannot run the program, as a shell's (POSIX, 2.8.2).
        const notRun = code === 126 ? 'may not be executed' : code === 127 ? 'is not installed' : undefined;
        const error = notRun === undefined ? {} : { error: new Error(`${options.command} ${notRun}`) };
        resolve({ code, signal, ...error });
      });
    });
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

/** Unlike `node:readline`, holds no more than `maxLineLength` characters of a line that does not end. */
function forEachLine(stream: Readable, onLine: (line: string) => void = () => undefined): void {
  const decoder = new StringDecoder('utf8');
  let line = '';
  const take = (text: string): void => {
    line += text.slice(0, maxLineLength - line.length);
  };
  const finish = (): void => {
    onLine(line.replace(/\r$/, ''));
    line = '';
  };
  stream.on('data', (chunk: Buffer) => {
    const [rest = '', ...next] = decoder.write(chunk).split('\n');
    take(rest);
    for (const text of next) {
      finish();
      take(text);
    }
  });
  stream.on('end', () => {
    if (line !== '') finish();
  });
}
