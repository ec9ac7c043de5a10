import { type ChildProcessByStdio, spawn } from '../support/programs.ts';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { join } from 'node:path';
import { statSync } from 'node:fs';
import { PorchlightMailbox } from '../../src/box/auth/instances/porchlight-mailbox.ts';
import { Sessions } from '../../src/box/sessions/sessions.ts';
import { AccessStore } from '../../src/box/sessions/store.ts';
import { Tokens } from '../../src/box/sessions/tokens.ts';
import { signedFields } from '../../src/client/instance/signed-request.ts';
import type { MailboxServer } from '../../src/cloud/mailbox/mailbox.ts';
import { systemClock } from '../../src/kit/runtime/clock.ts';
import { Health } from '../../src/kit/runtime/health.ts';
import { openComputer } from '../agent/computer.ts';
import { signInOnce } from '../agent/flow.ts';
import { pairAgent } from '../box/auth/agents/paired.ts';
import { enrolOnce, type EnrolmentLab, openEnrolmentLab } from '../box/auth/enrolment/flow.ts';
import { identity } from '../box/lab/identity.ts';
import { PhoneApp } from '../box/auth/instances/house.ts';
import { Browser, home, type Lab, names } from '../box/lab/lab.ts';
import { paired, pairOnce } from '../box/auth/pairing/flow.ts';
import { mailboxCaPem, startMailbox } from '../cloud/mailbox/setup.ts';
import { endAll } from '../support/at-end.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type BenchRow, median } from './bench-row.ts';
import type { Load } from './load.child.ts';
import type { Sockets } from './sockets.child.ts';

const rounds = 5;
const requests = 1000;
const connections = 8;

/**
 * Every way in against the box's own routes over real TLS: how long each takes, without the time an owner takes to answer;
 * how many calls per second are answered to whom they let in; and what a thousand sessions cost.
 */
export async function benchWays(): Promise<BenchRow[]> {
  try {
    const server = await startMailbox();
    const origin = `https://localhost:${server.port}`;
    const mailbox = new PorchlightMailbox({ origin, identity, caPem: mailboxCaPem });
    const instances = { mailboxes: [mailbox], health: new Health(systemClock) };
    const lab = await openEnrolmentLab({}, { instances });
    // The lab's clock stands still; that of these figures goes on.
    const running = setInterval(() => lab.clock.jump(Date.now()), 20);
    const owner = new Browser(lab);
    await owner.firstRun();
    const rows = [
      ...(await flows(lab, owner, server)),
      ...(await throughput(lab, owner, server)),
      ...(await memory()),
      await socketMemory(lab, owner),
    ];
    clearInterval(running);
    return rows;
  } finally {
    await endAll();
  }
}

/** The quickest of each step: what else the machine does only adds. */
async function flow(
  lab: Lab,
  name: string,
  note: string,
  once: () => Promise<Readonly<Record<string, number>>>,
): Promise<BenchRow> {
  onward(lab, 0);
  await once();
  const all: Readonly<Record<string, number>>[] = [];
  for (let round = 0; round < rounds; round++) {
    onward(lab, round + 1);
    all.push(await once());
  }
  const steps = Object.keys(all[0] ?? {}).map((step) => {
    const ms = Math.min(...all.map((took) => took[step] ?? Number.NaN));
    return { step, ms };
  });
  const parts = steps.map(({ step, ms }) => `${step} ${ms.toFixed(1)}`).join(', ');
  const value = steps.reduce((sum, { ms }) => sum + ms, 0);
  return { name, value, unit: 'ms', note: `${note}; ${parts}` };
}

/** To the next address: the limits by address are not what is measured. */
function onward(lab: Lab, round: number): void {
  lab.from = { ...home, address: `192.168.2.${round + 1}` };
}

async function timed(step: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await step();
  return performance.now() - from;
}

async function flows(lab: EnrolmentLab, owner: Browser, server: MailboxServer): Promise<BenchRow[]> {
  const computer = await openComputer();
  const house = { lab, owner, server, health: lab.health };
  return [
    await flow(lab, 'sign in with a password', 'Argon2id', async () => ({
      signIn: await timed(() => new Browser(lab).signIn()),
    })),
    await flow(lab, 'an app connects', 'consent, code, tokens', async () => ({
      connect: await timed(() => owner.connect()),
    })),
    await flow(lab, 'a client is let in', 'an owner’s answer apart', () => pairOnce(lab, owner)),
    await flow(lab, 'an agent is paired', 'code by loopback, tokens', async () => ({
      pair: await timed(() => pairAgent(lab, owner)),
    })),
    await flow(lab, 'an agent signs a page in', 'from the click to the token', () => signInOnce(computer)),
    await flow(lab, 'a device is enrolled', 'RSA 2048 made by the device', () => enrolOnce(lab, owner)),
    await flow(lab, 'an app instance is let in', 'mailbox on the same machine', async () => ({
      letIn: await timed(() => new PhoneApp(house).letIn()),
    })),
  ];
}

/** One after the other, a round of each at a time; medians. */
async function throughput(lab: EnrolmentLab, owner: Browser, server: MailboxServer): Promise<BenchRow[]> {
  const host = `${names.main}:${lab.port}`;
  const { accessToken: app } = await owner.connect();
  const { accessToken: client } = await paired(lab, owner);
  const phone = await new PhoneApp({ lab, owner, server, health: lab.health }).letIn();
  await phone.linked();
  const tokenPhone = new PhoneApp({ lab, owner, server, health: lab.health });
  await tokenPhone.signIn();
  await tokenPhone.request({ variation: 'token' });
  const token = await tokenPhone.read('token');
  const bearer = (token: string): Record<string, string> => ({ host, authorization: `Bearer ${token}` });
  const signed = async (): Promise<Record<string, string>[]> => {
    const request = {
      method: 'GET',
      url: new URL(`https://${host}/api/me`),
      created: Math.floor(Date.now() / 1000),
    };
    const all: Record<string, string>[] = [];
    for (let index = 0; index < requests; index++)
      all.push({
        host,
        ...(await signedFields(phone.credentials ?? { clientId: '', hmacSecret: '' }, request)),
      });
    return all;
  };
  const open = { name: 'nobody', path: '/api/session', headers: async () => [{ host }] };
  const kinds = [
    open,
    {
      name: 'a login (cookie)',
      path: '/api/me',
      headers: async () => [{ host, cookie: `__Host-porchlight=${owner.cookie}` }],
    },
    { name: 'an app (access token)', path: '/api/me', headers: async () => [bearer(app)] },
    { name: 'a client (access token)', path: '/api/me', headers: async () => [bearer(client)] },
    { name: 'an app instance (signature)', path: '/api/me', headers: signed },
    { name: 'an app instance (token)', path: '/api/instance', headers: async () => [bearer(token)] },
  ];
  const figures = new Map<string, number[]>(kinds.map(({ name }) => [name, []]));
  for (let round = 0; round < 3; round++)
    for (const { name, path, headers } of kinds)
      figures.get(name)?.push(await load(lab, path, await headers()));
  // The first round warms up.
  const of = (name: string): number => median(figures.get(name)?.slice(1) ?? []);
  return kinds.map(({ name, path }) => ({
    name: `calls of ${name}`,
    value: of(name),
    unit: '/s of one core',
    ...(name === open.name
      ? {}
      : { peer: 'nobody, /api/session', peerValue: of(open.name), ratio: of(name) / of(open.name) }),
    note: `${path}, ${connections} connections`,
  }));
}

/** Calls that one core of the box answers in a second: what else the machine does takes nothing from that. */
async function load(
  lab: EnrolmentLab,
  path: string,
  headers: readonly Record<string, string>[],
): Promise<number> {
  const { port, caPem } = lab;
  const wanted: Load = { port, servername: names.main, caPem, path, headers, count: requests, connections };
  const child = beside('load.child.ts', wanted);
  const before = process.cpuUsage();
  const answered = await text(child.stdout);
  const { user, system } = process.cpuUsage(before);
  if (answered !== 'done') throw new Error(`${path} was not answered`);
  return (requests * 1e6) / (user + system);
}

/** A program in a process of its own: what it takes is not the box's. */
function beside(file: string, input: Load | Sockets): ChildProcessByStdio<Writable, Readable, null> {
  const child = spawn(process.execPath, [join(import.meta.dirname, file)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.write(`${JSON.stringify(input)}\n`);
  return child;
}

/** Of sockets that are open, with the TLS below them. The first ones warm up. */
async function socketMemory(lab: EnrolmentLab, owner: Browser): Promise<BenchRow> {
  const tokens: string[] = [];
  for (let made = 0; made < 12; made++) {
    onward(lab, made);
    const { accessToken } = await paired(lab, owner);
    tokens.push(...Array.from({ length: 16 }, () => accessToken));
  }
  let address = 0;
  Object.defineProperty(lab, 'from', {
    get: () => ({ ...home, address: `192.168.3.${address++ % 250}` }),
  });
  const open = async (some: readonly string[]): Promise<ReturnType<typeof beside>> => {
    const { port, caPem } = lab;
    const wanted: Sockets = { port, servername: names.main, caPem, path: '/w', tokens: some };
    const child = beside('sockets.child.ts', wanted);
    await once(child.stdout, 'data');
    return child;
  };
  const first = await open(tokens.slice(0, 64));
  const before = used().resident;
  const others = await open(tokens.slice(64));
  const took = used().resident - before;
  for (const child of [first, others]) child.stdin.end();
  await Promise.all([once(first, 'exit'), once(others, 'exit')]);
  return {
    name: 'memory of a thousand open sockets',
    value: ((took / (tokens.length - 64)) * 1000) / 2 ** 20,
    unit: 'MB',
    note: `from ${tokens.length - 64} at /w, resident; 256 at most are open at a time`,
  };
}

/** Sessions with a pair of tokens each; they lie on the disk, and what memory they take is SQLite's and ours. */
async function memory(): Promise<BenchRow[]> {
  const folder = temporaryFolder();
  const store = new AccessStore(folder);
  await store.open();
  const sessions = new Sessions({ store, clock: systemClock });
  const tokens = new Tokens({ store, sessions, clock: systemClock });
  const make = (count: number): void =>
    store.transaction(() => {
      for (let index = 0; index < count; index++) {
        const label = `session ${index}`;
        const session = { parentId: null, personId: null, kind: 'client', label, address: null } as const;
        tokens.newPair(sessions.create({ ...session, idleMs: 1000 }).id);
      }
    });
  make(1000);
  const before = used().heap;
  const size = (): number => statSync(join(folder, 'access.sqlite')).size;
  store.all('PRAGMA wal_checkpoint(TRUNCATE)');
  const disk = size();
  make(5000);
  const took = used().heap - before;
  store.all('PRAGMA wal_checkpoint(TRUNCATE)');
  const grown = size() - disk;
  store.close();
  const note = 'each with an access and a refresh token';
  return [
    { name: 'memory of a thousand sessions', value: Math.max(0, took) / 5 / 1024, unit: 'kB', note },
    { name: 'disk of a thousand sessions', value: grown / 5 / 1024, unit: 'kB', note },
  ];
}

/** Bytes, after what is not needed was given back. */
function used(): { heap: number; resident: number } {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  for (let times = 0; times < 3; times++) gc();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed + external + arrayBuffers, resident: rss };
}
