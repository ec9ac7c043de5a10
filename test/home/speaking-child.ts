import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A child process that is followed by what it prints, stdout and stderr together. */
export class SpeakingChild {
  readonly lines: string[] = [];
  readonly #process: ChildProcess;
  readonly #command: string;
  readonly #waiting = new Set<() => void>();
  #ended = false;

  constructor(child: ChildProcess) {
    this.#process = child;
    this.#command = child.spawnargs.join(' ').slice(0, 200);
    for (const input of [child.stdout, child.stderr]) {
      if (input === null) continue;
      createInterface({ input }).on('line', (line) => {
        this.lines.push(line);
        this.#tell();
      });
    }
    child.once('close', () => {
      this.#ended = true;
      this.#tell();
    });
  }

  /** What `accept` makes of the first line from number `from` on that it makes something of. */
  async until<T>(accept: (line: string) => T | undefined, from = 0, patienceMs = 20_000): Promise<T> {
    const end = AbortSignal.timeout(patienceMs);
    for (let index = from; ;) {
      for (; index < this.lines.length; index++) {
        const result = accept(this.lines[index] ?? '');
        if (result !== undefined) return result;
      }
      if (this.#ended || end.aborted) {
        const why = this.#ended ? 'ended' : `said nothing of the kind within ${patienceMs} ms`;
        throw new Error(`${this.#command} ${why}; it said:\n${this.lines.slice(-20).join('\n')}`);
      }
      await this.#more(end);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#ended) return;
    const closed = once(this.#process, 'close');
    this.#process.kill(signal);
    await closed;
  }

  #more(end: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        end.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      end.addEventListener('abort', wake, { once: true });
    });
  }

  #tell(): void {
    for (const wake of this.#waiting) wake();
  }
}

/** The line as JSON; `undefined` for a line that is none. */
export function jsonLine(line: string): Record<string, unknown> | undefined {
  return line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : undefined;
}
