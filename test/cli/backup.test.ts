import { spawn } from '../support/programs.ts';
import { chmodSync, chownSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readIdentity } from '../../src/box/identity/identity.ts';
import { freePort } from '../../src/cli/home/free-port.ts';
import { exitCode } from '../../src/kit/config/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { statusLine } from '../support/status-line.ts';
import type { Ran } from './run.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');
const folder = temporaryFolder();
const file = join(folder, 'box.backup');
const passphrase = 'a lamp beside the old harbour';
let settings: readonly string[] = [];
let httpPort = 0;

const isRoot = process.getuid?.() === 0;
if (!isRoot)
  process.stderr.write('SKIPPED: what root leaves in a folder of somebody else, because this is not root\n');

/** The real command with this as its input. */
function typed(input: string, name: string, ...args: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [main, name, ...args, ...settings]);
  const ran: Ran = { code: null, out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (ran.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (ran.err += chunk.toString()));
  child.stdin.on('error', () => undefined).end(input);
  return new Promise((resolve) => child.once('close', (code) => resolve({ ...ran, code })));
}

const state = join(folder, 'state');
/** The state folder and all in it. */
const entries = (): string[] => [
  state,
  ...readdirSync(state, { recursive: true }).map((path) => join(state, String(path))),
];
const boxId = async (): Promise<string | undefined> => (await readIdentity(state))?.boxId;
const setupCode = (): string => readFileSync(join(state, 'access/setup-code'), 'utf8').trim();

/** A box that needs nothing of the network; its end is answered by `ended`. */
function startBox(): { ended: Promise<Ran>; stop: () => Promise<Ran> } {
  const child = spawn(process.execPath, [main, 'box', ...settings], { stdio: 'ignore' });
  const ended = new Promise<Ran>((resolve) =>
    child.once('close', (code) => resolve({ code, out: '', err: '' })),
  );
  boxes.add(child.kill.bind(child));
  return { ended, stop: () => (child.kill(), ended) };
}
const boxes = new Set<() => void>();

const runs = async (): Promise<void> => {
  await expect
    .poll(async () => (await typed('', 'status')).code, { timeout: 60_000 })
    .not.toBe(exitCode.failed);
};

beforeAll(async () => {
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  httpPort = ports[1];
  writeFileSync(
    join(folder, 'box.toml'),
    `state = "${state}"
[web]
host = "127.0.0.1"
port = ${ports[0]}
http-port = ${ports[1]}
[system]
port = ${ports[2]}
[mdns]
adapter = "off"
[network]
interfaces = ["lo"]
[cloud]
zone-api = "https://127.0.0.1:9"
registration = "https://127.0.0.1:9"
`,
  );
  settings = ['--config', join(folder, 'box.toml')];
});

afterAll(() => boxes.forEach((kill) => kill()));

describe('backup, reset and restore', () => {
  it('ask a box that runs, which ends to be started again', async () => {
    const first = startBox();
    await runs();
    const before = { boxId: await boxId(), code: setupCode() };
    expect(await typed(`${passphrase}\n`, 'backup', file)).toMatchObject({ code: exitCode.ok, err: '' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    // As one from the console does, it has its event.
    expect((await typed('', 'audit')).out).toMatch(/ backup-made +root$/m);
    expect(await typed('', 'reset')).toMatchObject({ code: exitCode.usage });
    expect(await typed('', 'reset', '--yes')).toMatchObject({ code: exitCode.ok, err: '' });
    expect(await first.ended).toMatchObject({ code: exitCode.restart });

    const second = startBox();
    await runs();
    expect(await boxId()).toBe(before.boxId);
    expect(setupCode()).not.toBe(before.code);
    await second.stop();
  }, 180_000);

  it('are the ways out for a box whose people are gone, which says so and begins nothing anew', async () => {
    const id = await boxId();
    for (const end of ['', '-wal', '-shm'])
      rmSync(join(state, `access/access.sqlite${end}`), { force: true });
    const box = startBox();
    await runs();
    const status = await typed('', 'status');
    expect(status).toMatchObject({ code: exitCode.unhealthy });
    expect(status.out).toMatch(
      /list of people, apps and sessions[^]*was there before[^]*porchlight\s+reset\s+--yes/,
    );
    const page = await fetch(`http://127.0.0.1:${httpPort}/`, { headers: { accept: 'text/html' } });
    expect([page.status, page.headers.get('content-type')]).toEqual([503, 'text/html; charset=utf-8']);
    expect(await page.text()).toContain('Restore it from a backup');
    const twoHosts = ['Host: a.example', 'Host: b.example'];
    expect(await statusLine(httpPort, 'GET / HTTP/1.1', ...twoHosts)).toContain('400');
    // Nothing but a person's word makes it go on; then it is started again by itself.
    expect(await typed(`${passphrase}\n`, 'restore', file)).toMatchObject({ code: exitCode.ok, err: '' });
    expect(await box.ended).toMatchObject({ code: exitCode.restart });
    const again = startBox();
    await runs();
    expect(await boxId()).toBe(id);
    expect((await typed('', 'status')).out).not.toContain('was there before');
    await again.stop();
  }, 180_000);

  it('work on the state of one that does not', async () => {
    const before = await boxId();
    expect(await typed('', 'reset', '--yes', '--forget-identity')).toMatchObject({
      code: exitCode.ok,
      err: '',
    });
    expect(await boxId()).toBeUndefined();
    expect(await typed('another one\n', 'restore', file)).toMatchObject({
      code: exitCode.failed,
      err: expect.stringContaining('the passphrase is wrong'),
    });
    expect(await boxId()).toBeUndefined();
    expect(await typed(`${passphrase}\n`, 'restore', file)).toMatchObject({ code: exitCode.ok, err: '' });
    expect(await boxId()).toBe(before);
  });

  it.skipIf(!isRoot)('leave nothing of root’s in a folder that is not root’s', async () => {
    for (const path of entries()) chownSync(path, 65_534, 65_534);
    chmodSync(folder, 0o755);
    expect(await typed(`${passphrase}\n`, 'restore', file)).toMatchObject({ code: exitCode.ok, err: '' });
    expect(entries().length).toBeGreaterThan(5);
    expect(new Set(entries().map((path) => statSync(path).uid))).toEqual(new Set([65_534]));
    const copy = join(folder, 'of-root.backup');
    expect(await typed(`${passphrase}\n`, 'backup', copy)).toMatchObject({ code: exitCode.ok, err: '' });
    expect(statSync(copy).uid).toBe(0);
  });

  it('say what is missing', async () => {
    expect(await typed('', 'backup', file)).toMatchObject({
      code: exitCode.usage,
      err: expect.stringContaining('no passphrase'),
    });
    expect(await typed('x\n', 'restore')).toMatchObject({ code: exitCode.usage });
    expect(await typed('x\n', 'restore', join(folder, 'none'))).toMatchObject({
      code: exitCode.usage,
      err: expect.stringContaining('cannot be read'),
    });
  });
});
