import { execFile } from '../support/programs.ts';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { request } from 'undici';
import type { BoxStatus } from '../../src/box/system/status.ts';
import { claimBox } from '../../src/cli/home/first-person.ts';
import { Home } from '../../src/cli/home/home.ts';
import { freePorts } from '../../src/cli/home/ports.ts';
import { watchSteps } from '../../src/cli/home/progress.ts';
import { Child } from '../../src/kit/runtime/child.ts';
import type { BenchRow } from './bench-row.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const idleMinutes = 10;

/** Memory of an idle box and of its child, and the size of what is installed. */
export async function benchFootprint(): Promise<BenchRow[]> {
  return [...(await size()), ...(await memory())];
}

/** A box as a process of its own, in the cloud of a home on one machine, left alone for a while. */
async function memory(): Promise<BenchRow[]> {
  const state = mkdtempSync(join(tmpdir(), 'porchlight-bench-'));
  const ports = await freePorts();
  const home = new Home({ state, ports, onStep: () => undefined });
  const own = await freePorts();
  const settings = {
    state: join(state, 'second'),
    'network.interfaces': 'lo',
    'zone.root': 'box.localhost',
    'zone.resolvers': `127.0.0.1:${ports.dns}`,
    'cloud.zone-api': `https://localhost:${ports.zoneApi}`,
    'cloud.registration': `https://localhost:${ports.registration}`,
    'cloud.ca-file': home.caPath,
    'acme.directory': `https://127.0.0.1:${ports.acme}/dir`,
    'acme.ca-file': home.caPath,
    'web.host': '127.0.0.1',
    'web.port': own.web,
    'web.http-port': own.redirect,
    'enrolment.port': own.devices,
    'enrolment.insecure-port': own.certificateExchange,
    'mdns.adapter': 'bonjour',
    'system.port': own.boxSystem,
  };
  try {
    await home.start(new AbortController().signal);
    await watchSteps(home.box, () => undefined, new AbortController().signal);
    const box = new Child({
      command: process.execPath,
      args: [
        'src/cli/main.ts',
        'box',
        ...Object.entries(settings).map(([key, value]) => `--${key}=${value}`),
      ],
      cwd: root,
    });
    await claim(own.boxSystem, own.web, settings.state);
    await sleep(idleMinutes * 60_000);
    const rows = memoryRows(box.pid ?? 0);
    await box.stop();
    return rows;
  } finally {
    await home.stop();
    rmSync(state, { recursive: true, force: true });
  }
}

/** Without an owner there is no tunnel, and nothing to measure of it. */
async function claim(statusPort: number, port: number, state: string): Promise<void> {
  for (;;) {
    try {
      const { body } = await request(`http://127.0.0.1:${statusPort}/status`);
      const { boxId, setupCode, addresses } = (await body.json()) as BoxStatus;
      if (setupCode === null || addresses.length === 0) throw new Error('not yet');
      const certPem = readFileSync(join(state, 'identity/certificate.pem'), 'utf8');
      const person = { name: 'Robin', password: randomUUID() };
      return await claimBox({ name: `${boxId}.box.localhost`, port, certPem, setupCode, person });
    } catch {
      await sleep(100);
    }
  }
}

function memoryRows(box: number): BenchRow[] {
  const children = readFileSync(`/proc/${box}/task/${box}/children`, 'utf8').split(' ').filter(Boolean);
  const pagekite = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('pagekite'));
  const note = `resident (VmRSS), ${idleMinutes} minutes after the start`;
  return [
    { name: 'memory of the box', value: residentMb(box), unit: 'MB', note },
    {
      name: 'memory of its PageKite client',
      value: pagekite === undefined ? Number.NaN : residentMb(Number(pagekite)),
      unit: 'MB',
      note,
    },
  ];
}

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

async function size(): Promise<BenchRow[]> {
  const { stdout: files } = await run('git', ['ls-files', 'src', 'test'], { cwd: root });
  const lines = (folder: string): number =>
    files
      .split('\n')
      .filter((file) => file.startsWith(`${folder}/`) && /\.(ts|mjs|py)$/.test(file))
      .map((file) => readFileSync(join(root, file), 'utf8').split('\n').length - 1)
      .reduce((sum, count) => sum + count, 0);
  const { stdout: packages } = await run('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: root });
  const [, ...folders] = packages.trim().split('\n');
  return [
    { name: 'lines of src', value: lines('src'), unit: 'lines', note: 'with comments and blank lines' },
    { name: 'lines of test', value: lines('test'), unit: 'lines' },
    {
      name: 'npm packages of the box',
      value: folders.length,
      unit: 'packages',
      note: 'without those for development',
    },
    {
      name: 'their size',
      value: folders.map(bytes).reduce((sum, count) => sum + count, 0) / 2 ** 20,
      unit: 'MB',
    },
    {
      name: 'Node',
      value: statSync(join(root, 'node_modules/.bin/node')).size / 2 ** 20,
      unit: 'MB',
      note: 'the program, not stripped',
    },
  ];
}

/** Bytes of a package, without the packages inside of it. */
function bytes(folder: string): number {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== 'node_modules')
    .map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? bytes(path) : statSync(path).size;
    })
    .reduce((sum, count) => sum + count, 0);
}
