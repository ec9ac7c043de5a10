import { spawn } from '../../support/programs.ts';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { days, hours } from '../../../src/kit/runtime/clock.ts';
import { acceptedTunnelSecrets, tunnelSecret } from '../../../src/cloud/tunnel-secret.ts';
import type { ZoneCertificate } from '../../../src/box/facts.ts';
import type { TunnelGrant } from '../../../src/protocol/zone-api.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { soon } from '../../cloud/relay/soon.ts';
import { Household, testCa } from './home.ts';
import { grantFor, masterKey, randomBoxId, someCertificate, tunnelNameOf } from './stand-in.ts';

/** The packaged client, to which `host` has these addresses, in this order. */
const clientWhoFinds = (host: string, addresses: readonly string[]): string => `
import runpy, socket
look_up = socket.getaddrinfo
def found(host, *more, **named):
    hosts = ${JSON.stringify(addresses)} if host == ${JSON.stringify(host)} else [host]
    return [each for host in hosts for each in look_up(host, *more, **named)]
socket.getaddrinfo = found
runpy.run_path('/usr/bin/pagekite', run_name='__main__')
`;

/** The life of the packaged client as the box's child. */

describe.concurrent('a tunnel', () => {
  it('is connected once the box has reached itself, and says where', async () => {
    await using home = new Household();
    const relay = await home.relay();
    const box = await home.box(relay);
    const state = await box.reaches('connected');
    expect(state).toEqual({
      phase: 'connected',
      addresses: ['127.0.0.1'],
      origin: `https://${box.tunnelName}:${relay.port}`,
    });
    expect(box.health.conditions.value).toMatchObject([{ name: 'tunnel', severity: 'ok' }]);
  });

  it('goes by whichever address of the relay takes connections: IPv6 of a home may lead nowhere', async () => {
    await using home = new Household();
    const relay = await home.relay({ host: '127.0.0.77' });
    const runtimeFolder = temporaryFolder();
    const program = join(runtimeFolder, 'program.py');
    writeFileSync(program, clientWhoFinds('relay.test', ['127.0.0.76', '127.0.0.77']), { mode: 0o700 });
    const box = await home.box(relay, {
      tunnel: { runtimeFolder, pagekite: { program, python: '/usr/bin/python3' } },
      grant: (boxId, { port }) =>
        grantFor(boxId, port, {
          frontends: [{ address: `relay.test:${port}` }],
          addresses: ['127.0.0.77'],
        }),
    });
    expect(await box.reaches('connected')).toMatchObject({ addresses: ['127.0.0.77'] });
  });

  it('is not connected while somebody else answers in its name', async () => {
    await using home = new Household();
    const relay = await home.relay();
    const box = await home.box(relay);
    box.web.answer = (nonce) => JSON.stringify({ nonce, boxId: box.boxId, proof: '0'.repeat(64) });
    await soon(() => expect(box.tunnel.state.value.reason).toMatch(/somebody else answers/));
    expect(box.tunnel.state.value).toMatchObject({ phase: 'connecting', addresses: [], origin: undefined });
    expect(box.health.conditions.value).toMatchObject([{ name: 'tunnel', severity: 'warning' }]);
  });

  it('waits for a certificate, and ends when it is switched off', async () => {
    await using home = new Household();
    const relay = await home.relay();
    const certificate = new OwnedFact<ZoneCertificate | undefined>(undefined);
    const runtimeFolder = temporaryFolder();
    const box = await home.box(relay, { tunnel: { certificate, runtimeFolder } });
    await box.reaches('waiting');
    expect(relay.metrics.tunnels).toBe(0);
    certificate.set(someCertificate.value);
    await box.connected();
    const pid = childOf(box.lines);
    box.enabled.set(false);
    await box.reaches('off');
    await soon(() => expect(runs(pid)).toBe(false));
    await soon(() => expect(relay.metrics.tunnels).toBe(0));
    await soon(() => expect(readdirSync(runtimeFolder)).toEqual([]));
  });

  it('is refused with the reason when the secret is wrong, and connects with a new one', async () => {
    await using home = new Household();
    const relay = await home.relay();
    let secret: string | undefined = '1'.repeat(64);
    const box = await home.box(relay, {
      grant: (boxId, { port }) => grantFor(boxId, port, secret === undefined ? {} : { secret }),
    });
    expect(await box.reaches('rejected')).toMatchObject({ reason: 'unauthorized', addresses: [] });
    expect(box.health.conditions.value).toMatchObject([
      { severity: 'error', remedy: expect.stringMatching(/right time/) },
    ]);
    secret = undefined;
    await box.connected();
    expect(relay.metrics.refusals['kite-refused']).toBeGreaterThan(0);
  });

  it('is refused for names of others', async () => {
    await using home = new Household();
    const relay = await home.relay();
    const names = [tunnelNameOf(randomBoxId()), `remote.${randomBoxId()}.elsewhere.test`];
    const [others, elsewhere] = await Promise.all(
      names.map((kiteName) =>
        // A secret that is right, but for the box's own name.
        home.box(relay, { grant: (boxId, { port }) => ({ ...grantFor(boxId, port), kiteName }) }),
      ),
    );
    expect(await others?.reaches('rejected')).toMatchObject({ reason: 'unauthorized' });
    expect(await elsewhere?.reaches('rejected')).toMatchObject({ reason: 'not-this-zone' });
    expect(relay.metrics.tunnelsOpened).toBe(0);
  });

  it('is proven again after the relay was away, and its addresses stay meanwhile', async () => {
    await using home = new Household();
    const first = await home.relay();
    const box = await home.box(first);
    await box.connected();
    const { port } = first;
    await first.stop();
    expect(await box.reaches('lost')).toMatchObject({ addresses: ['127.0.0.1'], origin: undefined });
    const second = await home.relay({ port });
    await box.connected();
    expect((await box.fetch(second, '/')).body.toString()).toBe('hello');
  });

  it('is lost when the box no longer reaches itself, although its client says nothing', async () => {
    await using home = new Household();
    const clock = new FakeClock(Date.now());
    const relay = await home.relay();
    const box = await home.box(relay, { tunnel: { clock } });
    await box.connected();
    const { answer } = box.web;
    const before = childOf(box.lines);
    box.web.answer = () => undefined;
    const timePasses = (check: () => void): Promise<void> => soon(() => clock.advance(1000).then(check));
    await timePasses(() => expect(box.tunnel.state.value.phase).toBe('lost'));
    expect(box.tunnel.state.value).toMatchObject({
      addresses: ['127.0.0.1'],
      reason: expect.stringMatching(/404/),
    });
    await timePasses(() => expect(box.tunnel.state.value.addresses).toEqual([]));
    box.web.answer = answer;
    // More slowly: the client is a real one, and has as much time as the clock says.
    const isConnected = (): void => expect(box.tunnel.state.value.phase).toBe('connected');
    await vi.waitFor(() => clock.advance(1000).then(isConnected), { timeout: 60_000, interval: 250 });
    expect(childOf(box.lines)).not.toBe(before);
  }, 100_000);

  it('is restarted when its client is killed', async () => {
    await using home = new Household();
    const relay = await home.relay();
    const box = await home.box(relay);
    await box.connected();
    const before = childOf(box.lines);
    process.kill(before, 'SIGKILL');
    await box.reaches('lost');
    await box.connected();
    expect(childOf(box.lines)).not.toBe(before);
  });

  it('is taken over at once by a second connection of the box; who is inside may finish', async () => {
    await using home = new Household();
    const relay = await home.relay({ limits: { drainMs: 5000 } });
    const boxId = randomBoxId();
    const held = Promise.withResolvers<ServerResponse>();
    const first = await home.box(relay, {
      boxId,
      web: { handle: (_request, response) => held.resolve(response) },
    });
    await first.connected();
    const inside = first.fetch(relay, '/slow');
    const response = await held.promise;
    const second = await home.box(relay, {
      boxId,
      web: { handle: (_request, answer) => void answer.end('second') },
    });
    await second.connected();
    expect((await second.fetch(relay, '/')).body.toString()).toBe('second');
    response.end('finished');
    expect((await inside).body.toString()).toBe('finished');
    expect(relay.metrics.takeOvers).toBeGreaterThan(0);
  });

  it('keeps its secret out of arguments, environment and log, and its file from others', async () => {
    await using home = new Household();
    const relay = await home.relay();
    const runtimeFolder = temporaryFolder();
    const box = await home.box(relay, { tunnel: { runtimeFolder } });
    await box.connected();
    const pid = childOf(box.lines);
    const secrets = acceptedTunnelSecrets(masterKey, box.tunnelName, Date.now());
    const optionFile = join(runtimeFolder, 'pagekite.conf');
    expect(secrets.some((secret) => readFileSync(optionFile, 'utf8').includes(secret))).toBe(true);
    expect(statSync(optionFile).mode & 0o777).toBe(0o600);
    const seen = [
      ...box.lines,
      ...['cmdline', 'environ'].flatMap((file) =>
        [process.pid, pid].map((id) => readFileSync(`/proc/${id}/${file}`, 'utf8')),
      ),
    ];
    for (const secret of secrets) expect(seen.filter((text) => text.includes(secret))).toEqual([]);
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toContain('pagekite');
  });

  it('renews its secret without disturbing anybody, and uses it for the next connection', async () => {
    await using home = new Household();
    // Time passes for the box alone.
    const clock = new FakeClock(Date.now());
    const relay = await home.relay();
    const grants: TunnelGrant[] = [];
    const box = await home.box(relay, {
      tunnel: { clock },
      grant: (boxId, { port }) => {
        const grant = grantFor(boxId, port, tunnelSecret(masterKey, tunnelNameOf(boxId), clock.now()));
        grants.push(grant);
        return grant;
      },
    });
    await box.connected();
    const pid = childOf(box.lines);
    await clock.advance(days(1) + hours(1));
    await soon(() => expect(grants).toHaveLength(2));
    expect(grants[0]?.secret).not.toBe(grants[1]?.secret);
    await soon(() => expect(box.tunnel.state.value.phase).toBe('connected'));
    expect(childOf(box.lines)).toBe(pid);
  });

  it('asks again when the zone API does not answer, and says so', async () => {
    await using home = new Household();
    const relay = await home.relay();
    let asked = 0;
    const box = await home.box(relay, {
      grant: (boxId, { port }) => {
        if (asked++ === 0) throw new Error('no answer within 10000 ms');
        return grantFor(boxId, port);
      },
    });
    await soon(() => expect(box.tunnel.state.value.reason).toMatch(/zone API grants no tunnel/));
    await box.connected();
  });

  it('says what is missing when there is no PageKite client', async () => {
    await using home = new Household();
    const relay = await home.relay();
    const pagekite = { program: '/nonexistent/pagekite', python: '/usr/bin/python3' };
    const box = await home.box(relay, { tunnel: { pagekite } });
    await soon(() => expect(box.tunnel.state.value.reason).toMatch(/install Debian's package pagekite/));
  });
});

describe.concurrent('TLS between client and relay', () => {
  it('is used when the grant names a certificate', async () => {
    await using home = new Household();
    const testing = await testCa();
    const { caPem: ca } = testing;
    const certName = 'relay.test';
    const relay = await home.relay({ tls: { ...(await testing.issue([certName])), certName } });
    const box = await home.box(relay, {
      grant: (boxId, { port }) =>
        grantFor(boxId, port, { frontends: [{ address: `127.0.0.1:${port}`, certName, ca }] }),
      web: { handle: (_request, response) => void response.end(Buffer.alloc(3_000_000, 'x')) },
    });
    await box.connected();
    expect((await box.fetch(relay, '/')).body.length).toBe(3_000_000);
  });

  it('does not connect to a relay with another certificate', async () => {
    await using home = new Household();
    const testing = await testCa();
    const { caPem: ca } = testing;
    // It claims the name, but its certificate is for another.
    const relay = await home.relay({
      tls: { ...(await testing.issue(['other.test'])), certName: 'relay.test' },
    });
    const box = await home.box(relay, {
      grant: (boxId, { port }) =>
        grantFor(boxId, port, {
          frontends: [{ address: `127.0.0.1:${port}`, certName: 'relay.test', ca }],
        }),
    });
    await soon(() => expect(box.tunnel.state.value.reason).toMatch(/certificate of the relay/));
    expect(relay.metrics.tunnelsOpened).toBe(0);
  });
});

describe('a box that is killed', () => {
  it('takes its PageKite client with it', async () => {
    await using home = new Household();
    const relay = await home.relay();
    const script = fileURLToPath(new URL('box-process.ts', import.meta.url));
    const box = spawn(process.execPath, [script, String(relay.port), temporaryFolder()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    createInterface({ input: box.stdout }).on('line', (line) => lines.push(line));
    try {
      await soon(() => expect(relay.metrics.tunnels).toBe(1));
      const pid = childOf(lines);
      expect(runs(pid)).toBe(true);
      box.kill('SIGKILL');
      await once(box, 'exit');
      await soon(() => expect(runs(pid)).toBe(false));
    } finally {
      box.kill('SIGKILL');
    }
  });
});

/** Process id of the latest client, from the log. */
function childOf(lines: readonly string[]): number {
  const pids = lines
    .map((line) => (JSON.parse(line) as { pid?: number }).pid)
    .filter((pid) => pid !== undefined);
  return pids.at(-1) ?? 0;
}

function runs(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}
