import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:https';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { PorchlightMailbox } from '../../../src/box/auth/instances/porchlight-mailbox.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { approvalLimits } from '../../../src/protocol/approvals-api.ts';
import { mailboxCaPem, startMailbox, TestInstance } from '../../cloud/mailbox/setup.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { identity } from '../lab/identity.ts';
import { appOrigin, Browser, home, type Lab, names, openLab, socket } from '../lab/lab.ts';

const crowd = 10_000;
/** Connections of the crowd at a time, each from an address of its own. */
const lines = 100;

let lab: Lab;
let owner: Browser;
/** Of app instances that have a mailbox. */
const uids: string[] = [];
/** The connections of the person who is in, and those of the crowd. */
const own = new Agent({ keepAlive: true, maxSockets: 1 });
const crowded = new Agent({ keepAlive: true, maxSockets: lines });

beforeAll(async () => {
  const server = await startMailbox();
  const origin = `https://localhost:${server.port}`;
  const mailbox = new PorchlightMailbox({ origin, identity, caPem: mailboxCaPem });
  for (let index = 0; index < 10; index++) {
    const instance = new TestInstance(server);
    await instance.signIn();
    uids.push(instance.uid);
  }
  const health = new Health(new FakeClock());
  lab = await openLab({ pairing: 'anywhere', instances: { mailboxes: [mailbox], health } });
  owner = new Browser(lab);
  await owner.firstRun();
  await call(own, 'GET', '/api/me', owner.cookie);
  let next = 0;
  Object.defineProperty(lab, 'from', {
    get: () => ({ ...home, address: `10.${(next >> 16) & 255}.${(next >> 8) & 255}.${next++ & 255}` }),
  });
  return () => (own.destroy(), crowded.destroy());
});

/** Answers the status. */
function call(agent: Agent, method: string, path: string, cookie?: string, body?: object): Promise<number> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request({
      agent,
      host: '127.0.0.1',
      port: lab.port,
      servername: names.main,
      ca: lab.caPem,
      method,
      path,
      headers: {
        host: `${names.main}:${lab.port}`,
        ...(cookie === undefined ? {} : { cookie: `__Host-porchlight=${cookie}` }),
        ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      },
    });
    sent.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', reject);
    sent.end(text);
  });
}

/** What somebody sends who is not known: a question to the owner, or the wish for a one-time password. */
function stranger(index: number): Promise<number> {
  return index % 2 === 0
    ? call(crowded, 'POST', '/authorise', undefined, { clientId: randomUUID(), wait: 0 })
    : call(crowded, 'POST', '/api/instances', undefined, {
        deviceId: `phone-${index}`,
        uid: uids[(index >> 1) % uids.length],
      });
}

/** How often each status came. */
async function send(count: number, meanwhile: () => Promise<void>): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  const progress = { sent: 0 };
  const line = async (): Promise<void> => {
    while (progress.sent < count) {
      const status = await stranger(progress.sent++);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  const all = Array.from({ length: lines }, line);
  while (progress.sent < count) await meanwhile();
  await Promise.all(all);
  return statuses;
}

/** Of so many calls by the person who is in, one after the other, in ms. */
async function median(calls: number): Promise<number> {
  const took: number[] = [];
  for (let index = 0; index < calls; index++) {
    const from = performance.now();
    expect(await call(own, 'GET', '/api/me', owner.cookie)).toBe(200);
    took.push(performance.now() - from);
  }
  return took.toSorted((a, b) => a - b)[calls >> 1] ?? 0;
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

describe('ten thousand who want to be let in', () => {
  it('are held in bounded memory, refused beyond it, and slow nobody who is in', async () => {
    const empty = await median(300);
    // The places there are, taken: sockets that say nothing, and the first of the crowd.
    const waiting: WebSocket[] = [];
    for (let index = 0; index < 100; index++)
      waiting.push(socket(lab, { origin: appOrigin }).on('error', () => undefined));
    const first = await send(crowd / 5, async () => void (await median(5)));
    const heap = heapAfterCollection();
    const rest = await send((crowd / 5) * 4, async () => void (await median(5)));
    expect(heapAfterCollection() - heap).toBeLessThan(16 * 1024 * 1024);

    const count = (status: number): number => (first.get(status) ?? 0) + (rest.get(status) ?? 0);
    // One-time passwords that were delivered, and nobody came with.
    expect(count(200)).toBeGreaterThan(0);
    // And questions that others pushed aside before somebody answered.
    expect(count(200) + count(202) + count(410) + count(429)).toBe(crowd);
    expect(count(429)).toBeGreaterThan(crowd * 0.9);
    const { json } = await owner.call('GET', '/api/approvals');
    expect((json['pending'] as unknown[]).length).toBeLessThanOrEqual(approvalLimits.pending);
    // With all of those still waiting for an answer, who is in waits no longer than before, but for what a busy machine adds.
    await expect.poll(() => median(100), { timeout: 60_000 }).toBeLessThan(empty * 3);
    for (const each of waiting) each.terminate();
  }, 240_000);
});
