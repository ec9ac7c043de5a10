import { request } from 'node:https';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from '../support/programs.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');
const triplet = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' } as Record<string, string>;
/** Debian's libfaketime: what the program is told of the time of day; its timers and the uptime stay as they are. */
const library = `/usr/lib/${triplet[process.arch] ?? ''}/faketime/libfaketimeMT.so.1`;
export const noFaketime = existsSync(library)
  ? undefined
  : `${library} is not there: apt-get install libfaketime`;

export interface Answer {
  status: number;
  json: Record<string, unknown>;
}

/** What a clock says: `+100d`, or `@2038-01-19 03:14:00`, as faketime(1) writes it; absent: what it is. */
export type Faked = string | { file: string } | undefined;

function environment(faked: Faked): NodeJS.ProcessEnv {
  if (faked === undefined) return process.env;
  const by = typeof faked === 'string' ? { FAKETIME: faked } : { FAKETIME_TIMESTAMP_FILE: faked.file };
  const always = { LD_PRELOAD: library, DONT_FAKE_MONOTONIC: '1', FAKETIME_NO_CACHE: '1', TZ: 'UTC' };
  return { ...process.env, ...always, ...by };
}

/** A real box in a process of its own, on a clock that may be wrong, and a person with a browser's cookie. */
export class FakedBox {
  readonly #settings: readonly string[];
  readonly #port: number;
  #end: (() => Promise<void>) | undefined;
  #cookie: string | undefined;
  #csrf = '';

  /** `config`: its settings file; `port`: of its pages. */
  constructor(config: string, port: number) {
    this.#settings = ['--config', config];
    this.#port = port;
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

  call(method: string, path: string, body?: object): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      origin: `https://127.0.0.1:${this.#port}`,
      ...(text === undefined ? {} : { 'content-type': 'application/json', 'x-csrf-token': this.#csrf }),
      ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }),
    };
    // Who answers is not what is looked at, and the certificate of a box without a cloud is its own.
    const where = { host: '127.0.0.1', port: this.#port, method, path, headers, agent: false as const };
    return new Promise((resolve, reject) => {
      const asked = request({ ...where, rejectUnauthorized: false }, (answer) => {
        let received = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
        answer.on('end', () => {
          const [cookie] = answer.headers['set-cookie'] ?? [];
          if (cookie !== undefined) this.#cookie = cookie.split(';')[0];
          const json = received.startsWith('{') ? (JSON.parse(received) as Answer['json']) : {};
          if (typeof json['csrf'] === 'string') this.#csrf = json['csrf'];
          resolve({ status: answer.statusCode ?? 0, json });
        });
      });
      asked.on('error', reject).end(text);
    });
  }
}
