import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { Child, type Exit } from '../../kit/runtime/child.ts';
import { messageOf, Problem } from '../../kit/runtime/errors.ts';
import { privateFolder, writeAtomic } from '../../kit/store/files.ts';
import type { Log } from '../../kit/log/log.ts';
import type { Service } from '../../kit/runtime/service.ts';
import { freePort, requireFree } from './free-port.ts';
import type { TestCa } from './test-ca.ts';

export interface PebbleOptions {
  /** For the configuration and the listener's certificate; created when missing. */
  folder: string;
  /** `host:port` of the server that answers every DNS question of a validation. */
  dnsServer: string;
  /** Signs the certificate of Pebble's own listeners. */
  ca: TestCa;
  /** Address to listen on; loopback when absent. */
  host?: string;
  /** A free port on loopback when absent. */
  port?: number;
  managementPort?: number;
  /** `PEBBLE_WFE_NONCEREJECT`, `PEBBLE_AUTHZREUSE` and the like, on top of `PEBBLE_VA_NOSLEEP=1`. */
  env?: Readonly<Record<string, string>>;
  /** What may become stricter in the standard is so already. */
  strict?: boolean;
  /** How long its certificates are valid; five years when absent. */
  validitySeconds?: number;
  /** Accounts made elsewhere, of which one is then demanded (RFC 8555, 7.3.4): HMAC keys in base64url, by key identifier. */
  externalAccounts?: Readonly<Record<string, string>>;
  log: Log;
}

const loopback = '127.0.0.1';
const pollMs = 25;

/** The test CA of Let's Encrypt (Debian's package `pebble`) as a child process. Its roots are new at each start. */
export class Pebble implements Service {
  readonly name = 'pebble';
  readonly #options: PebbleOptions;
  readonly #host: string;
  #child: Child | undefined;
  #agent: Agent | undefined;
  #ports: { acme: number; management: number } | undefined;

  constructor(options: PebbleOptions) {
    this.#options = options;
    this.#host = options.host ?? loopback;
  }

  /** The ACME directory. Its certificate is signed by `ca`. */
  get directoryUrl(): string {
    return `https://${this.#host}:${this.#listening.acme}/dir`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The root of the certificates it issues, PEM. */
  async roots(): Promise<string> {
    const response = await request(
      `https://${this.#host}:${this.#listening.management}/roots/0`,
      this.#asClient(),
    );
    const text = await response.body.text();
    if (response.statusCode !== 200)
      throw new Problem('bad-answer', `pebble answered ${response.statusCode} to /roots/0`);
    return text;
  }

  /** Resolves when the directory answers. Throws `pebble-failed` with Pebble's last words. */
  async start(signal: AbortSignal): Promise<void> {
    const { folder, dnsServer, ca, strict = false, env, log } = this.#options;
    await privateFolder(folder);
    const { keyPem, certPem } = await ca.issue(['localhost', this.#host]);
    const { port: acme = await freePort(), managementPort: management = await freePort() } = this.#options;
    for (const port of [acme, management]) await requireFree(port);
    this.#ports = { acme, management };
    this.#agent = new Agent({ connect: { ca: ca.caPem } });
    const file = {
      config: join(folder, 'pebble.json'),
      cert: join(folder, 'cert.pem'),
      key: join(folder, 'key.pem'),
    };
    await writeAtomic(file.cert, certPem);
    await writeAtomic(file.key, keyPem);
    await writeAtomic(file.config, configuration(this.#host, this.#ports, file, this.#options));

    const lastWords: string[] = [];
    this.#child = new Child({
      command: 'pebble',
      args: ['-config', file.config, '-dnsserver', dnsServer, ...(strict ? ['-strict'] : [])],
      env: { PATH: '/usr/bin:/bin', PEBBLE_VA_NOSLEEP: '1', ...env },
      onLine: (line) => {
        log.debug({ part: 'pebble' }, line);
        if (lastWords.push(line) > 5) lastWords.shift();
      },
    });
    await this.#answering(this.#child, lastWords, signal);
  }

  async stop(): Promise<void> {
    await this.#child?.stop();
    await this.#agent?.destroy();
    this.#child = undefined;
    this.#agent = undefined;
  }

  get #listening(): { acme: number; management: number } {
    if (this.#ports === undefined) throw new Error('pebble was not started');
    return this.#ports;
  }

  #asClient(): { dispatcher?: Agent } {
    return this.#agent === undefined ? {} : { dispatcher: this.#agent };
  }

  async #answering(child: Child, lastWords: readonly string[], signal: AbortSignal): Promise<void> {
    let exit: Exit | undefined;
    void child.exited.then((how) => (exit = how));
    for (;;) {
      signal.throwIfAborted();
      if (exit !== undefined) throw failed(exit, lastWords);
      try {
        const { body, statusCode } = await request(this.directoryUrl, { ...this.#asClient(), signal });
        await body.dump();
        if (statusCode === 200) return;
      } catch {
        // Not listening yet, or ended: the next turn tells.
      }
      await sleep(pollMs, undefined, { signal });
    }
  }
}

function configuration(
  host: string,
  ports: { acme: number; management: number },
  file: { cert: string; key: string },
  {
    validitySeconds,
    externalAccounts,
  }: { validitySeconds?: number; externalAccounts?: Readonly<Record<string, string>> },
): string {
  const pebble = {
    listenAddress: `${host}:${ports.acme}`,
    managementListenAddress: `${host}:${ports.management}`,
    certificate: file.cert,
    privateKey: file.key,
    // Demanded by Pebble for HTTP-01 and TLS-ALPN-01, which nobody here uses: nothing listens there.
    httpPort: 1,
    tlsPort: 1,
    ocspResponderURL: '',
    externalAccountBindingRequired: externalAccounts !== undefined,
    ...(externalAccounts === undefined ? {} : { externalAccountMACKeys: externalAccounts }),
    ...(validitySeconds === undefined ? {} : { certificateValidityPeriod: validitySeconds }),
  };
  return `${JSON.stringify({ pebble }, null, 2)}\n`;
}

function failed(exit: Exit, lastWords: readonly string[]): Problem {
  const why = exit.error === undefined ? lastWords.join(' | ') : messageOf(exit.error);
  return new Problem('pebble-failed', `pebble ended with ${exit.code ?? exit.signal}: ${why}`, {
    retryable: false,
  });
}
