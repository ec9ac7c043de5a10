import { type Clock, minutes, type Random } from '../../kit/runtime/clock.ts';
import { messageOf } from '../../kit/runtime/errors.ts';
import type { Health } from '../../kit/runtime/health.ts';
import { HttpsService } from '../../kit/http/http-server.ts';
import type { Fact } from '../../kit/runtime/fact.ts';
import type { Log } from '../../kit/log/log.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import { type Service, ServiceGroup } from '../../kit/runtime/service.ts';
import type { Correction } from '../../kit/trusted-time/policy.ts';
import { followCorrections } from '../../kit/trusted-time/redate.ts';
import { addressFamily, canonicalAddress } from '../../protocol/addresses.ts';
import { Answerer } from './answer.ts';
import { type ApiLimits, createApi, defaultApiLimits, type Relay } from './api.ts';
import { DnsListeners } from './listeners.ts';
import { Runs, type RunsOptions } from '../runs/runs.ts';
import { defaultResponseRate, type ResponseRate, ResponseRateLimiter } from './response-rate.ts';
import { ZoneStore } from './store.ts';
import { defaultTcpLimits, type TcpLimits } from './tcp-listener.ts';
import { type NameServer, ZoneView } from './zone-view.ts';
import { defaultZoneLimits, type ZoneLimits, Zones } from './zones.ts';
import type { Transport } from './wire.ts';

export interface DnsServerOptions {
  /** `box.example.org`: every zone is `<box id>.<zone root>`. */
  zoneRoot: string;
  /** The authoritative servers as the parent zone's NS records name them. The first is the SOA record's. */
  nameServers: readonly NameServer[];
  /** Mail address in the SOA record; default: hostmaster at the zone root. */
  contact?: string | undefined;
  /** Port 0: any that is free. */
  dns: { hosts: readonly string[]; port: number };
  api: { host: string; port: number };
  apiTls: { keyPem: string; certPem: string };
  stateFolder: string;
  /** What tunnel secrets are derived from; shared with the relays. */
  masterKey: Uint8Array;
  /** What boxes are told to connect to, and the addresses and port at which browsers reach it. */
  relays: readonly Relay[];
  relayAddresses: readonly string[];
  relayPublicPort: number;
  /** Domain names of the CAs that may issue (CAA, RFC 8659); none: no CAA records. */
  caaIssuers: readonly string[];
  /** Also serve zones named by the SHA-1 fingerprint, for the clients of 2016. */
  acceptSha1Zones?: boolean;
  limits?: Partial<ApiLimits & ZoneLimits>;
  runs?: Partial<RunsOptions>;
  responseRate?: Partial<ResponseRate>;
  tcp?: Partial<TcpLimits>;
  /** How what was made while the clock was in doubt is dated again; absent: it never is. */
  corrections?: Fact<readonly Correction[]>;
  log: Log;
  clock: Clock;
  random: Random;
  health: Health;
}

export interface DnsServerMetrics {
  zones: number;
  cachedZones: number;
  serial: number;
  tcpConnections: number;
  /** Answers by transport and response code. */
  answers: readonly { transport: Transport; rcode: number; count: number }[];
  /** Answers dropped or cut short by response rate limiting. */
  limited: number;
  /** Boxes of whose identity there are two. */
  copiedIdentities: number;
}

/** The zone API and the authoritative DNS that serves what boxes put there, in one process. */
export class DnsServer implements Service {
  readonly name = 'dns-server';
  readonly #options: DnsServerOptions;
  readonly #store: ZoneStore;
  readonly #zones: Zones;
  readonly #runs: Runs;
  readonly #dns: DnsListeners;
  readonly #api: HttpsService;
  readonly #parts: ServiceGroup;
  readonly #answers = new Map<string, { transport: Transport; rcode: number; count: number }>();
  #limited = 0;

  constructor(given: DnsServerOptions) {
    const options = { ...given, zoneRoot: given.zoneRoot.toLowerCase() };
    this.#options = options;
    const { zoneRoot, clock, log } = options;
    const limits = { ...defaultApiLimits, ...defaultZoneLimits, ...options.limits };
    this.#store = new ZoneStore(options.stateFolder);
    this.#runs = new Runs({ clock, ...options.runs });
    this.#zones = new Zones({
      store: this.#store,
      zoneRoot,
      caaIssuers: options.caaIssuers,
      limits,
      clock,
    });
    const view = new ZoneView({
      zoneRoot,
      contact: options.contact,
      nameServers: options.nameServers.map((server) => ({ ...server, name: server.name.toLowerCase() })),
      zone: (label) => this.#zones.served(label),
      serial: () => this.#store.serial,
    });
    const answerer = new Answerer({ view, onFailure: (error) => this.#unanswered(error) });
    this.#dns = new DnsListeners({
      ...options.dns,
      setting: 'dns.port',
      answer: (packet, transport) => answerer.answer(packet, transport),
      rate: new ResponseRateLimiter({ ...defaultResponseRate, ...options.responseRate }),
      tcp: { ...defaultTcpLimits, ...options.tcp },
      monotonic: () => clock.monotonic(),
      onAnswer: (transport, rcode) => this.#count(transport, rcode),
      onLimited: () => this.#limited++,
    });
    this.#api = new HttpsService({
      name: 'dns-server api',
      ...options.api,
      setting: 'zone-api.port',
      build: () =>
        createApi({
          ...options,
          tls: options.apiTls,
          acceptSha1Zones: options.acceptSha1Zones ?? false,
          relayAddresses: options.relayAddresses.map(canonicalAddress),
          zones: this.#zones,
          serial: () => this.#store.serial,
          nameServers: () => this.nameServers,
          runs: this.#runs,
          limits,
        }),
    });
    this.#parts = new ServiceGroup({
      name: this.name,
      parts: [storeService(this.#store, options), dnsService(this.#dns), this.#api, this.#sweeper()],
      log,
    });
  }

  /** Open ports: equal to the settings unless those are 0. */
  get dnsPort(): number {
    return this.#dns.port;
  }

  get apiPort(): number {
    return this.#api.port;
  }

  /** `host:port` of every authoritative server. */
  get nameServers(): string[] {
    return this.#options.nameServers.flatMap(({ addresses }) =>
      addresses.map((address) => `${bracketed(address)}:${this.dnsPort}`),
    );
  }

  get metrics(): DnsServerMetrics {
    return {
      zones: this.#store.count,
      cachedZones: this.#zones.cached,
      serial: this.#store.serial,
      tcpConnections: this.#dns.tcpConnections,
      answers: [...this.#answers.values()].map((entry) => ({ ...entry })),
      limited: this.#limited,
      copiedIdentities: this.#runs.copied,
    };
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#parts.start(signal);
    const { log, health, zoneRoot } = this.#options;
    health.set(this.name, 'ok', `serves ${zoneRoot}`);
    log.info(
      { dnsPort: this.dnsPort, apiPort: this.apiPort, zones: this.#store.count },
      `dns-server serves ${zoneRoot}`,
    );
  }

  async stop(): Promise<void> {
    await this.#parts.stop();
  }

  /** Removes expired challenges from the store, and finds out whether it can be read. */
  #sweeper(): Reconciler {
    const { clock, random, log, health } = this.#options;
    return new Reconciler({
      name: 'dns-server sweep',
      watch: [],
      clock,
      random,
      log,
      reconcile: () => {
        this.#zones.sweep();
        return Promise.resolve(minutes(1));
      },
      onSuccess: () => health.clear('dns-server.answers'),
    });
  }

  #unanswered(error: unknown): void {
    const { health } = this.#options;
    health.set(
      'dns-server.answers',
      'error',
      `some answers fail: ${messageOf(error)}`,
      'check the disk of the zone store',
    );
  }

  #count(transport: Transport, rcode: number): void {
    const key = `${transport} ${rcode}`;
    const entry = this.#answers.get(key);
    if (entry === undefined) this.#answers.set(key, { transport, rcode, count: 1 });
    else entry.count++;
  }
}

function storeService(
  store: ZoneStore,
  { corrections, log }: Pick<DnsServerOptions, 'corrections' | 'log'>,
): Service {
  let undate: (() => void) | undefined;
  return {
    name: 'dns-server store',
    start: async () => {
      await store.open();
      undate = followCorrections(corrections, (all) => store.redate(all), log);
    },
    stop: async () => {
      undate?.();
      store.close();
    },
  };
}

const dnsService = (dns: DnsListeners): Service => ({
  name: 'dns-server dns',
  start: () => dns.start(),
  stop: () => dns.stop(),
});

const bracketed = (address: string): string => (addressFamily(address) === 6 ? `[${address}]` : address);
