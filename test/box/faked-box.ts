import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BoxVisitor } from '../support/box-visitor.ts';
import { spawn } from '../support/programs.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');
const triplet = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' } as Record<string, string>;
/** Debian's libfaketime: what the program is told of the time of day; its timers and the uptime stay as they are. */
const library = `/usr/lib/${triplet[process.arch] ?? ''}/faketime/libfaketimeMT.so.1`;
export const noFaketime = existsSync(library)
  ? undefined
  : `${library} is not there: apt-get install libfaketime`;

/** What a clock says: `+100d`, or `@2038-01-19 03:14:00`, as faketime(1) writes it; absent: what it is. */
export type Faked = string | { file: string } | undefined;

function environment(faked: Faked): NodeJS.ProcessEnv {
  if (faked === undefined) return process.env;
  const by = typeof faked === 'string' ? { FAKETIME: faked } : { FAKETIME_TIMESTAMP_FILE: faked.file };
  const always = { LD_PRELOAD: library, DONT_FAKE_MONOTONIC: '1', FAKETIME_NO_CACHE: '1', TZ: 'UTC' };
  return { ...process.env, ...always, ...by };
}

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
      env: environment(faked),
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
