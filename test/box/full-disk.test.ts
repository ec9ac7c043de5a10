import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from '../../src/cli/home/free-port.ts';
import { BoxVisitor } from '../support/box-visitor.ts';
import { temporaryFolder } from '../support/folder.ts';
import { execFile, spawn } from '../support/programs.ts';
import { soon } from '../support/soon.ts';
import { tinyDisk } from '../support/tiny-disk.ts';

const folder = temporaryFolder();
const state = join(folder, 'state');
const disk = tinyDisk(state, '8m');
const main = join(import.meta.dirname, '../../src/cli/main.ts');
const config = join(folder, 'box.toml');
const password = 'nine violet teapots';

let end: () => Promise<unknown> = async () => undefined;
let output = '';
let owner: BoxVisitor;
let web: number;
let system: number;

interface Healthz {
  status: string;
  conditions: { name: string; severity: string; code?: string; since: number; remedy?: string }[];
}

const health = async (): Promise<Healthz> =>
  (await (await fetch(`http://127.0.0.1:${system}/healthz`)).json()) as Healthz;
const storage = async (): Promise<string | undefined> =>
  (await health()).conditions.find(({ name }) => name === 'storage')?.code;
const lines = (): string[] => output.split('\n').filter((line) => line !== '');
const saying = (text: string): string[] => lines().filter((line) => line.includes(text));

/** A change that takes some room, with a name of its own. */
let people = 0;
const invite = async (headers: Record<string, string> = {}): Promise<{ status: number; text: string }> =>
  owner.call('POST', '/api/people', { name: `Person ${people++}`, role: 'member' }, headers);

/** There may be room for some more in what the store has already. */
async function refusedInTheEnd(): Promise<number> {
  for (let tries = 0; tries < 400; tries++) {
    const { status } = await invite();
    if (status !== 201) return status;
  }
  return 201;
}

async function startBox(): Promise<void> {
  const http = await freePort();
  [web, system] = await Promise.all([freePort(), freePort()]);
  owner = new BoxVisitor(web);
  const settings = `state = "${state}"
[web]
host = "127.0.0.1"
port = ${web}
http-port = ${http}
[system]
port = ${system}
[mdns]
adapter = "off"
[enrolment]
enabled = false
[network]
interfaces = ["lo"]
[tunnel]
enabled = false
[acme]
directory = "https://127.0.0.1:9/dir"
[cloud]
zone-api = "https://127.0.0.1:9"
registration = "https://127.0.0.1:9"
[log]
format = "json"
`;
  writeFileSync(config, settings);
  const child = spawn(process.execPath, [main, 'box', '--config', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  end = () => (child.kill(), ended);
  const answers = async (): Promise<number | undefined> =>
    (await owner.call('GET', '/api/session').catch(() => undefined))?.status;
  // A new box makes a key first.
  await expect.poll(answers, { ...soon, timeout: 100_000 }).toBe(200);
}

describe.skipIf(disk === undefined)('a box whose disk takes nothing any more', { timeout: 180_000 }, () => {
  afterAll(async () => {
    await end();
    disk?.unmount();
  });

  it('has an owner before', async () => {
    await startBox();
    const setupCode = readFileSync(join(state, 'access/setup-code'), 'utf8').trim();
    // Before the box knows its own links it takes nobody for being at home.
    const claim = async (): Promise<number> =>
      (await owner.call('POST', '/api/first-run', { setupCode, name: 'Ada', password })).status;
    await expect.poll(claim, soon).not.toBe(403);
    await owner.call('GET', '/api/session');
  });

  it('says so with one condition, one line, 507 and on every page, while what only reads goes on', async () => {
    disk?.fill(true);
    await expect.poll(storage, soon).toBe('storage-full');
    expect(await refusedInTheEnd()).toBe(507);
    for (let writes = 0; writes < 20; writes++) {
      const { status, text } = await invite();
      expect(status).toBe(507);
      expect(JSON.parse(text)).toMatchObject({ code: 'storage-full', retryAfterSeconds: 30 });
      expect(text).not.toContain(state);
    }
    expect((await fetch(`http://127.0.0.1:${system}/healthz`)).status).toBe(503);
    const { conditions } = await health();
    expect(conditions.find(({ name }) => name === 'storage')).toMatchObject({
      severity: 'error',
      since: expect.any(Number) as number,
      remedy: expect.stringContaining('free some space') as string,
    });
    expect((await owner.call('GET', '/api/people')).status).toBe(200);
    expect((await owner.call('GET', '/api/session')).json).toMatchObject({
      stage: 'in',
      cannotSave: 'storage-full',
    });
    const stranger = new BoxVisitor(web);
    expect((await stranger.call('GET', '/api/session')).json).toMatchObject({
      stage: 'login',
      cannotSave: 'storage-full',
    });
    expect((await stranger.call('GET', '/status')).text).toContain('cannot save changes right now');
    const page = await invite({ accept: 'text/html' });
    expect(page.text).toContain('<h1>Changes cannot be saved right now</h1>');
    expect(page.text).toContain('because the disk is full');
    expect(saying('cannot be saved')).toHaveLength(0);
    expect(saying('"code":"storage-full"')).toHaveLength(1);
    expect(saying('nothing can be saved: the disk is full')).toHaveLength(1);
    expect(saying('stack')).toEqual([]);
  });

  it('tells who asks on the machine', async () => {
    const status = promisify(execFile)(process.execPath, [main, 'status', '--config', config]);
    await expect(status).rejects.toMatchObject({
      code: 3,
      stdout: expect.stringMatching(
        /storage: nothing can be saved: the disk is full\s+→ free some space/,
      ) as string,
    });
  });

  it('saves again by itself when there is room, and says so once', async () => {
    disk?.fill(false);
    await expect.poll(storage, soon).toBeUndefined();
    expect((await invite()).status).toBe(201);
    expect((await owner.call('GET', '/api/session')).json['cannotSave']).toBeUndefined();
    expect(saying('changes are saved again')).toHaveLength(1);
  });

  it('does the same when it starts on a file system that is read-only', async () => {
    await end();
    disk?.remount('ro');
    output = '';
    await startBox();
    await expect.poll(storage, soon).toBe('storage-read-only');
    const stranger = new BoxVisitor(web);
    const seen = await stranger.call('GET', '/api/session');
    expect(seen.json).toMatchObject({ stage: 'login', cannotSave: 'storage-read-only' });
    const signIn = await stranger.call('POST', '/api/login', { name: 'Ada', password });
    expect(signIn).toMatchObject({ status: 503, json: { code: 'storage-read-only' } });
    disk?.remount('rw');
    await expect.poll(storage, soon).toBeUndefined();
    expect((await stranger.call('POST', '/api/login', { name: 'Ada', password })).status).toBe(204);
    expect(saying('nothing can be saved')).toHaveLength(1);
    expect(saying('changes are saved again')).toHaveLength(1);
    expect(saying('stack')).toEqual([]);
  });
});
