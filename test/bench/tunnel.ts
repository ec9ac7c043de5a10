import { type ChildProcess, spawn } from '../support/programs.ts';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { Client, type Dispatcher } from 'undici';
import { Tunnel } from '../../src/box/tunnel/tunnel.ts';
import { createTestCa } from '../../src/cli/home/test-ca.ts';
import { systemClock } from '../../src/kit/runtime/clock.ts';
import { OwnedFact, until } from '../../src/kit/runtime/fact.ts';
import { Health } from '../../src/kit/runtime/health.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import { grantFor, randomBoxId, someCertificate, tunnelNameOf, WebStandIn } from '../box/tunnel/stand-in.ts';
import type { BenchRow } from './bench-row.ts';

const bulkBytes = 100_000_000;

/**
 * The tunnel (our relay in a process of its own, the packaged client as the box runs it) beside a connection straight
 * to the box's web, on the loopback and in one run.
 */
export async function benchTunnel(): Promise<BenchRow[]> {
  const boxId = randomBoxId();
  const tunnelName = tunnelNameOf(boxId);
  const ca = await createTestCa();
  const web = new WebStandIn({ boxId, tls: await ca.issue([tunnelName]), handle: serve });
  const runtimeFolder = mkdtempSync(join(tmpdir(), 'porchlight-bench-'));
  await web.start();
  let relay = await startRelay(0);
  const { port } = relay;
  const newTunnel = (): Tunnel =>
    new Tunnel({
      names: { tunnel: tunnelName },
      enabled: new OwnedFact(true),
      certificate: someCertificate,
      grants: { tunnel: async () => grantFor(boxId, port) },
      localPort: () => web.port,
      probe: web.probe,
      probeCa: ca.caPem,
      runtimeFolder,
      log: silentLog,
      clock: systemClock,
      random: Math.random,
      health: new Health(systemClock),
    });
  let tunnel = newTunnel();
  const tls = { servername: tunnelName, ca: ca.caPem };
  const through = (): TLSSocket => connectTls({ host: '127.0.0.1', port, ...tls });
  const direct = (): TLSSocket => {
    const socket = connectTcp({ host: '127.0.0.1', port: web.port, noDelay: true });
    socket.write('PROXY TCP4 127.0.0.1 127.0.0.1 1 443\r\n');
    return connectTls({ socket, ...tls });
  };
  try {
    const started = performance.now();
    await tunnel.start();
    await until(tunnel.state, ({ phase }) => phase === 'connected', AbortSignal.timeout(20_000));
    const connectMs = performance.now() - started;
    const rows: BenchRow[] = [{ name: 'tunnel: client started to proven', value: connectMs, unit: 'ms' }];
    for (const { name, unit, measure } of figures) {
      const peerValue = await measure(direct);
      const value = await measure(through);
      rows.push({
        name: `tunnel: ${name}`,
        value,
        unit,
        peer: 'direct',
        peerValue,
        ratio: value / peerValue,
      });
    }
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      // A tunnel without a past: one that was lost a moment ago would take its time.
      await tunnel.stop();
      tunnel = newTunnel();
      await tunnel.start();
      await until(tunnel.state, ({ phase }) => phase === 'connected', AbortSignal.timeout(20_000));
      const killed = performance.now();
      relay.process.kill('SIGKILL');
      await until(tunnel.state, ({ phase }) => phase !== 'connected', AbortSignal.timeout(60_000));
      relay = await startRelay(port);
      await until(tunnel.state, ({ phase }) => phase === 'connected', AbortSignal.timeout(120_000));
      times.push(performance.now() - killed);
    }
    const note = 'median of 5, the relay is started again at once';
    rows.push({ name: 'tunnel: relay killed to proven again', value: median(times), unit: 'ms', note });
    return rows;
  } finally {
    await tunnel.stop();
    await web.stop();
    relay.process.kill('SIGKILL');
    rmSync(runtimeFolder, { recursive: true, force: true });
  }
}

type Connect = () => TLSSocket;

const figures: readonly { name: string; unit: string; measure: (connect: Connect) => Promise<number> }[] = [
  {
    name: 'keep-alive request, median',
    unit: 'ms',
    measure: async (connect) => median(await keepAlive(connect, 300)),
  },
  {
    name: 'request with new TLS, median',
    unit: 'ms',
    measure: async (connect) => median(await newConnections(connect, 60)),
  },
  { name: '100 MB down', unit: 'MB/s', measure: (connect) => bulk(connect, 'GET') },
  { name: '100 MB up', unit: 'MB/s', measure: (connect) => bulk(connect, 'POST') },
  {
    name: '20 at a time, keep-alive',
    unit: 'requests/s',
    measure: async (connect) => {
      const started = performance.now();
      await Promise.all(Array.from({ length: 20 }, () => keepAlive(connect, 50)));
      return 1000 / ((performance.now() - started) / 1000);
    },
  },
];

const serve: NonNullable<ConstructorParameters<typeof WebStandIn>[0]['handle']> = (incoming, response) => {
  incoming.resume();
  incoming.on('end', () =>
    response.end(incoming.url === '/bulk' && incoming.method === 'GET' ? bulkBody : 'hello'),
  );
};
const bulkBody = Buffer.alloc(bulkBytes, 'porchlight');

/** One connection to the box's web, made when it is first used. */
function clientOver(connect: Connect): Client {
  return new Client('https://box', {
    connect: (_options, done) => {
      const socket = connect();
      socket.once('secureConnect', () => done(null, socket));
      socket.once('error', (error) => done(error, null));
    },
  });
}

async function keepAlive(connect: Connect, count: number): Promise<number[]> {
  const client = clientOver(connect);
  try {
    const times: number[] = [];
    // The first carries the handshake.
    for (let turn = 0; turn <= count; turn++) times.push(await timed(() => exchange(client)));
    return times.slice(1);
  } finally {
    await client.destroy();
  }
}

async function newConnections(connect: Connect, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let turn = 0; turn < count; turn++) {
    const client = clientOver(connect);
    times.push(await timed(() => exchange(client)));
    await client.destroy();
  }
  return times;
}

async function bulk(connect: Connect, method: 'GET' | 'POST'): Promise<number> {
  const client = clientOver(connect);
  const body = method === 'POST' ? bulkBody : null;
  const ms = await timed(() => exchange(client, { method, path: '/bulk', body }));
  await client.destroy();
  return bulkBytes / 1e6 / (ms / 1000);
}

async function exchange(client: Client, more: Partial<Dispatcher.RequestOptions> = {}): Promise<void> {
  const { body } = await client.request({ method: 'GET', path: '/', ...more });
  body.resume();
  await once(body, 'end');
}

async function timed(action: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function startRelay(port: number): Promise<{ process: ChildProcess; port: number }> {
  const script = fileURLToPath(new URL('relay-process.ts', import.meta.url));
  const child = spawn(process.execPath, [script, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { process: child, port: Number(line) };
}
