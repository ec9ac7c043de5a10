import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../../image/build/program.ts';
import { type ChildProcess, spawn } from '../support/programs.ts';

const root = join(import.meta.dirname, '../..');

/** Porchlight as the image has it: one bundle with its pages, started with what the unit gives Node. */
export class Program {
  readonly #home: string;

  private constructor(home: string) {
    this.#home = home;
  }

  /** Made in `home`, which is empty. */
  static async build(home: string): Promise<Program> {
    await bundle(root, join(home, 'program/bin'));
    cpSync(join(root, 'dist/web'), join(home, 'dist/web'), { recursive: true });
    cpSync(join(root, 'package.json'), join(home, 'package.json'));
    return new Program(home);
  }

  /** `environment`: beside what its unit gives it. */
  start(command: string, args: readonly string[], environment: Record<string, string> = {}): Running {
    const unit = command === 'box' ? 'porchlight-box.service' : 'porchlight-cloud.service';
    const words = [join(this.#home, 'program/bin/main.js'), command, ...args];
    const child = spawn(process.execPath, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...environmentOf(unit),
        NODE_COMPILE_CACHE: join(this.#home, 'compiled'),
        ...environment,
      },
    });
    return new Running(child);
  }
}

/** What a unit gives to its program. */
export function environmentOf(unit: string): Record<string, string> {
  const text = readFileSync(join(root, 'systemd', unit), 'utf8');
  const lines = text.matchAll(/^Environment=(?:"(.*)"|(\S*))$/gm);
  const pairs = [...lines].map(([, quoted, plain]) => (quoted ?? plain ?? '').split(/=(.*)/s));
  return Object.fromEntries(pairs.map(([name = '', value = '']) => [name, value]));
}

/** A process of it, and its last words. */
export class Running {
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  #ended = false;
  #said = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#said = (this.#said + chunk.toString()).slice(-100_000)));
    this.exited = new Promise((resolve) =>
      child.once('close', (code) => {
        this.#ended = true;
        resolve(code);
      }),
    );
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get said(): string {
    return this.#said;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Gone when it resolves. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child.kill(signal);
    await this.exited;
  }
}
