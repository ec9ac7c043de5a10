import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { builtPages } from '../kit/http/built-files.ts';
import { type Clock, systemClock } from '../kit/runtime/clock.ts';
import { messageOf, Problem } from '../kit/runtime/errors.ts';
import { privateFolder } from '../kit/store/files.ts';
import { Health } from '../kit/runtime/health.ts';
import { HealthPage } from '../kit/http/health-page.ts';
import { lockFolder } from '../kit/store/lock.ts';
import type { Log } from '../kit/log/log.ts';
import { type Service, ServiceGroup } from '../kit/runtime/service.ts';
import { StorageWatch } from '../kit/disk/watch.ts';
import { Supervision } from '../kit/runtime/supervision.ts';
import type { ServiceManager } from '../kit/runtime/systemd.ts';
import { reportTrust } from '../kit/trusted-time/report.ts';
import { systemSources } from '../kit/trusted-time/sources.ts';
import { TrustedClock } from '../kit/trusted-time/trusted-clock.ts';
import { addressFamily, canonicalAddress } from '../protocol/addresses.ts';
import { AppServer } from './app-server/app-server.ts';
import type { CloudConfig } from './config.ts';
import { DnsServer } from './dns-server/dns-server.ts';
import { Relay } from './relay/relay.ts';
import { MailboxServer } from './mailbox/mailbox.ts';
import { loadMasterKey } from './master-key.ts';
import { cloudMetrics } from './metrics.ts';
import type { RunsOptions } from './runs/runs.ts';
import { RegistrationServer } from './registration-server/registration-server.ts';

export const cloudParts = ['relay', 'dns-server', 'registration-server', 'mailbox', 'app'] as const;
export type CloudPart = (typeof cloudParts)[number];

export interface CloudOptions {
  config: CloudConfig;
  /** All in one process, or each alone. */
  parts: readonly CloudPart[];
  manager: ServiceManager;
  log: Log;
  /** When this program was built, ms since the epoch. */
  builtAt?: number;
  /** Which start of the machine this is, where it cannot be looked up. */
  boot?: string | undefined;
  /** How long they wait before a box is taken for gone; absent: as long as boxes out there need. */
  runs?: Partial<RunsOptions>;
  /** A fake, which needs nobody to vouch for it; absent: the machine's. */
  clock?: Clock;
}

/** No time is before this. */
const oldest = Date.UTC(2026, 0, 1);

/** The composition root of the cloud: which parts run, and what each is given. */
export class Cloud implements Service {
  readonly name = 'cloud';
  readonly #options: CloudOptions;
  readonly #health: Health;
  readonly #locks: { release: () => void }[] = [];
  readonly #clocks: TrustedClock[] = [];
  #running: ServiceGroup | undefined;
  /** Where parts keep what they keep. */
  readonly #stateFolders: string[] = [];
  #key: Promise<Buffer> | undefined;

  constructor(options: CloudOptions) {
    this.#options = options;
    this.#health = new Health(options.clock ?? systemClock);
  }

  async start(signal: AbortSignal): Promise<void> {
    const { config, parts, manager, log, clock = systemClock } = this.#options;
    const health = this.#health;
    const make = {
      relay: () => this.#relay(),
      'dns-server': () => this.#dnsServer(),
      'registration-server': () => this.#registrationServer(),
      mailbox: () => this.#mailbox(),
      app: () => this.#app(),
    };
    const services = await Promise.all(parts.map((part) => make[part]()));
    const clocks = this.#clocks.splice(0);
    for (const trusted of clocks) reportTrust(health, trusted);
    const page = new HealthPage({
      port: config.system.port,
      setting: 'system.port',
      health,
      metrics: () => cloudMetrics(services),
      status: () => ({ parts, health: health.worst, conditions: health.conditions.value }),
    });
    this.#running = new ServiceGroup({
      name: this.name,
      parts: [
        this.#storage(),
        ...clocks,
        ...services,
        page,
        new Supervision({ manager, health, clock, log }),
      ],
      log,
    });
    await this.#running.start(signal);
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
    for (const lock of this.#locks.splice(0)) lock.release();
  }

  #storage(): StorageWatch {
    const { log, clock = systemClock } = this.#options;
    const folders = this.#stateFolders.splice(0);
    const part = { health: this.#health, log: log.child({ part: 'storage' }), clock, random: Math.random };
    return new StorageWatch({ ...part, folders });
  }

  async #dnsServer(): Promise<DnsServer> {
    const { config } = this.#options;
    const { certName, caFile, endpoints, addresses, publicPort, port } = config.relay;
    const ca = caFile === '' ? {} : { ca: await pem(caFile, 'relay.ca-file') };
    const stateFolder = await this.#folder('dns-server');
    return new DnsServer({
      ...this.#common('dns-server'),
      runs: this.#options.runs ?? {},
      ...(await this.#trustedClock(stateFolder)),
      stateFolder,
      masterKey: await this.#masterKey(),
      apiTls: await pair(config.tls, 'tls'),
      api: config.zoneApi,
      dns: config.dns,
      nameServers: nameServers(config),
      ...(config.dns.contact === '' ? {} : { contact: config.dns.contact }),
      caaIssuers: config.dns.caaIssuers,
      acceptSha1Zones: config.dns.acceptSha1Zones,
      relays: endpoints.map((address) => ({ address, ...(certName === '' ? {} : { certName, ...ca }) })),
      relayAddresses: addresses,
      relayPublicPort: publicPort === 0 ? port : publicPort,
    });
  }

  async #registrationServer(): Promise<RegistrationServer> {
    const { config } = this.#options;
    const stateFolder = await this.#folder('registration-server');
    return new RegistrationServer({
      ...this.#common('registration-server'),
      ...(await this.#trustedClock(stateFolder)),
      ...config.registration,
      runs: this.#options.runs ?? {},
      stateFolder,
      tls: await pair(config.tls, 'tls'),
    });
  }

  async #mailbox(): Promise<MailboxServer> {
    const { config } = this.#options;
    return new MailboxServer({
      ...this.#common('mailbox'),
      ...config.mailbox,
      tls: await pair(config.tls, 'tls'),
    });
  }

  async #app(): Promise<AppServer> {
    const { host, port, folder, registration } = this.#options.config.app;
    return new AppServer({
      ...this.#common('app'),
      host,
      port,
      tls: await pair(this.#options.config.tls, 'tls'),
      folder: folder === '' ? builtPages('app') : folder,
      registrationOrigin: required(
        registration,
        'app.registration',
        'the registration-server, as browsers reach it',
      ),
    });
  }

  async #relay(): Promise<Relay> {
    const { certName, host, port, publicPort, certFile, keyFile } = this.#options.config.relay;
    return new Relay({
      ...this.#common('relay'),
      masterKey: await this.#masterKey(),
      host,
      port,
      ...(publicPort === 0 ? {} : { publicPort }),
      ...(certName === '' ? {} : { tls: { certName, ...(await pair({ certFile, keyFile }, 'relay')) } }),
    });
  }

  #common(part: CloudPart): {
    zoneRoot: string;
    log: Log;
    clock: Clock;
    random: () => number;
    health: Health;
  } {
    const { config, log, clock = systemClock } = this.#options;
    return {
      zoneRoot: config.zone.root,
      log: log.child({ part }),
      clock,
      random: Math.random,
      health: this.#health,
    };
  }

  /** Each part has a folder and a lock of its own, so that parts alone can share one machine. */
  async #folder(part: CloudPart): Promise<string> {
    const folder = join(this.#options.config.state, part);
    await privateFolder(folder);
    this.#stateFolders.push(folder);
    this.#locks.push(lockFolder(folder));
    return folder;
  }

  /** What is removed in time goes by a clock that somebody vouches for; each store has its own. */
  async #trustedClock(
    folder: string,
  ): Promise<Partial<Pick<TrustedClock, 'corrections'> & { clock: Clock }>> {
    const { clock, log, boot, builtAt = oldest } = this.#options;
    if (clock !== undefined) return {};
    const trusted = new TrustedClock({
      clock: systemClock,
      sources: systemSources({ boot, servers: [] }),
      folder,
      stores: [folder],
      builtAt,
      random: Math.random,
      log: log.child({ part: 'clock' }),
    });
    await trusted.open(new AbortController().signal);
    this.#clocks.push(trusted);
    return { clock: trusted, corrections: trusted.corrections };
  }

  /** Loaded once: two parts that find none must not make two. */
  #masterKey(): Promise<Buffer> {
    this.#key ??= this.#loadKey();
    return this.#key;
  }

  async #loadKey(): Promise<Buffer> {
    const { state, relay } = this.#options.config;
    await privateFolder(state);
    return loadMasterKey({ file: relay.masterKeyFile, stateFolder: state });
  }
}

/**
 * The authoritative servers; a cloud of one machine is its own only one. Resolvers and boxes are told their addresses, so
 * that each must be one: *every address of this machine* (`0.0.0.0`, `::`) leads them to themselves. Throws `bad-config`.
 */
function nameServers({ dns, zone }: CloudConfig): { name: string; addresses: string[] }[] {
  const given = Object.entries(dns.nameServers).map(([name, addresses]) => ({
    name,
    addresses: addresses.split(' '),
  }));
  const servers = given.length > 0 ? given : [{ name: `ns1.${zone.root}`, addresses: [...dns.hosts] }];
  const wrong = servers.flatMap(({ addresses }) => addresses).find((address) => !isOneHost(address));
  if (wrong === undefined) return servers;
  throw new Problem(
    'bad-config',
    `dns.name-servers ${given.length > 0 ? 'holds' : 'is not set, and dns.hosts holds'} ${wrong}, where nobody finds a name server; set it to the names and public addresses of the authoritative servers`,
    { retryable: false },
  );
}

function isOneHost(address: string): boolean {
  return addressFamily(address) !== undefined && !['0.0.0.0', '::'].includes(canonicalAddress(address));
}

async function pair(
  files: { certFile: string; keyFile: string },
  section: string,
): Promise<{ certPem: string; keyPem: string }> {
  const certPem = await pem(files.certFile, `${section}.cert-file`);
  return { certPem, keyPem: await pem(files.keyFile, `${section}.key-file`) };
}

function required(value: string, setting: string, meaning: string): string {
  if (value !== '') return value;
  throw new Problem('bad-config', `${setting} is not set; it names ${meaning}`, { retryable: false });
}

async function pem(path: string, setting: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const why = path === '' ? 'is not set' : `cannot be read: ${messageOf(error)}`;
    throw new Problem('bad-config', `${setting} ${why}; it names a PEM file`, {
      retryable: false,
      cause: error,
    });
  }
}
