import { once } from 'node:events';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Box } from '../../src/box/box.ts';
import { BoxConfig } from '../../src/box/config.ts';
import type { BoxFacts } from '../../src/box/system/status.ts';
import { Pebble } from '../../src/cli/home/pebble.ts';
import { firstPerson } from '../../src/cli/home/first-person.ts';
import { freePorts, type HomePorts } from '../../src/cli/home/ports.ts';
import { createTestCa, type TestCa } from '../../src/cli/home/test-ca.ts';
import { Cloud, type CloudPart } from '../../src/cloud/cloud.ts';
import { CloudConfig } from '../../src/cloud/config.ts';
import { type Clock, days, systemClock } from '../../src/kit/runtime/clock.ts';
import { loadConfig } from '../../src/kit/config/config.ts';
import { type Fact, until } from '../../src/kit/runtime/fact.ts';
import { writeAtomic } from '../../src/kit/store/files.ts';
import { LogMemory } from '../../src/kit/log/log-memory.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import { serviceManager } from '../../src/kit/runtime/systemd.ts';
import type { TimeSources } from '../../src/kit/trusted-time/sources.ts';
import { temporaryFolder } from '../support/folder.ts';
import { OffsetClock } from './certificate/offset-clock.ts';
import { aPage } from '../support/web-parts.ts';

const folder = temporaryFolder();
const here = '127.0.0.1';
const { signal } = new AbortController();
let ports: HomePorts;
let ca: TestCa;
let pebble: Pebble;
const cloud = new Map<CloudPart, Cloud>();

const flags = (settings: Record<string, string | number>): string[] =>
  Object.entries(settings).map(([key, value]) => `--${key}=${value}`);

function part(name: CloudPart): Cloud {
  const found = cloud.get(name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}

beforeAll(async () => {
  ports = await freePorts();
  ca = await createTestCa();
  const { certPem, keyPem } = await ca.issue(['localhost', here]);
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  await writeAtomic(certFile, certPem);
  await writeAtomic(keyFile, keyPem);
  const settings = flags({
    state: join(folder, 'cloud'),
    'zone.root': 'box.localhost',
    'tls.cert-file': certFile,
    'tls.key-file': keyFile,
    'dns.hosts': here,
    'dns.port': ports.dns,
    'dns.caa-issuers': 'pebble.letsencrypt.org',
    'zone-api.host': here,
    'zone-api.port': ports.zoneApi,
    'registration.host': here,
    'registration.port': ports.registration,
    'relay.host': here,
    'relay.port': ports.relay,
    'relay.endpoints': `${here}:${ports.relay}`,
    'relay.addresses': here,
    'system.port': 0,
  });
  const { config } = loadConfig(CloudConfig, { env: {}, args: settings });
  for (const name of ['dns-server', 'registration-server', 'relay'] as const) {
    cloud.set(name, new Cloud({ config, parts: [name], manager: serviceManager({}), log: silentLog }));
  }
  pebble = new Pebble({
    folder: join(folder, 'pebble'),
    dnsServer: `${here}:${ports.dns}`,
    ca,
    port: ports.acme,
    managementPort: ports.acmeManagement,
    log: silentLog,
  });
  await pebble.start(signal);
});

afterAll(async () => {
  await Promise.all([...cloud.values()].map((server) => server.stop()));
  await pebble.stop();
});

interface StartOptions {
  clock?: Clock;
  timeSources?: TimeSources;
}

const builtAt = systemClock.now() - days(30);

async function startBox(name: string, options: StartOptions = {}): Promise<Box> {
  const settings = flags({
    state: join(folder, name),
    'network.interfaces': 'lo',
    'zone.root': 'box.localhost',
    'zone.resolvers': here,
    'cloud.zone-api': `https://localhost:${ports.zoneApi}`,
    'cloud.registration': `https://localhost:${ports.registration}`,
    'acme.directory': pebble.directoryUrl,
    'web.host': here,
    'web.port': ports.web,
    'web.http-port': ports.redirect,
    'enrolment.enabled': 'false',
    'mdns.adapter': 'off',
    'system.port': 0,
  });
  const { config } = loadConfig(BoxConfig, { env: {}, args: settings });
  const trust = { cloud: ca.caPem, acme: ca.caPem + (await pebble.roots()) };
  const box = new Box({
    restart: () => undefined,
    config,
    trust,
    pages: aPage,
    logs: new LogMemory({ capacity: 100 }),
    version: '0',
    builtAt,
    manager: serviceManager({}),
    log: silentLog,
    ...options,
  });
  await box.start(signal);
  await firstPerson(box, { state: join(folder, name), port: ports.web });
  return box;
}

/** The box's page at home, whatever the certificate. */
async function page(): Promise<number> {
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  const { statusCode, body } = await request(`https://${here}:${ports.web}/ping`, { dispatcher: agent });
  await body.dump();
  await agent.destroy();
  return statusCode;
}

/** A CA that was told and then found no DNS has refused: after that the box leaves it alone for some four minutes. */
const patience = 360_000;

/** In every way: all conditions, the tunnel, and an announcement. */
async function allIsWell({ health, tunnel, announce }: BoxFacts): Promise<void> {
  const bad = (): string[] =>
    health.value
      .filter(({ severity }) => severity !== 'ok')
      .map(({ name, message }) => `${name}: ${message}`);
  await expect.poll(() => tunnel.value.phase, { timeout: patience }).toBe('connected');
  await expect.poll(bad, { timeout: 60_000 }).toEqual([]);
  await expect.poll(() => announce.value.announcedAt, { timeout: 60_000 }).toBeDefined();
}

describe('a box survives the failure of every other part', { timeout: 2 * patience }, () => {
  let box: Box;
  afterAll(() => box.stop());

  it('starts with no cloud at all, and takes each part as it comes', async () => {
    box = await startBox('lonely');
    const { health, zone } = box.facts;
    const wrong = (): string[] =>
      health.value.filter(({ severity }) => severity !== 'ok').map(({ name }) => name);
    await expect.poll(wrong).toContain('zone');
    expect(await page()).toBe(204);
    await part('relay').start(signal);
    await part('registration-server').start(signal);
    expect(zone.value).toBeUndefined();
    await part('dns-server').start(signal);
    await allIsWell(box.facts);
    await expect.poll(() => zone.value?.records.tunnel).toEqual([here]);
  });

  it.each<[CloudPart[]]>([
    [['relay']],
    [['registration-server']],
    [['dns-server']],
    [['dns-server', 'relay', 'registration-server']],
  ])('%j away for a while', async (away) => {
    const { tunnel, certificate } = box.facts;
    const before = certificate.value;
    await Promise.all(away.map((name) => part(name).stop()));
    if (away.includes('relay')) await until(tunnel, ({ phase }) => phase !== 'connected', signal);
    expect(await page()).toBe(204);
    for (const name of away.toReversed()) await part(name).start(signal);
    await allIsWell(box.facts);
    expect(certificate.value).toBe(before);
  });
});

describe('the dns-server leaves a box that has just begun', { timeout: 2 * patience }, () => {
  const phases: [when: string, reached: (facts: BoxFacts) => [Fact<unknown>, () => boolean]][] = [
    ['once its zone is served', ({ zone }) => [zone, () => zone.value !== undefined]],
    [
      'once it has its certificate',
      ({ certificate }) => [certificate, () => certificate.value !== undefined],
    ],
    ['while its tunnel connects', ({ tunnel }) => [tunnel, () => tunnel.value.phase === 'connecting']],
    ['once its tunnel is proven', ({ tunnel }) => [tunnel, () => tunnel.value.phase === 'connected']],
  ];

  it.each(phases)('%s: it gets there when the server is back', async (when, reached) => {
    const box = await startBox(when);
    try {
      const [fact, holds] = reached(box.facts);
      await until(fact, holds, signal);
      await part('dns-server').stop();
      expect(await page()).toBe(204);
      await part('dns-server').start(signal);
      await allIsWell(box.facts);
      await expect.poll(() => box.facts.zone.value?.records).toMatchObject({ main: [here], tunnel: [here] });
    } finally {
      await box.stop();
    }
  });
});

/** One connection that is kept: what it answers, and the serial of the certificate it was opened with. */
function visitor(
  origin: string,
  host: string,
): { ask: () => Promise<number>; serial: () => string; end: () => void } {
  const session = connect(origin, { servername: host, rejectUnauthorized: false });
  session.on('error', () => undefined);
  return {
    ask: () =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': '/ping', ':authority': host });
        stream.on('response', (answer) => resolve(Number(answer[':status'])));
        stream.on('error', reject);
        stream.resume();
      }),
    serial: () => (session.socket as TLSSocket).getPeerCertificate().serialNumber,
    end: () => session.destroy(),
  };
}

/** Whoever moves the clock is a time server. */
const setByATimeServer: TimeSources = {
  boot: undefined,
  uptime: () => systemClock.monotonic(),
  synchronized: () => Promise.resolve(true),
  aheadOfServers: () => Promise.resolve([]),
};

describe('a renewed certificate', () => {
  it('is used from the next handshake on, at home and through the tunnel; open connections stay', async () => {
    const clock = new OffsetClock();
    const box = await startBox('renewal', { clock, timeSources: setByATimeServer });
    const { certificate, names } = box.facts;
    const visitors = (): ReturnType<typeof visitor>[] => [
      visitor(`https://${here}:${ports.web}`, names.main),
      visitor(`https://${here}:${ports.relay}`, names.tunnel),
    ];
    const all: ReturnType<typeof visitor>[] = [];
    try {
      await allIsWell(box.facts);
      const first = certificate.value;
      const old = visitors();
      all.push(...old);
      for (const one of old) expect(await one.ask()).toBe(204);
      // Pebble's certificates live for five years.
      clock.advance(days(4 * 365));
      await until(certificate, (value) => value !== undefined && value.serial !== first?.serial, signal);
      const young = visitors();
      all.push(...young);
      for (const one of [...old, ...young]) expect(await one.ask()).toBe(204);
      expect(old.map((one) => one.serial())).toEqual([first?.serial, first?.serial]);
      const second = certificate.value?.serial;
      expect(young.map((one) => one.serial())).toEqual([second, second]);
    } finally {
      for (const one of all) one.end();
      await box.stop();
    }
  });
});

describe('a box that is started again', () => {
  it('has its certificate in the very first handshake', async () => {
    const before = await startBox('again');
    const { names } = before.facts;
    const certificate = await until(before.facts.certificate, (value) => value !== undefined, signal);
    await before.stop();
    const first = firstHandshake(names.main);
    const box = await startBox('again');
    try {
      expect(await first).toBe(certificate?.serial);
    } finally {
      await box.stop();
    }
  });
});

/** The serial of the certificate that whoever is there first is shown: asked over and over until somebody listens. */
async function firstHandshake(servername: string): Promise<string> {
  for (const patience = AbortSignal.timeout(30_000); ;) {
    const socket = connectTls({ host: here, port: ports.web, servername, rejectUnauthorized: false });
    try {
      await once(socket, 'secureConnect', { signal: patience });
      return socket.getPeerCertificate().serialNumber;
    } catch {
      patience.throwIfAborted();
      await sleep(1);
    } finally {
      socket.destroy();
    }
  }
}

describe('a box whose clock says 1970', () => {
  it('is there, says so, and asks the CA for nothing until the time is known', async () => {
    const clock = new OffsetClock();
    clock.advanceTo(0);
    const box = await startBox('no-clock', { clock });
    try {
      const { certificate, health, zone } = box.facts;
      await until(zone, (value) => value !== undefined, signal);
      const said = (): string => health.value.find(({ name }) => name === 'certificate')?.message ?? '';
      await expect.poll(said).toMatch(/clock/);
      expect(certificate.value).toBeUndefined();
      expect(await page()).toBe(204);
      clock.advanceTo(systemClock.now());
      await allIsWell(box.facts);
    } finally {
      await box.stop();
    }
  });
});
