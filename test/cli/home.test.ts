import { execFile, spawn, type ChildProcess } from '../support/programs.ts';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { acceptedTunnelSecrets } from '../../src/cloud/tunnel-secret.ts';
import { temporaryFolder } from '../support/folder.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const main = join(root, 'src/cli/main.ts');
const folder = temporaryFolder();
const start = ['start', '--silent', '--', '--ports', 'free', '--json', '--state'];

interface Summary {
  boxId: string;
  urls: { main: string; mirrors: string[]; tunnel: string; local: string; hello: string };
  steps: Record<string, number>;
  try: string[];
}

const summaryIn = (output: string): Summary =>
  JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as Summary;

/** Command lines of the processes that have to do with a state folder. */
function processesOf(state: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(state) && Number(pid) !== process.pid ? [line] : [];
      } catch {
        return [];
      }
    });
}

/** A line out of the middle of every private key below a folder. */
function privateKeysIn(state: string): string[] {
  const files = readdirSync(state, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(pem|json)$/.test(name),
  );
  const key =
    /-----BEGIN (?:RSA |EC )?PRIVATE KEY-----(?:\\n|\s)+([A-Za-z0-9+/]+)(?:\\n|\s)+([A-Za-z0-9+/]+)/g;
  return files.flatMap((name) =>
    [...readFileSync(join(state, name), 'utf8').matchAll(key)].map(([, , second = '']) => second),
  );
}

async function expectNone(state: string): Promise<void> {
  await expect.poll(() => processesOf(state), { timeout: 10_000 }).toEqual([]);
}

/** A home that goes on until it is ended, once it is ready. */
async function startHome(
  state: string,
): Promise<{ child: ChildProcess; summary: Summary; exit: Promise<number | null> }> {
  const child = spawn('npm', [...start, state], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let output = '';
  const summary = await new Promise<Summary>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (/\n\{.*\}\n$/.test(output)) resolve(summaryIn(output));
    });
    void exit.then(() => reject(new Error(`npm start ended: ${output}`)));
  });
  return { child, summary, exit };
}

describe('npm start', { timeout: 120_000 }, () => {
  it('--once --json goes from an empty folder to ready, and is the same box the second time, asking the CA for nothing', async () => {
    const state = join(folder, 'once');
    const first = summaryIn((await run('npm', [...start, state, '--once'], { cwd: root })).stdout);
    expect(first.boxId).toMatch(/^[a-z2-7]{52}$/);
    expect(first.urls.main).toContain(`https://${first.boxId}.box.localhost:`);
    expect(first.urls.mirrors).toHaveLength(2);
    for (const step of ['identity', 'zone', 'address', 'certificate', 'tunnel', 'announced', 'mdns']) {
      expect(first.steps[step]).toBeGreaterThan(0);
    }
    await expectNone(state);
    const questions = (): number =>
      readFileSync(join(state, 'log.jsonl'), 'utf8').match(/ POST \//g)?.length ?? 0;
    const asked = questions();
    expect(asked).toBeGreaterThan(3);

    const second = summaryIn((await run('npm', [...start, state, '--once'], { cwd: root })).stdout);
    expect(second.boxId).toBe(first.boxId);
    expect(questions()).toBe(asked);
    await expectNone(state);
  });

  it('comes as far on a kernel without IPv6', async () => {
    const state = join(folder, 'without-ipv6');
    const launcher = join(root, 'test/support/without-ipv6.py');
    const args = [launcher, 'npm', ...start, state, '--once'];
    const { steps } = summaryIn((await run('python3', args, { cwd: root })).stdout);
    expect(steps['announced']).toBeGreaterThan(0);
    await expectNone(state);
  });

  it('proposes lines to copy that work, and Ctrl-C leaves no process', async () => {
    const state = join(folder, 'curl/.porchlight');
    mkdirSync(join(folder, 'curl'));
    const { child, summary, exit } = await startHome(state);
    const answers = await Promise.all(
      summary.try.map(async (line) => (await run('sh', ['-c', line], { cwd: root })).stdout),
    );
    expect(answers[0]).toContain('Hello 127.0.0.1, from a small service behind a Porchlight box.');
    expect(answers[1]).toMatch(/^HTTP\/2 204/);
    expect(answers[2]).toContain('✓ tunnel');
    // Commands find the home that runs in the folder that they are called in.
    const inFolder = async (...args: string[]): Promise<string> =>
      (await run(process.execPath, [main, ...args], { cwd: join(folder, 'curl') })).stdout;
    expect(JSON.parse(await inFolder('status', '--json'))).toMatchObject({ boxId: summary.boxId });
    expect(await inFolder('doctor')).toContain('✓ tunnel');
    expect(await inFolder('sessions')).toContain('Robin');
    expect(await inFolder('id')).toBe(`${summary.boxId}\n`);
    const found = await inFolder('find', '--pins', join(folder, 'pins.json'));
    const name = `Home on one machine (${summary.boxId.slice(0, 8)})`;
    expect(found).toContain(`✓ ${name}\n    ${summary.urls.local}\n    127.0.0.1`);
    expect(found).toContain('first seen: remembered');
    expect(processesOf(state).length).toBeGreaterThan(2);
    // As a terminal does it: to the whole foreground group.
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await exit;
    await expectNone(state);
  });

  it('tells no secret: not in its log, not in the arguments of its processes', async () => {
    const state = join(folder, 'secrets');
    const { child, summary, exit } = await startHome(state);
    const told = [readFileSync(join(state, 'log.jsonl'), 'utf8'), ...processesOf(state)].join('\n');
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await exit;
    const stopping = readFileSync(join(state, 'log.jsonl'), 'utf8');
    const masterKey = readFileSync(join(state, 'cloud/tunnel-master-key'));
    const kite = new URL(summary.urls.tunnel).hostname;
    const owner = JSON.parse(readFileSync(join(state, 'owner.json'), 'utf8')) as { password: string };
    const secrets = [
      owner.password,
      ...privateKeysIn(state),
      masterKey.toString('hex'),
      masterKey.toString('base64'),
      ...acceptedTunnelSecrets(masterKey, kite, Date.now()),
    ];
    // Identity, account, certificate, cloud, Pebble.
    expect(privateKeysIn(state).length).toBeGreaterThanOrEqual(5);
    expect(told.length).toBeGreaterThan(1000);
    expect(secrets.filter((secret) => told.includes(secret) || stopping.includes(secret))).toEqual([]);
    expect(stopping).not.toContain('the monitor of network events ended');
  });

  it('takes every child along when it is killed without a chance to tidy up', async () => {
    const state = join(folder, 'killed');
    const { child } = await startHome(state);
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await expectNone(state);
  });

  it('refuses a second home in the same folder and names it', async () => {
    const state = join(folder, 'curl');
    const { child, exit } = await startHome(state);
    const second = run('npm', [...start, state, '--once'], { cwd: root });
    await expect(second).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(state) as string });
    child.kill('SIGTERM');
    await exit;
    await expectNone(state);
  });
});
