import { type Clock, type Random, seconds } from '../../kit/runtime/clock.ts';
import type { Health } from '../../kit/runtime/health.ts';
import { createHttpsApp, type HttpsApp, HttpsService } from '../../kit/http/http-server.ts';
import type { Log } from '../../kit/log/log.ts';
import { type Rate, RateLimit } from '../../kit/http/rate-limit.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import type { Service } from '../../kit/runtime/service.ts';
import { mailboxLimits } from '../../protocol/mailbox-api.ts';
import { boxTlsOptions } from '../box-certificate.ts';
import { KnownBoxes } from '../known-boxes.ts';
import { Entries, type EntryLimits } from './entries.ts';
import { type MailboxCounters, mailboxRoutes } from './routes.ts';
import { SignIn } from './sign-in.ts';

interface MailboxRates {
  /** What one box writes and removes. */
  perBox: Rate;
  /** The same from one source: an IPv4 address or an IPv6 /48. */
  boxesPerSource: Rate;
  instancesPerSource: Rate;
}

/** An instance is let in once in its life, with five calls here. */
const defaultRates: MailboxRates = {
  perBox: { burst: 120, perSecond: 2 },
  boxesPerSource: { burst: 600, perSecond: 20 },
  instancesPerSource: { burst: 300, perSecond: 10 },
};

export interface MailboxServerOptions {
  host: string;
  /** 0: any free one; see `port`. */
  port: number;
  tls: { keyPem: string; certPem: string };
  limits?: Partial<EntryLimits>;
  rates?: Partial<MailboxRates>;
  log: Log;
  clock: Clock;
  random: Random;
  health: Health;
}

const sweepEveryMs = seconds(30);

/** Where boxes leave what only one app instance may read (protocol/mailbox-api.ts). Keeps everything in memory. */
export class MailboxServer implements Service {
  readonly name = 'mailbox';
  readonly #options: MailboxServerOptions;
  readonly #http: HttpsService;
  readonly #sweeper: Reconciler;
  readonly #entries: Entries;
  readonly #counters: MailboxCounters = {
    signIns: 0,
    written: 0,
    read: 0,
    limited: 0,
    refused: 0,
    expired: 0,
  };

  constructor(options: MailboxServerOptions) {
    this.#options = options;
    const { host, port, limits = {}, clock } = options;
    this.#entries = new Entries({ clock, limits });
    this.#http = new HttpsService({
      name: this.name,
      host,
      port,
      setting: 'mailbox.port',
      build: () => this.#build(),
    });
    this.#sweeper = new Reconciler({
      ...options,
      name: `${this.name} sweep`,
      watch: [],
      reconcile: async () => {
        this.#counters.expired += this.#entries.sweep();
        return sweepEveryMs;
      },
    });
  }

  /** The port that is really open. */
  get port(): number {
    return this.#http.port;
  }

  get metrics(): MailboxCounters & Entries['figures'] {
    return { ...this.#counters, ...this.#entries.figures };
  }

  /** Throws `port-in-use`. */
  async start(): Promise<void> {
    await this.#http.start();
    await this.#sweeper.start();
    this.#options.health.set(this.name, 'ok', 'boxes can write to app instances');
  }

  async stop(): Promise<void> {
    await this.#sweeper.stop();
    await this.#http.stop();
    this.#options.health.clear(this.name);
  }

  async #build(): Promise<HttpsApp> {
    const { tls, rates, log, clock } = this.#options;
    const { perBox, boxesPerSource, instancesPerSource } = { ...defaultRates, ...rates };
    const known = new KnownBoxes({ clock });
    const app = createHttpsApp({
      log,
      isKnown: known.isKnown,
      // Boxes prove who they are; instances, which ask the same listener, have no certificate and need none.
      tls: { key: tls.keyPem, cert: tls.certPem, ...boxTlsOptions },
      bodyLimit: mailboxLimits.bodyBytes,
    });
    await mailboxRoutes(app, {
      entries: this.#entries,
      signIn: new SignIn({ clock, certPem: tls.certPem }),
      limits: {
        perBox: new RateLimit(perBox, 250_000),
        boxesPerSource: new RateLimit(boxesPerSource),
        instancesPerSource: new RateLimit(instancesPerSource),
      },
      known,
      counters: this.#counters,
      clock,
    });
    return app;
  }
}
