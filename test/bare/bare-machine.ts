import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { execFileSync, spawn, spawnSync } from '../support/programs.ts';

const checkout = resolve(import.meta.dirname, '../..');
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'porchlight/bare');

/** The least that README asks for: Debian 12, git, the oldest Node that will do, and the npm that came with it. */
const debian = { suite: 'bookworm', include: ['git', 'ca-certificates', 'libstdc++6'] };
const mirror = 'http://deb.debian.org';
const sources = ['', '-updates'].map((part) => `deb ${mirror}/debian ${debian.suite}${part} main`);
const security = `deb ${mirror}/debian-security ${debian.suite}-security main`;
export const nodes = { least: '20.19.0', tooOld: '18.20.8' };
const npm = '10.8.2';

/** Why there can be no bare machine here; `undefined` when there can. */
export function noBareMachine(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root can make one, on Linux';
  if (spawnSync('unshare', ['-mpf', 'true']).status !== 0) return 'namespaces may not be made here';
  const asked = ['-sfI', '--max-time', '10', `${mirror}/debian/dists/${debian.suite}/InRelease`];
  if (spawnSync('curl', asked).status !== 0)
    return `${mirror} cannot be reached, and Debian’s packages come from there`;
  try {
    npmOfHost(
      'view',
      '--prefer-online',
      '--fetch-retries=0',
      '--fetch-timeout=10000',
      `npm@${npm}`,
      'version',
    );
  } catch {
    return 'the registry that npm is set to cannot be reached';
  }
  return undefined;
}

const notInstalled = /npm ci failed|apt could not install|mmdebstrap|npm pack/;
const noEndpoint =
  /E: Failed to fetch|Temporary failure resolving|Could not (resolve|connect)|EAI_AGAIN|ECONNRE(SET|FUSED)|ETIMEDOUT|ENOTFOUND|ENETUNREACH|error code E5\d\d/;

/** Whether, as apt, npm or mmdebstrap say, the way to a registry broke: nothing is wrong with this project then. */
export const networkBroke = (said: string): boolean => notInstalled.test(said) && noEndpoint.test(said);

interface Ran {
  status: number | null;
  out: string;
  err: string;
}

/** A root file system that has nothing but what `debian` names, and a checkout of this project in it, installed nowhere. */
export class BareMachine {
  #folder = '';

  get #root(): string {
    return join(this.#folder, 'root');
  }

  /** Lays it out, from what is kept of the last time where there is something. */
  make(): void {
    this.#folder = mkdtempSync(join(tmpdir(), 'porchlight-bare-'));
    mkdirSync(this.#root);
    execFileSync('tar', ['-xpf', base(), '-C', this.#root, '--exclude=./dev/*', '--numeric-owner']);
    for (const version of Object.values(nodes))
      this.#unpack(`node-linux-${process.arch}`, version, `opt/node-${version}`);
    this.#unpack('npm', npm, 'opt/npm');
    this.#inherit();
    this.#checkOut();
  }

  /** Runs a line in the checkout, as its shell would, with the named Node. */
  async run(line: string, version: string = nodes.least): Promise<Ran> {
    const [debs, npmCache] = [join(cache, 'debs'), npmCacheOfHost()];
    for (const folder of [join(debs, 'partial'), npmCache]) mkdirSync(folder, { recursive: true });
    const path = `/opt/node-${version}/bin:/opt/npm/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
    const env = [`PATH=${path}`, 'HOME=/root', 'LANG=C.UTF-8', 'npm_config_cache=/npm-cache', ...inherited()];
    const inside = ['env', '-i', ...env, 'sh', '-c', `cd /root/porchlight && ${line}`];
    const enter = ['sh', join(import.meta.dirname, 'enter.sh'), this.#root, debs, npmCache, ...inside];
    // One at a time: apt keeps a lock of its own on what it has downloaded.
    const locked = [
      'flock',
      '--no-fork',
      join(cache, '.lock'),
      'unshare',
      '-mpf',
      '--propagation',
      'private',
    ];
    // When the tests are ended, so is this, and with the first process of a namespace all others in it.
    const words = ['--pdeathsig', 'KILL', ...locked, '--kill-child', ...enter];
    const child = spawn('setpriv', words, { stdio: ['ignore', 'pipe', 'pipe'] });
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { status: await closed, out, err };
  }

  /** 60,000 files: a busy disk takes its time. */
  async remove(): Promise<void> {
    if (this.#folder !== '') await rm(this.#folder, { recursive: true, force: true });
  }

  has(path: string): boolean {
    return existsSync(join(this.#root, 'root/porchlight', path));
  }

  #unpack(name: string, version: string, to: string): void {
    const folder = join(this.#root, to);
    mkdirSync(folder, { recursive: true });
    execFileSync('tar', ['-xzf', fromNpm(name, version), '-C', folder, '--strip-components=1']);
    if (name !== 'npm') return;
    for (const program of ['npm', 'npx'])
      execFileSync('ln', ['-sf', `${program}-cli.js`, join(folder, 'bin', program)]);
    execFileSync('chmod', ['-R', 'a+rx', join(folder, 'bin')]);
  }

  /** How this machine reaches the registries: names, certificates, and the settings of npm and apt. Never kept anywhere. */
  #inherit(): void {
    const give = (from: string, to = from): void => {
      if (existsSync(from))
        cpSync(from, join(this.#root, to), { recursive: true, dereference: true, force: true });
    };
    for (const path of [
      '/etc/resolv.conf',
      '/etc/hosts',
      '/etc/ssl/certs',
      '/usr/local/share/ca-certificates',
    ])
      give(path);
    for (const which of ['globalconfig', 'userconfig'])
      give(npmOfHost('config', 'get', which), `/opt/npm/${which}`);
    give(join(this.#root, 'opt/npm/userconfig'), '/root/.npmrc');
    const settings = execFileSync('apt-config', ['dump'], { encoding: 'utf8' })
      .split('\n')
      .filter((setting) =>
        /^Acquire::(https?|Check-Valid-Until|Check-Date|Retries|ForceIPv4)\b/.test(setting),
      );
    const apt = [
      'Acquire::Retries "3";',
      ...settings,
      'APT::Keep-Downloaded-Packages "true";',
      'Binary::apt-get::APT::Keep-Downloaded-Packages "true";',
    ];
    writeFileSync(join(this.#root, 'etc/apt/apt.conf.d/90host'), `${apt.join('\n')}\n`);
    // Nobody pulls the plug of this machine.
    writeFileSync(join(this.#root, 'etc/dpkg/dpkg.cfg.d/90host'), 'force-unsafe-io\n');
    writeFileSync(join(this.#root, 'etc/apt/sources.list'), [...sources, security, ''].join('\n'));
  }

  /** What git has or would take: nothing that is ignored (node_modules, dist) comes along. */
  #checkOut(): void {
    const files = execFileSync('git', ['-C', checkout, 'ls-files', '-z', '-co', '--exclude-standard']);
    const there = files
      .toString()
      .split('\0')
      .filter((path) => path !== '' && existsSync(join(checkout, path)));
    const to = join(this.#root, 'root/porchlight');
    for (const path of there) cpSync(join(checkout, path), join(to, path), { recursive: true });
  }
}

/** The settings by which this machine's programs find the way out. */
function inherited(): string[] {
  const names = /^((https?|no|all)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR)$/i;
  const found = Object.entries(process.env).filter(([name]) => names.test(name));
  return [
    ...found.map(([name, value]) => `${name}=${value}`),
    'npm_config_globalconfig=/opt/npm/globalconfig',
  ];
}

/** npm as a person would call it here: what `npm test` told vitest of itself is another npm's affair. */
function npmOfHost(...args: string[]): string {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  return execFileSync('npm', args, { encoding: 'utf8', cwd: homedir(), env }).trim();
}

const npmCacheOfHost = (): string => npmOfHost('config', 'get', 'cache');

/** A package as npm has it, kept. */
function fromNpm(name: string, version: string): string {
  const kept = join(cache, `${name}-${version}.tgz`);
  return keptOrMade(kept, (folder) => {
    const file = npmOfHost('pack', '--silent', '--pack-destination', folder, `${name}@${version}`);
    return join(folder, file.split('\n').at(-1) ?? '');
  });
}

/** The root file system as an archive, kept until what it is made of changes. */
function base(): string {
  const made = [JSON.stringify(debian), ...sources, security].join('\n');
  const hash = createHash('sha256').update(made).digest('hex').slice(0, 16);
  return keptOrMade(join(cache, `root-${process.arch}-${hash}.tar`), (folder) => {
    const file = join(folder, 'root.tar');
    const apt = ['Acquire::Check-Valid-Until "false"'].map((option) => `--aptopt=${option}`);
    const options = ['--variant=apt', `--include=${debian.include.join(',')}`, ...apt];
    execFileSync('mmdebstrap', ['--quiet', ...options, debian.suite, file, ...sources, security], {
      stdio: 'pipe',
    });
    for (const old of readdirSync(cache)) if (/^root-.*\.tar$/.test(old)) rmSync(join(cache, old));
    return file;
  });
}

/** Appears whole or not at all, also when two runs make it at once. */
function keptOrMade(path: string, make: (folder: string) => string): string {
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, '.making-'));
  try {
    renameSync(make(folder), path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return path;
}
