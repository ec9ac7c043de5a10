import { spawn } from '../support/programs.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Agent, request } from 'undici';
import type { RegistrationMetrics } from '../../src/cloud/registration-server/metrics.ts';
import { createBox, type TestBox } from '../cloud/registration-server/setup.ts';
import type { BenchRow } from './bench-row.ts';

const boxCount = 16;
const inFlightPerBox = 4;
const measureMs = 2000;
const rounds = 3;

type Send = (box: TestBox, agent: Agent) => Promise<number>;

/**
 * Requests per second of the registration-server over loopback and kept-alive TLS: announcements of several boxes, each
 * on disk before it is answered, and questions for a home with a handful of boxes. Client and server share the machine.
 */
export async function benchRegistration(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'porchlight-bench-'));
  const script = join(import.meta.dirname, '../cloud/registration-server/server-process.ts');
  const server = spawn(process.execPath, [script, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const exited = new Promise((resolve) => server.once('exit', resolve));
  const agents: Agent[] = [];
  try {
    const { port, caPem } = JSON.parse(String((await lines.next()).value)) as { port: number; caPem: string };
    const origin = `https://localhost:${port}`;
    const clients = Array.from({ length: boxCount }, createBox).map((box) => {
      const agent = new Agent({
        connections: inFlightPerBox,
        connect: { ca: caPem, key: box.key, cert: box.cert },
      });
      agents.push(agent);
      return { box, agent };
    });
    const announce: Send = async (box, agent) => {
      const body = JSON.stringify({ client: box.boxId, message: JSON.stringify(box.announcement) });
      const headers = { 'content-type': 'application/json' };
      const answer = await request(`${origin}/register`, {
        method: 'POST',
        dispatcher: agent,
        headers,
        body,
      });
      await answer.body.dump();
      return answer.statusCode;
    };
    const ask: Send = async (_box, agent) => {
      const answer = await request(`${origin}/ping`, { dispatcher: agent });
      await answer.body.dump();
      return answer.statusCode;
    };
    const announcements = await medianRate(clients, announce);
    // More than a handful would be a shared address, whose answer is empty.
    await Promise.all(
      clients
        .slice(5)
        .map(({ agent }) => request(`${origin}/register`, { method: 'DELETE', dispatcher: agent })),
    );
    const questions = await medianRate(clients, ask);
    server.stdin.end();
    const metrics = JSON.parse(String((await lines.next()).value)) as RegistrationMetrics;
    const perCommit = (metrics.announcements / metrics.commits).toFixed(1);
    const load = `${boxCount} boxes, ${boxCount * inFlightPerBox} in flight, median of ${rounds}`;
    return [
      {
        name: 'registration-server: POST /register (mutual TLS, durable)',
        value: announcements,
        unit: 'requests/s',
        note: `${load}; ${perCommit} announcements a commit`,
      },
      { name: 'registration-server: GET /ping (5 boxes)', value: questions, unit: 'requests/s', note: load },
    ];
  } finally {
    server.stdin.end();
    await Promise.all(agents.map((agent) => agent.destroy()));
    await exited;
    rmSync(folder, { recursive: true, force: true });
  }
}

async function medianRate(clients: readonly { box: TestBox; agent: Agent }[], send: Send): Promise<number> {
  await rate(clients, send, 500);
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) rates.push(await rate(clients, send, measureMs));
  return Math.round(rates.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0);
}

async function rate(
  clients: readonly { box: TestBox; agent: Agent }[],
  send: Send,
  durationMs: number,
): Promise<number> {
  const start = performance.now();
  let done = 0;
  const caller = async (client: { box: TestBox; agent: Agent }): Promise<void> => {
    while (performance.now() - start < durationMs) {
      const status = await send(client.box, client.agent);
      if (status !== 200) throw new Error(`the registration-server answered ${status}`);
      done++;
    }
  };
  await Promise.all(
    clients.flatMap((client) => Array.from({ length: inFlightPerBox }, () => caller(client))),
  );
  return done / ((performance.now() - start) / 1000);
}
