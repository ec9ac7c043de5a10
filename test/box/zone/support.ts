import { spawn } from '../../support/programs.ts';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadIdentity } from '../../../src/box/identity/identity.ts';
import type { HomeNetwork, Identity, TunnelState } from '../../../src/box/facts.ts';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { DnsServer } from '../../../src/cloud/dns-server/dns-server.ts';
import { freePort } from '../../../src/cli/home/free-port.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';

export const zoneRoot = 'box.example.org';
export const relay = '203.0.113.7';

export interface TestCloud {
  server: DnsServer;
  /** For ZoneClient. */
  api: { origin: string; ca: string };
  /** The same server again, on the same ports and store. */
  restart(): Promise<DnsServer>;
}

/** A real dns-server on loopback. */
export async function startDnsServer(folder: string): Promise<TestCloud> {
  const ca = await createTestCa();
  const apiTls = await ca.issue(['127.0.0.1']);
  const stateFolder = await mkdtemp(join(folder, 'dns-server-'));
  const create = async (dnsPort: number, apiPort: number): Promise<DnsServer> => {
    const server = new DnsServer({
      zoneRoot,
      nameServers: [{ name: `ns1.${zoneRoot}`, addresses: ['127.0.0.1'] }],
      dns: { hosts: ['127.0.0.1'], port: dnsPort },
      api: { host: '127.0.0.1', port: apiPort },
      apiTls,
      stateFolder,
      masterKey: Buffer.alloc(32, 1),
      relays: [],
      relayAddresses: [relay],
      relayPublicPort: 443,
      caaIssuers: [],
      log: silentLog,
      clock: systemClock,
      random: Math.random,
      health: new Health(systemClock),
    });
    await server.start(AbortSignal.timeout(10_000));
    return server;
  };
  const server = await create(0, 0);
  const { dnsPort, apiPort } = server;
  return {
    server,
    api: { origin: `https://127.0.0.1:${apiPort}`, ca: ca.caPem },
    restart: () => create(dnsPort, apiPort),
  };
}

export async function testIdentity(folder: string): Promise<Identity> {
  return loadIdentity({ stateFolder: await mkdtemp(join(folder, 'box-')), clock: systemClock });
}

export function onNetwork(...addresses: string[]): HomeNetwork {
  const interfaces = addresses.length === 0 ? [] : [{ name: 'eth0', addresses, preferred: true }];
  return { interfaces, addresses };
}

export function throughTunnel(...addresses: string[]): TunnelState {
  return { phase: addresses.length === 0 ? 'off' : 'connected', addresses, origin: undefined };
}

export interface HomeResolver {
  /** `host:port` */
  server: string;
  stop(): Promise<void>;
}

/** dnsmasq as routers run it: it forwards the zone root to `upstream` if there is one, and knows nothing else. */
export async function startDnsmasq(
  upstream: string | undefined,
  args: readonly string[] = [],
): Promise<HomeResolver> {
  const port = await freePort();
  const forward = `--server=/${zoneRoot}/${upstream?.replace(':', '#') ?? ''}`;
  const own = [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--no-resolv',
    '--no-hosts',
    '--listen-address=127.0.0.1',
    '--bind-interfaces',
    '--user=root',
    `--port=${port}`,
    '--pid-file=',
    '--log-facility=-',
  ];
  return running('dnsmasq', [...own, forward, ...args], port, /started, version/);
}

/** unbound, which pfSense and OPNsense run. `lines` go into its `server:` clause. */
export async function startUnbound(
  folder: string,
  upstream: string,
  lines: readonly string[] = [],
): Promise<HomeResolver> {
  const port = await freePort();
  const file = join(await mkdtemp(join(folder, 'unbound-')), 'unbound.conf');
  const own = [
    'chroot: ""',
    'username: ""',
    'pidfile: ""',
    'use-syslog: no',
    'do-daemonize: no',
    'verbosity: 1',
    'interface: 127.0.0.1',
    `port: ${port}`,
    'do-not-query-localhost: no',
    'module-config: "iterator"',
    'num-threads: 1',
  ];
  const text = [
    'server:',
    ...[...own, ...lines].map((line) => `  ${line}`),
    'remote-control:',
    '  control-enable: no',
    'stub-zone:',
    `  name: ${zoneRoot}`,
    `  stub-addr: ${upstream.replace(':', '@')}`,
  ];
  await writeFile(file, `${text.join('\n')}\n`);
  return running('unbound', ['-d', '-c', file], port, /start of service/);
}

async function running(
  command: string,
  args: readonly string[],
  port: number,
  ready: RegExp,
): Promise<HomeResolver> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (ready.test(said)) resolve();
    });
    void exited.then(() => reject(new Error(`${command} ended: ${said}`)));
  });
  return {
    server: `127.0.0.1:${port}`,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
