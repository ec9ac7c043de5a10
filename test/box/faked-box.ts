import { join } from 'node:path';
import { BoxVisitor } from '../support/box-visitor.ts';
import { type Faked, fakedClock } from '../support/faked-clock.ts';
import { spawn } from '../support/programs.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');

/** A real box in a process of its own, on a clock that may be wrong, and a person with a browser's cookie. */
export class FakedBox extends BoxVisitor {
  readonly #settings: readonly string[];
  #end: (() => Promise<void>) | undefined;

  /** `config`: its settings file; `port`: of its pages. */
  constructor(config: string, port: number) {
    super(port);
    this.#settings = ['--config', config];
  }

  /** Resolves when its pages answer. */
  async start(faked: Faked): Promise<void> {
    const child = spawn(process.execPath, [main, 'box', ...this.#settings], {
      stdio: 'ignore',
      env: { ...process.env, ...fakedClock(faked) },
    });
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    this.#end = () => (child.kill(), ended);
    for (let tries = 0; ; tries++) {
      const up = await this.call('GET', '/api/session').catch(() => undefined);
      if (up?.status === 200) return;
      if (tries > 300 || child.exitCode !== null) throw new Error('the box did not start');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async stop(): Promise<void> {
    await this.#end?.();
    this.#end = undefined;
  }
}
