import { once } from 'node:events';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Box } from '../../src/box/box.ts';
import { BoxConfig } from '../../src/box/config.ts';
import { firstPerson } from '../../src/cli/home/first-person.ts';
import { Pebble } from '../../src/cli/home/pebble.ts';
import { freePorts, type HomePorts } from '../../src/cli/home/ports.ts';
import { createTestCa, type TestCa } from '../../src/cli/home/test-ca.ts';
import { Cloud } from '../../src/cloud/cloud.ts';
import { CloudConfig } from '../../src/cloud/config.ts';
import { days, seconds, systemClock } from '../../src/kit/runtime/clock.ts';
import { loadConfig } from '../../src/kit/config/config.ts';
import { writeAtomic } from '../../src/kit/store/files.ts';
import { LogMemory } from '../../src/kit/log/log-memory.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import { serviceManager } from '../../src/kit/runtime/systemd.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type ChildProcess, spawn } from '../support/programs.ts';
import { aPage } from '../support/web-parts.ts';

const folder = temporaryFolder();
const here = '127.0.0.1';
const { signal } = new AbortController();
const patience = 60_000;
let ports: HomePorts;
let ca: TestCa;
let pebble: Pebble;
let cloud: Cloud;

const flags = (settings: Record<string, string | number>): string[] =>
  Object.entries(settings).map(([key, value]) => `--${key}=${value}`);

beforeAll(async () => {
  ports = await freePorts();
  ca = await createTestCa();
  const { certPem, keyPem } = await ca.issue(['localhost', here]);
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  await writeAtomic(certFile, certPem);
  await writeAtomic(keyFile, keyPem);
  pebble = new Pebble({
    folder: join(folder, 'pebble'),
    dnsServer: `${here}:${ports.dns}`,
    ca,
    port: ports.acme,
    managementPort: ports.acmeManagement,
    log: silentLog,
  });
  await pebble.start(signal);
  const settings = flags({
    state: join(folder, 'cloud'),
    'zone.root': 'box.localhost',
    'tls.cert-file': certFile,
    'tls.key-file': keyFile,
    'dns.hosts': here,
    'dns.port': ports.dns,
    'zone-api.host': here,
    'zone-api.port': ports.zoneApi,
    'registration.host': here,
    'registration.port': ports.registration,
    'relay.host': here,
    'relay.port': ports.relay,
    'relay.endpoints': `${here}:${ports.relay}`,
    'relay.addresses': here,
    'system.port': ports.cloudSystem,
  });
  const { config } = loadConfig(CloudConfig, { env: {}, args: settings });
  cloud = new Cloud({
    config,
    parts: ['relay', 'dns-server', 'registration-server'],
    // A copy waits long for the other one, and nobody here has the time.
    runs: { timing: { patienceMs: seconds(3), silenceMs: seconds(3) }, refusedAgainMs: 300 },
    manager: serviceManager({}),
    log: silentLog,
  });
  await cloud.start(signal);
});

const boxes = new Set<Box>();
afterAll(async () => {
  await Promise.all([...boxes].map((box) => box.stop()));
  await Promise.all([...processes].map(kill));
  await cloud.stop();
  await pebble.stop();
});

/** A box of its own at home: its state in `name`, its page at ports that nobody else has. */
const settingsOf = (name: string, own: HomePorts): string[] =>
  flags({
    state: join(folder, name),
    'network.interfaces': 'lo',
    'zone.root': 'box.localhost',
    'zone.resolvers': here,
    'cloud.zone-api': `https://localhost:${ports.zoneApi}`,
    'cloud.registration': `https://localhost:${ports.registration}`,
    'acme.directory': pebble.directoryUrl,
    'web.host': here,
    'web.port': own.web,
    'web.http-port': own.redirect,
    'enrolment.enabled': 'false',
    'mdns.adapter': 'off',
    'system.port': own.boxSystem,
  });

async function startBox(name: string, claim = false): Promise<Box> {
  const own = await freePorts();
  const { config } = loadConfig(BoxConfig, { env: {}, args: settingsOf(name, own) });
  const box = new Box({
    restart: () => undefined,
    config,
    trust: { cloud: ca.caPem, acme: ca.caPem + (await pebble.roots()) },
    pages: aPage,
    logs: new LogMemory({ capacity: 100 }),
    version: '0',
    builtAt: systemClock.now() - days(30),
    manager: serviceManager({}),
    log: silentLog,
  });
  await box.start(signal);
  boxes.add(box);
  if (claim) await firstPerson(box, { state: join(folder, name), port: own.web });
  return box;
}

async function stopBox(box: Box): Promise<void> {
  boxes.delete(box);
  await box.stop();
}

/** The same as a process. */
async function spawnBox(name: string): Promise<BoxProcess> {
  const own = await freePorts();
  const caFile = join(folder, 'ca.pem');
  await writeAtomic(caFile, ca.caPem + (await pebble.roots()));
  const trust = flags({ 'cloud.ca-file': caFile, 'acme.ca-file': caFile });
  const main = join(import.meta.dirname, '../../src/cli/main.ts');
  const child = spawn(process.execPath, [main, 'box', ...settingsOf(name, own), ...trust], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const box: BoxProcess = { child, said: '', statusUrl: `http://${here}:${own.boxSystem}/status` };
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (box.said += chunk.toString()));
  processes.add(box);
  return box;
}

interface BoxProcess {
  child: ChildProcess;
  said: string;
  statusUrl: string;
}

const processes = new Set<BoxProcess>();

/** `undefined` while there is nobody to ask. */
async function phaseOf({ statusUrl }: BoxProcess): Promise<string | undefined> {
  try {
    const { body } = await request(statusUrl);
    return ((await body.json()) as { tunnel: { phase: string } }).tunnel.phase;
  } catch {
    return undefined;
  }
}

/** Gone when it resolves, and nothing was said. */
async function kill(box: BoxProcess): Promise<void> {
  processes.delete(box);
  if (box.child.exitCode !== null || box.child.signalCode !== null) return;
  const gone = once(box.child, 'exit');
  box.child.kill('SIGKILL');
  await gone;
}

/** What is on the card of `from`, on another one. Of the running process nothing is copied. */
function copyCard(from: string, to: string): void {
  rmSync(join(folder, to), { recursive: true, force: true });
  cpSync(join(folder, from), join(folder, to), {
    recursive: true,
    filter: (path) => !/\/(control\.sock|\.lock|tunnel)$/.test(path),
  });
}

const copied = (box: Box): string =>
  box.facts.health.value.find(({ name }) => name === 'identity.copied')?.severity ?? 'ok';

const isIn = (box: Box): boolean =>
  box.facts.tunnel.value.phase === 'connected' &&
  box.facts.zone.value?.records.tunnel.length === 1 &&
  box.facts.announce.value.announcedAt !== undefined;

const soon = { timeout: patience, interval: 20 };

async function counted(metric: string): Promise<number> {
  const { body } = await request(`http://${here}:${ports.cloudSystem}/metrics`);
  const value = new RegExp(`^${metric} (\\d+)$`, 'm').exec(await body.text())?.[1];
  return Number(value);
}

/** The events of it in the audit log. */
function events(name: string): unknown[] {
  const store = new DatabaseSync(join(folder, name, 'access/access.sqlite'), { readOnly: true });
  try {
    return store
      .prepare("SELECT what FROM audit WHERE action = 'identity-copied'")
      .all()
      .map(({ what }) => what);
  } finally {
    store.close();
  }
}

describe('a copied card', { timeout: 10 * patience }, () => {
  let first: Box;
  let second: Box;

  it('the one that was there stays, the copy works at home, and both say so', async () => {
    first = await startBox('first', true);
    await expect.poll(() => isIn(first), { ...soon, timeout: 3 * patience }).toBe(true);
    expect(copied(first)).toBe('ok');
    const serial = first.facts.zone.value?.serial;
    const takeOvers = await counted('porchlight_relay_take_overs');
    copyCard('first', 'second');
    second = await startBox('second');
    expect(second.facts.identity.boxId).toBe(first.facts.identity.boxId);
    await expect.poll(() => copied(second), soon).toBe('error');
    await expect.poll(() => copied(first), soon).toBe('warning');
    await expect.poll(() => second.facts.tunnel.value.phase, soon).toBe('waiting');
    await expect.poll(() => second.facts.zone.value, soon).toBeUndefined();
    expect(isIn(first)).toBe(true);
    expect(first.facts.zone.value?.serial).toBe(serial);
    expect(await counted('porchlight_relay_take_overs')).toBe(takeOvers);
    await expect.poll(() => events('second'), soon).toEqual(['copy']);
    await expect.poll(() => events('first'), soon).toEqual(['first']);
  });

  it('once the first has gone, the copy takes over, and is the one that was there from then on', async () => {
    await stopBox(first);
    await expect.poll(() => isIn(second), soon).toBe(true);
    expect(copied(second)).toBe('ok');
    first = await startBox('first');
    await expect.poll(() => copied(first), soon).toBe('error');
    await expect.poll(() => copied(second), soon).toBe('warning');
    expect(isIn(second)).toBe(true);
    await stopBox(second);
    await expect.poll(() => isIn(first), soon).toBe(true);
    expect(copied(first)).toBe('ok');
  });

  it('a restart of a box is no second one', async () => {
    await stopBox(first);
    const severities = new Set<string>();
    first = await startBox('first');
    first.facts.health.subscribe(() => severities.add(copied(first)));
    await expect.poll(() => isIn(first), soon).toBe(true);
    expect(severities).not.toContain('error');
    expect(severities).not.toContain('warning');
    await stopBox(first);
  });

  it('a box that is killed and started again is in, and was never refused', async () => {
    const killed = await spawnBox('first');
    await expect.poll(() => phaseOf(killed), soon).toBe('connected');
    await kill(killed);
    const again = await spawnBox('first');
    await expect.poll(() => phaseOf(again), soon).toBe('connected');
    expect(again.said).not.toContain('copied-identity');
    await kill(again);
  });

  it('a box that answers nothing any more is replaced, and is the copy when it comes back', async () => {
    const stopped = await spawnBox('first');
    await expect.poll(() => phaseOf(stopped), soon).toBe('connected');
    // As after a power cut, its connections stay open at the cloud.
    stopped.child.kill('SIGSTOP');
    copyCard('first', 'second');
    second = await startBox('second');
    await expect.poll(() => isIn(second), soon).toBe(true);
    expect(copied(second)).toBe('ok');
    stopped.child.kill('SIGCONT');
    await expect.poll(() => copied(second), soon).toBe('warning');
    await expect.poll(() => phaseOf(stopped), soon).toBe('waiting');
    expect(isIn(second)).toBe(true);
  });
});
