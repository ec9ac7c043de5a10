import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readIdentity } from '../../../src/box/identity/identity.ts';
import { CertificateStore } from '../../../src/box/certificate/store.ts';
import { doctorCommand } from '../../../src/cli/doctor/command.ts';
import { Home } from '../../../src/cli/home/home.ts';
import { freePorts, type HomePorts } from '../../../src/cli/home/ports.ts';
import { watchSteps } from '../../../src/cli/home/progress.ts';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { days } from '../../../src/kit/runtime/clock.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { porchlight, run, tooLong } from '../run.ts';
import { startDnsServer, startResolver } from './filtered-home.ts';

interface Line {
  check: string;
  verdict: string;
  found: string;
  remedy?: string;
}

const folder = temporaryFolder();
const nothing = (): void => undefined;
let home: Home;
let ports: HomePorts;

beforeAll(async () => {
  const { signal } = new AbortController();
  ports = await freePorts();
  home = new Home({ state: join(folder, 'home'), ports, onStep: nothing });
  await home.start(signal);
  await watchSteps(home.box, nothing, signal);
}, 60_000);

afterAll(async () => {
  await home.stop();
});

/** Runs `porchlight doctor` on the home's box, with some settings changed. */
async function doctor(...settings: string[]): Promise<{ code: number | null; lines: Map<string, Line> }> {
  const { code, out, err } = await run(doctorCommand, [
    '--json',
    '--config',
    home.boxConfigPath,
    ...settings,
  ]);
  expect(err).toBe('');
  const { findings } = JSON.parse(out) as { findings: Line[] };
  return { code, lines: new Map(findings.map((line) => [line.check, line])) };
}

/** Names of the checks with one of these verdicts. */
const having = (lines: Map<string, Line>, ...verdicts: string[]): string[] =>
  [...lines.values()].filter(({ verdict }) => verdicts.includes(verdict)).map(({ check }) => check);

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('porchlight doctor', () => {
  it('finds nothing wrong in a home in which everything works, and shows it in 80 columns', async () => {
    const { code, lines } = await doctor();
    expect(having(lines, 'error', 'warning', 'skipped')).toEqual([]);
    expect(code).toBe(0);
    expect([...lines.values()].every(({ remedy }) => remedy === undefined)).toBe(true);
    const shown = await porchlight(['doctor', '--config', home.boxConfigPath]);
    expect(shown).toMatchObject({ code: 0, err: '' });
    expect(shown.out).toMatch(/^✓ identity {7}box id [a-z2-7]{8}… in /);
    expect(shown.out).toContain('Everything works.\n');
    expect(tooLong(shown.out)).toEqual([]);
    expect(shown.out.split('\n').length).toBeLessThan(20);
  });

  it('says that the dns-server cannot be reached, and does not blame what it could not look at', async () => {
    const { code, lines } = await doctor('--cloud.zone-api', `https://localhost:${await closedPort()}`);
    expect(code).toBe(3);
    expect(having(lines, 'error')).toEqual(['dns-server']);
    expect(having(lines, 'skipped')).toEqual(['name servers', 'home resolver', 'outside']);
    expect(lines.get('dns-server')?.found).toContain('ECONNREFUSED');
    expect(lines.get('dns-server')?.remedy).toContain('internet connection');
  });

  it('says that the CA cannot be reached, or that something else answers in its place', async () => {
    const [away, other] = await Promise.all([
      doctor('--acme.directory', `https://127.0.0.1:${await closedPort()}/dir`),
      doctor('--acme.directory', `https://localhost:${ports.registration}/ping`),
    ]);
    expect(away.code).toBe(3);
    expect(having(away.lines, 'error')).toEqual(['CA']);
    expect(having(other.lines, 'error')).toEqual(['CA']);
    expect(other.lines.get('CA')?.remedy).toContain('something else answers');
  });

  it('says that the registration-server cannot be reached', async () => {
    const { code, lines } = await doctor('--cloud.registration', `https://localhost:${await closedPort()}`);
    expect(code).toBe(3);
    expect(having(lines, 'error')).toEqual(['registration']);
  });

  it('says that a private CA is not trusted', async () => {
    const ca = join(folder, 'home', 'cloud', 'ca.pem');
    const { lines } = await doctor('--acme.ca-file', ca);
    expect(having(lines, 'error')).toEqual(['certificate', 'page', 'outside']);
    expect(lines.get('certificate')?.found).toBe('a browser would refuse it: its root is not trusted here');
    expect(lines.get('certificate')?.remedy).toContain('acme.ca-file');
  });

  it.each([
    ['that has expired', -400, 'expired on', 'gets one'],
    ['of a foreign CA', 0, 'a browser would refuse it', 'acme.ca-file'],
  ])('says what is wrong with a certificate %s', async (_, shiftDays, found, remedy) => {
    const state = join(folder, `certificate${shiftDays}`);
    cpSync(join(folder, 'home', 'box', 'identity'), join(state, 'identity'), { recursive: true });
    const { main } = home.box.facts.names;
    const names = [main, `*.${main}`];
    const pair = await (await createTestCa(Date.now() + days(shiftDays))).issue(names);
    const store = new CertificateStore({ folder: join(state, 'certificate'), log: silentLog });
    await store.prepare();
    await store.use({ chainPem: pair.certPem, keyPem: pair.keyPem }, names, () => undefined);
    const { code, lines } = await doctor('--state', state);
    expect(code).toBe(3);
    expect(having(lines, 'error')).toEqual(['certificate']);
    expect(lines.get('certificate')?.found).toContain(found);
    expect(lines.get('certificate')?.remedy).toContain(remedy);
  });

  it('tells the home resolver that filters from one that does not, that knows nothing, that remembers, that is away', async () => {
    const identity = await readIdentity(join(folder, 'home', 'box'));
    if (identity === undefined) throw new Error('the home has no identity');
    const cloud = await startDnsServer(folder, identity);
    const stop: (() => void)[] = [];
    const ask = async (resolver: string): Promise<Line | undefined> => {
      const { lines } = await doctor(...cloud.settings, '--zone.resolvers', resolver);
      expect(lines.get('name servers')?.found).toBe(`name server ${cloud.dns} serves the zone`);
      return lines.get('home resolver');
    };
    const behind = async (kind: 'filtering' | 'ignorant' | 'remembering'): Promise<Line | undefined> => {
      const resolver = await startResolver(kind);
      stop.push(resolver.stop);
      return ask(resolver.address);
    };
    try {
      const [plain, filtering, ignorant, remembering, away] = await Promise.all([
        ask(cloud.dns),
        behind('filtering'),
        behind('ignorant'),
        behind('remembering'),
        ask(`127.0.0.1:${await closedPort()}`),
      ]);
      expect(plain).toMatchObject({ verdict: 'ok', found: `${cloud.dns} gives the box’s address` });
      expect(filtering).toMatchObject({ verdict: 'warning' });
      expect(filtering?.remedy).toContain('allow box.test in the router’s rebinding protection');
      expect(ignorant).toMatchObject({ verdict: 'error' });
      expect(ignorant?.found).toContain('does not know box.test');
      expect(remembering).toMatchObject({ verdict: 'warning' });
      expect(remembering?.found).toContain('still gives 192.168.7.7');
      expect(away).toMatchObject({ verdict: 'error' });
      expect(away?.found).toContain('does not answer');
    } finally {
      for (const each of stop) each();
      await cloud.stop();
    }
  });

  it('ends in time when servers take a connection and never say a word', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => sockets.add(socket));
    const silent = `https://127.0.0.1:${await listening(server)}`;
    const web = ['--web.port', new URL(silent).port];
    const cloud = ['--cloud.zone-api', silent, '--cloud.registration', silent, '--acme.directory', silent];
    const { code, lines } = await doctor(...cloud, ...web);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    expect(code).toBe(3);
    expect(having(lines, 'error')).toEqual(['dns-server', 'CA', 'page', 'registration']);
    expect(lines.get('CA')?.found).toMatch(/no answer within/);
    expect(lines.get('clock')?.verdict).toBe('warning');
  });

  it('works before the first start of a box: what depends on its identity is left out', async () => {
    const { code, lines } = await doctor(
      '--state',
      join(folder, 'empty'),
      '--system.port',
      String(await closedPort()),
    );
    expect(code).toBe(3);
    expect(having(lines, 'error')).toEqual(['identity', 'box']);
    expect(lines.get('identity')?.remedy).toContain('first starts');
    expect(lines.get('CA')?.verdict).toBe('ok');
  });

  it('takes the box id from the running box where there is no identity', async () => {
    const { lines } = await doctor('--state', join(folder, 'elsewhere'));
    expect(having(lines, 'error')).toEqual(['identity', 'certificate']);
    expect(having(lines, 'skipped')).toEqual(['dns-server', 'name servers', 'home resolver', 'outside']);
  });

  it('changes nothing', async () => {
    const before = home.box.facts.zone.value;
    const identity = await readIdentity(join(folder, 'home', 'box'));
    await doctor();
    expect(home.box.facts.zone.value).toEqual(before);
    expect(await readIdentity(join(folder, 'home', 'box'))).toEqual(identity);
  });

  it('checks what can be checked when the box does not run', async () => {
    await home.box.stop();
    const { code, lines } = await doctor();
    expect(code).toBe(3);
    expect(having(lines, 'error')).toEqual(['box']);
    expect(lines.get('box')?.remedy).toContain('start it');
    expect(having(lines, 'skipped')).toEqual(['page', 'tunnel', 'outside']);
    expect(having(lines, 'warning')).toEqual(['registration']);
    expect(lines.get('certificate')?.verdict).toBe('ok');
  });
});
