import { execFile, spawn } from '../support/programs.ts';
import { mkdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import { freePorts, type HomePorts } from '../../src/cli/home/ports.ts';
import { temporaryFolder } from '../support/folder.ts';
import { lonelySettings } from '../support/lonely-box.ts';
import { listenAsManager } from '../support/service-manager.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const folder = temporaryFolder();

/** The arguments of a box whose cloud and CA are not there. */
function lonelyBox(state: string, ports: HomePorts): string[] {
  return [join(root, 'src/cli/main.ts'), 'box', ...lonelySettings(state, ports)];
}

/** Runs the box until it ends by itself, or `signal` is sent once `ready`. */
async function runBox(
  args: readonly string[],
  ready?: () => Promise<void>,
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  try {
    if (ready !== undefined) await Promise.race([ready(), exit]);
  } finally {
    if (ready !== undefined) child.kill('SIGTERM');
  }
  return { code: await exit, output };
}

const get = async (port: number, path: string): Promise<{ status: number; text: string }> => {
  const response = await request(`http://127.0.0.1:${port}${path}`);
  return { status: response.statusCode, text: await response.body.text() };
};

describe('a box alone in the world', () => {
  it('serves its pages, says what it lacks, and ends in order when told to', async () => {
    const ports = await freePorts();
    const state = join(folder, 'alone');
    const box = runBox([...lonelyBox(state, ports)], async () => {
      await expect
        .poll(async () => (await get(ports.boxSystem, '/healthz')).text, { timeout: 15_000 })
        .toContain('cannot be reached');
    });
    await expect(box).resolves.toMatchObject({ code: 0 });
  });

  it('answers /healthz, /metrics and /status on loopback, and only under that name', async () => {
    const ports = await freePorts();
    let pages: Record<string, { status: number; text: string }> = {};
    let foreign = 0;
    const box = await runBox(lonelyBox(join(folder, 'pages'), ports), async () => {
      await expect
        .poll(async () => (await get(ports.boxSystem, '/status').catch(() => undefined))?.text, {
          timeout: 15_000,
        })
        .toContain('"addresses":["127.0.0.1"]');
      pages = {
        health: await get(ports.boxSystem, '/healthz'),
        metrics: await get(ports.boxSystem, '/metrics'),
        status: await get(ports.boxSystem, '/status'),
        redirect: await get(ports.redirect, '/x?y'),
      };
      const asked = request(`http://127.0.0.1:${ports.boxSystem}/status`, {
        headers: { host: 'evil.example' },
      });
      foreign = (await asked).statusCode;
    });
    expect(box.code).toBe(0);
    expect(JSON.parse(pages['health']?.text ?? '')).toMatchObject({
      conditions: expect.any(Array) as unknown,
    });
    expect(pages['metrics']?.text).toMatch(/^porchlight_box_tunnel_connected 0$/m);
    expect(JSON.parse(pages['status']?.text ?? '')).toMatchObject({
      addresses: ['127.0.0.1'],
      certificate: null,
    });
    expect(pages['redirect']?.status).toBe(308);
    expect(foreign).toBe(421);
  });
});

describe('a box under systemd', () => {
  it('says READY once its pages are there, how it is, that it lives, and STOPPING; its log lines carry a priority', async () => {
    const ports = await freePorts();
    const path = join(folder, 'notify');
    const heard = await listenAsManager(path);
    const said = (word: string): number =>
      heard
        .messages()
        .flat()
        .filter((part) => part === word).length;
    let page = 0;
    try {
      const args = lonelyBox(join(folder, 'supervised'), ports);
      const ready = async (): Promise<void> => {
        await expect.poll(() => said('READY=1')).toBe(1);
        page = (await get(ports.boxSystem, '/status')).status;
        await expect.poll(() => heard.messages().join('\n')).toMatch(/^STATUS=.*cannot be reached/m);
        await expect.poll(() => said('WATCHDOG=1')).toBeGreaterThan(2);
      };
      const box = await runBox(args, ready, { NOTIFY_SOCKET: path, WATCHDOG_USEC: '400000' });
      expect(box.code).toBe(0);
      expect(page).toBe(200);
      expect(heard.messages()[0]).toContain('READY=1');
      expect(said('STOPPING=1')).toBe(1);
      const lines = box.output.trimEnd().split('\n');
      expect(lines.filter((line) => !/^<[2-7]>\{"level":\d+,.*\}$/.test(line))).toEqual([]);
      expect(new Set(lines.map((line) => line.slice(0, 3)))).toEqual(new Set(['<4>', '<6>']));
    } finally {
      await heard.stop();
    }
  });
});

describe('a box that cannot start says why, and exits 1', () => {
  it('when its port is taken, naming the port and the setting', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const taken = (other.address() as AddressInfo).port;
    const ports = { ...(await freePorts()), web: taken };
    const box = await runBox(lonelyBox(join(folder, 'taken'), ports));
    other.close();
    expect(box).toMatchObject({ code: 1 });
    expect(box.output).toContain(`127.0.0.1 port ${taken} is in use`);
    expect(box.output).toContain('web.port');
  });

  it('when another box uses the folder', async () => {
    const ports = await freePorts();
    const state = join(folder, 'twice');
    let second: Awaited<ReturnType<typeof runBox>> | undefined;
    await runBox(lonelyBox(state, ports), async () => {
      await expect
        .poll(() => get(ports.boxSystem, '/status').catch(() => undefined), { timeout: 15_000 })
        .toBeDefined();
      second = await runBox(lonelyBox(state, await freePorts()));
    });
    expect(second?.code).toBe(1);
    expect(second?.output).toContain(`another process uses ${state}`);
  });

  // Mounts in a user and mount namespace of their own need no root, where the kernel allows them at all.
  const disks: [what: string, options: string, words: string][] = [
    ['its disk is read-only', 'ro', 'the file system is read-only'],
    ['its disk is full', 'size=4k', 'the disk is full'],
  ];
  it.for(disks)('when %s', async ([what, options, words], { skip }) => {
    const namespaces = await run('unshare', ['-Urm', 'true']).then(
      () => true,
      () => false,
    );
    if (!namespaces) skip('this kernel allows no user namespaces here');
    const state = join(folder, what);
    mkdirSync(state);
    const args = lonelyBox(state, await freePorts());
    const script = `mount -t tmpfs -o ${options} tmpfs "$0" && exec "$@"`;
    const box = run('unshare', ['-Urm', 'sh', '-c', script, state, process.execPath, ...args]);
    await expect(box).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(words) as string });
  });
});
