import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CertificateKeeper, type CertificateOptions } from '../../../src/box/certificate/certificate.ts';
import type { Identity, PublishedZone } from '../../../src/box/facts.ts';
import { loadIdentity } from '../../../src/box/identity/identity.ts';
import { ZoneClient } from '../../../src/box/zone/zone-client.ts';
import { Pebble, type PebbleOptions } from '../../../src/cli/home/pebble.ts';
import { createTestCa, type TestCa } from '../../../src/cli/home/test-ca.ts';
import { DnsServer } from '../../../src/cloud/dns-server/dns-server.ts';
import { type Clock, systemClock } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { createLog, type Log, silentLog } from '../../../src/kit/log/log.ts';
import { type ZoneNames, zoneNames } from '../../../src/protocol/names.ts';
import { AcmeProxy } from './acme-proxy.ts';
import { publishedZone } from './published-zone.ts';

const zoneRoot = 'box.localhost';

const verbose = process.env['LAB_LOG'] !== undefined;
export const labLog: Log = verbose
  ? createLog({ level: 'debug', format: 'terminal', write: (text) => void process.stderr.write(text) })
  : silentLog;

/** A CA (Pebble behind a proxy that makes faults), the dns-server, and one box's identity: all but the keeper, for real. */
export interface Lab {
  ca: TestCa;
  pebble: Pebble;
  proxy: AcmeProxy;
  identity: Identity;
  names: ZoneNames;
  zoneClient: ZoneClient;
  dns: {
    start: () => Promise<void>;
    stop: () => Promise<void>;
    apiOrigin: () => string;
    address: () => string;
  };
  /** TXT values in the zone. */
  challenges: () => Promise<readonly string[]>;
  close: () => Promise<void>;
}

export async function createLab(options: {
  folder: string;
  pebbleEnv?: Record<string, string>;
  pebble?: Pick<PebbleOptions, 'strict' | 'validitySeconds' | 'externalAccounts'>;
  /** Stands between Pebble and the dns-server: a resolver with a cache. Answers where it listens. */
  resolver?: (dnsServer: string) => Promise<{ address: string; stop: () => Promise<unknown> }>;
}): Promise<Lab> {
  const { folder, pebbleEnv = {} } = options;
  const signal = AbortSignal.timeout(20_000);
  const [ca, identity] = await Promise.all([
    createTestCa(),
    loadIdentity({ stateFolder: folder, clock: systemClock }),
  ]);
  const dns = restartableDnsServer({ folder: join(folder, 'dns'), ca });
  await dns.start();
  const zoneClient = new ZoneClient({ origin: dns.apiOrigin(), ca: ca.caPem, identity, timeoutMs: 2000 });
  await zoneClient.put({ main: ['192.168.1.20'], mirrors: {}, tunnel: [] }, signal);
  const resolver = await options.resolver?.(dns.address());
  const pebble = new Pebble({
    ...options.pebble,
    folder: join(folder, 'pebble'),
    dnsServer: resolver?.address ?? dns.address(),
    ca,
    env: { PEBBLE_WFE_NONCEREJECT: '0', PEBBLE_AUTHZREUSE: '0', ...pebbleEnv },
    log: labLog,
  });
  await pebble.start(signal);
  const proxy = await AcmeProxy.start({ upstream: pebble.directoryUrl, ca });
  return {
    ca,
    pebble,
    proxy,
    identity,
    names: zoneNames(identity.boxId, zoneRoot, ['a', 'b']),
    zoneClient,
    dns,
    challenges: async () => (await zoneClient.get(AbortSignal.timeout(5000))).challenges,
    close: async () => {
      await zoneClient.close();
      await proxy.stop();
      await pebble.stop();
      await resolver?.stop();
      await dns.stop();
    },
  };
}

/** Starts again on the same ports with the same state, as after an update or a power cut. */
function restartableDnsServer(options: { folder: string; ca: TestCa }): Lab['dns'] {
  const host = '127.0.0.1';
  const masterKey = randomBytes(32);
  let ports = { dns: 0, api: 0 };
  let server: DnsServer | undefined;
  return {
    apiOrigin: () => `https://${host}:${ports.api}`,
    address: () => `${host}:${ports.dns}`,
    start: async () => {
      server = new DnsServer({
        zoneRoot,
        nameServers: [{ name: `ns.${zoneRoot}`, addresses: [host] }],
        dns: { hosts: [host], port: ports.dns },
        api: { host, port: ports.api },
        apiTls: await options.ca.issue([host]),
        stateFolder: options.folder,
        masterKey,
        relays: [],
        relayAddresses: [],
        relayPublicPort: 443,
        caaIssuers: ['pebble.localhost'],
        limits: { boxBurst: 10_000, boxPerSecond: 10_000, sourceBurst: 10_000, sourcePerSecond: 10_000 },
        log: labLog,
        clock: systemClock,
        random: Math.random,
        health: new Health(systemClock),
      });
      await server.start(AbortSignal.timeout(10_000));
      ports = { dns: server.dnsPort, api: server.apiPort };
    },
    stop: async () => {
      await server?.stop();
      server = undefined;
    },
  };
}

export interface TestedKeeper {
  keeper: CertificateKeeper;
  health: Health;
  zone: OwnedFact<PublishedZone | undefined>;
  steps: string[];
  severity: () => string | undefined;
  message: () => string | undefined;
  /** What the condition of this name says. */
  says: (name: string) => string | undefined;
}

/** A keeper against the lab, not started. */
export function createKeeper(
  lab: Lab,
  stateFolder: string,
  changes: Partial<CertificateOptions> & { clock?: Clock } = {},
): TestedKeeper {
  const clock = changes.clock ?? systemClock;
  const health = new Health(clock);
  const zone = new OwnedFact<PublishedZone | undefined>(publishedZone(lab.names));
  const steps: string[] = [];
  const condition = () => health.conditions.value.find(({ name }) => name === 'certificate');
  const keeper = new CertificateKeeper({
    identity: lab.identity,
    names: lab.names,
    zone,
    zoneClient: lab.zoneClient,
    stateFolder,
    builtAt: Date.UTC(2020, 0, 1),
    log: labLog,
    clock,
    random: () => 0.5,
    health,
    onStep: (step) => steps.push(step),
    ...changes,
    acme: { directoryUrl: lab.proxy.directoryUrl, caPem: lab.ca.caPem, termsAgreed: true, ...changes.acme },
  });
  return {
    keeper,
    health,
    zone,
    steps,
    severity: () => condition()?.severity,
    message: () => condition()?.message,
    says: (name) => health.conditions.value.find((condition) => condition.name === name)?.message,
  };
}

/** Waits for a condition that nobody announces. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  patienceMs = 15_000,
): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`still not: ${what}`);
    await sleep(15);
  }
}
