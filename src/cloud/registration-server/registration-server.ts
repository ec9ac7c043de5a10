import type { Clock, Random } from '../../kit/runtime/clock.ts';
import type { Fact } from '../../kit/runtime/fact.ts';
import { privateFolder } from '../../kit/store/files.ts';
import type { Health } from '../../kit/runtime/health.ts';
import { createHttpsApp, type HttpsApp, HttpsService } from '../../kit/http/http-server.ts';
import { checkAfterUncleanEnd } from '../../kit/store/integrity.ts';
import type { Log } from '../../kit/log/log.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import type { Service } from '../../kit/runtime/service.ts';
import type { Correction } from '../../kit/trusted-time/policy.ts';
import { followCorrections } from '../../kit/trusted-time/redate.ts';
import { registrationLimits } from '../../protocol/registration-api.ts';
import { boxTlsOptions } from '../box-certificate.ts';
import { clientKey } from '../../kit/http/client-key.ts';
import { peerAddress } from '../peer-address.ts';
import { KnownBoxes } from '../known-boxes.ts';
import { type ArrivalRates, defaultArrivalRates, registerArrivals } from './arrivals-routes.ts';
import { Arrivals } from './arrivals.ts';
import { proxyTrust } from './caller.ts';
import type { RegistrationCounters, RegistrationMetrics } from './metrics.ts';
import { LoadMeter } from './pace.ts';
import { type Rate, RateLimit } from '../../kit/http/rate-limit.ts';
import { registerRoutes } from './routes.ts';
import { Runs, type RunsOptions } from '../runs/runs.ts';
import { RecordStore } from './store.ts';

interface RegistrationLimits {
  /** Announcements and goodbyes of one box. */
  perBox: Rate;
  /** The same from one source: an IPv4 address or an IPv6 /48. Carrier-grade NAT puts many boxes behind one. */
  announcementsPerSource: Rate;
  pingsPerSource: Rate;
  /** Wrong short codes from one home. */
  wrongCodes: Rate;
  arrivals: ArrivalRates;
  /** Up to so many announcements per second, boxes come once a minute; above, less often. */
  comfortablePerSecond: number;
  /** A request that has not arrived whole by then is answered 408. */
  requestTimeoutMs: number;
}

const defaultLimits: RegistrationLimits = {
  perBox: { burst: 20, perSecond: 0.2 },
  announcementsPerSource: { burst: 500, perSecond: 50 },
  pingsPerSource: { burst: 300, perSecond: 20 },
  wrongCodes: { burst: 20, perSecond: 1 / 3 },
  arrivals: defaultArrivalRates,
  comfortablePerSecond: 1000,
  requestTimeoutMs: 10_000,
};

export interface RegistrationServerOptions {
  host: string;
  /** 0: any free one; see `port`. */
  port: number;
  tls: { keyPem: string; certPem: string };
  zoneRoot: string;
  stateFolder: string;
  /** Origins of the apps whose pages may ask which boxes are near; others send the person to `/choose`. */
  apps?: readonly string[];
  /** Addresses or networks whose `proxyHeader` (default `x-forwarded-for`) names the caller. Default: none. */
  trustedProxies?: readonly string[];
  proxyHeader?: string;
  limits?: Partial<RegistrationLimits>;
  runs?: Partial<RunsOptions>;
  /** How what was made while the clock was in doubt is dated again; absent: it never is. */
  corrections?: Fact<readonly Correction[]>;
  log: Log;
  clock: Clock;
  random: Random;
  health: Health;
}

const sweepEveryMs = 30_000;
/** A run of a box that did not announce itself for so long is gone: two announcements, and some. */
const silentMs = 150_000;

/**
 * Where boxes announce their URLs, and where a browser asks which boxes share its public address (docs/api/README.md).
 *
 * Size: a box is one durable write a minute, over a connection it keeps. One process takes more than a thousand writes a
 * second on two small cores (`npm run bench`), which is some 60,000 boxes at the pace for times of ease and 100,000 at the
 * slowest. Beyond that, several servers behind a balancer that chooses by the caller's IPv4 address or IPv6 /64: boxes and
 * browsers of one home then meet at the same one, and the servers need to know nothing of each other.
 */
export class RegistrationServer implements Service {
  readonly name = 'registration-server';
  readonly #options: RegistrationServerOptions;
  readonly #http: HttpsService;
  readonly #sweeper: Reconciler;
  readonly #load = new LoadMeter();
  readonly #arrivals: Arrivals;
  readonly #known: KnownBoxes;
  readonly #runs: Runs;
  readonly #counters: RegistrationCounters = {
    announcements: 0,
    goodbyes: 0,
    pings: 0,
    limited: 0,
    refused: 0,
    swept: 0,
  };
  #store: RecordStore | undefined;
  #undate: (() => void) | undefined;

  constructor(options: RegistrationServerOptions) {
    this.#options = options;
    const { host, port, log, clock, random } = options;
    this.#arrivals = new Arrivals({ clock });
    this.#known = new KnownBoxes({ clock });
    this.#runs = new Runs({ clock, timing: { silenceMs: silentMs }, ...options.runs });
    this.#http = new HttpsService({
      name: this.name,
      host,
      port,
      setting: 'registration.port',
      build: () => this.#build(),
    });
    this.#sweeper = new Reconciler({
      name: `${this.name} sweep`,
      watch: [],
      reconcile: (signal) => this.#sweep(signal),
      clock,
      random,
      log,
    });
  }

  /** The port that is really open. */
  get port(): number {
    return this.#http.port;
  }

  get metrics(): RegistrationMetrics {
    const figures = this.#store?.figures ?? { records: 0, commits: 0, largestGroup: 0 };
    const { arrivals, waiting } = this.#arrivals.figures;
    return {
      ...this.#counters,
      ...figures,
      arrivals,
      waiting,
      load: this.#load.perSecond(this.#options.clock.monotonic()),
    };
  }

  /** Throws `port-in-use`, `bad-setting`, `StorageProblem`s. */
  async start(signal: AbortSignal): Promise<void> {
    await privateFolder(this.#options.stateFolder);
    signal.throwIfAborted();
    await checkAfterUncleanEnd(RecordStore.pathIn(this.#options.stateFolder));
    this.#store = RecordStore.open(this.#options.stateFolder);
    this.#options.health.set(this.name, 'ok', 'boxes can announce themselves');
    const { corrections, log } = this.#options;
    this.#undate = followCorrections(corrections, (all) => this.#opened().redate(all), log);
    await this.#http.start();
    await this.#sweeper.start();
  }

  async stop(): Promise<void> {
    await this.#sweeper.stop();
    await this.#http.stop();
    this.#undate?.();
    this.#store?.close();
    this.#store = undefined;
    this.#options.health.clear(this.name);
  }

  async #build(): Promise<HttpsApp> {
    const { tls, log, zoneRoot, clock, random } = this.#options;
    const limits = { ...defaultLimits, ...this.#options.limits };
    const trust = proxyTrust(this.#options.trustedProxies ?? [], this.#options.proxyHeader);
    const known = this.#known;
    const app = createHttpsApp({
      log,
      isKnown: known.isKnown,
      // Boxes prove who they are; browsers, which ask the same listener, have no certificate and need none.
      tls: { key: tls.keyPem, cert: tls.certPem, ...boxTlsOptions },
      bodyLimit: registrationLimits.bodyBytes,
      requestTimeoutMs: limits.requestTimeoutMs,
      sourceOf: (address) => (trust.isTrusted(peerAddress(address)) ? undefined : clientKey(address)),
    });
    await registerRoutes(app, {
      store: this.#opened(),
      zoneRoot,
      apps: new Set((this.#options.apps ?? []).map((app) => new URL(app).origin)),
      shortCodeKey: this.#opened().secret('short-code'),
      trust,
      limits: {
        perBox: new RateLimit(limits.perBox, 250_000),
        announcementsPerSource: new RateLimit(limits.announcementsPerSource),
        pingsPerSource: new RateLimit(limits.pingsPerSource),
        wrongCodes: new RateLimit(limits.wrongCodes),
      },
      load: this.#load,
      comfortablePerSecond: limits.comfortablePerSecond,
      known,
      runs: this.#runs,
      counters: this.#counters,
      clock,
      random,
    });
    await registerArrivals(app, { arrivals: this.#arrivals, trust, rates: limits.arrivals, clock });
    return app;
  }

  #opened(): RecordStore {
    if (this.#store === undefined) throw new Error('the store is opened before the listener is built');
    return this.#store;
  }

  async #sweep(signal: AbortSignal): Promise<number> {
    const { clock } = this.#options;
    this.#counters.swept += await this.#opened().sweep(
      clock.now() - registrationLimits.lifetimeSeconds * 1000,
      signal,
    );
    return sweepEveryMs;
  }
}
