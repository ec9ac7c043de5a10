/*
 * Makes a release of what is committed: `npm run release -- VERSION`; see docs/RELEASING.md. Everything that people get is in
 * `dist/release/VERSION` then, and the commit and its tag are in this checkout. Nothing is sent anywhere.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { checkVersion, cutRelease } from './changelog.ts';

const { values, positionals } = parseArgs({
  options: {
    out: { type: 'string' },
    'without-images': { type: 'boolean', default: false },
    'bundle-key': { type: 'string' },
    'bundle-cert': { type: 'string' },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const [version = ''] = positionals;
if (values.help || version === '') {
  process.stderr.write(`Usage: npm run release -- VERSION [options]

  --out DIR            where the files go (default: dist/release/VERSION)
  --without-images     leave out the images and the bundles for updates
  --bundle-key FILE    sign the bundles with this key …
  --bundle-cert FILE   … and this certificate (default: the development key of this machine)
`);
  process.exit(values.help ? 0 : 2);
}

const root = join(import.meta.dirname, '../../..');
const out = resolve(values.out ?? join(root, 'dist/release', version));
const node = process.execPath;

try {
  release();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function release(): void {
  const manifest = join(root, 'package.json');
  const { version: current } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  checkVersion(version, current);
  if (git('status', '--porcelain') !== '')
    throw new Error('commit or put away what has changed here first (git status)');
  if (git('tag', '--list', `v${version}`) !== '') throw new Error(`there is a tag v${version} already`);
  const changelog = join(root, 'CHANGELOG.md');
  const { text, notes } = cutRelease(
    readFileSync(changelog, 'utf8'),
    version,
    new Date().toISOString().slice(0, 10),
  );

  writeFileSync(changelog, text);
  for (const path of [manifest, join(root, 'package-lock.json')]) setVersion(path, current);
  git('commit', '--quiet', '--all', `--message=Release ${version}`);
  git('tag', '--annotate', `v${version}`, `--message=${version}\n\n${notes}`);

  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'NOTES.md'), `${notes}\n`);
  git(
    'archive',
    `--prefix=porchlight-${version}/`,
    `--output=${join(out, `porchlight-${version}.tar.gz`)}`,
    `v${version}`,
  );
  const sdk = join(root, 'dist/sdk');
  run(node, [join(root, 'src/cli/sdk/main.ts')]);
  copyFileSync(join(sdk, `porchlight-client-${version}.tgz`), join(out, `porchlight-client-${version}.tgz`));
  run(
    'npm',
    ['sbom', '--sbom-format=spdx', '--omit=dev', '--package-lock-only'],
    join(out, `porchlight-${version}.spdx.json`),
  );
  if (!values['without-images']) for (const board of ['rpi', 'virt', 'amd64']) image(board);
  writeFileSync(join(out, 'PROVENANCE.json'), `${JSON.stringify(provenance(), undefined, 2)}\n`);
  writeFileSync(join(out, 'SHA256SUMS'), sums());
  process.stdout.write(`${out}\n`);
}

function image(board: string): void {
  const { 'bundle-key': key, 'bundle-cert': certificate } = values;
  const signing =
    key === undefined || certificate === undefined ? [] : ['--bundle-key', key, '--bundle-cert', certificate];
  run(node, [join(root, 'image/build/main.ts'), '--board', board, '--out', out, '--bundle', ...signing]);
}

/** The version of the project stands first in both files, and nowhere else with these words around it. */
function setVersion(path: string, current: string): void {
  const text = readFileSync(path, 'utf8');
  const count = path.endsWith('package-lock.json') ? 2 : 1;
  let done = 0;
  const next = text.replaceAll(`"version": "${current}"`, (found) =>
    done++ < count ? `"version": "${version}"` : found,
  );
  writeFileSync(path, next);
}

/** By what everything here was made, so that somebody else can make it again and compare. */
function provenance(): object {
  const locks = [
    'package-lock.json',
    ...readdirSync(join(root, 'image/lock')).map((name) => `image/lock/${name}`),
  ];
  return {
    version,
    commit: git('rev-parse', 'HEAD'),
    committedAt: git('show', '--no-patch', '--format=%cI', 'HEAD'),
    command: `npm run release -- ${version}`,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    locks: Object.fromEntries(locks.map((path) => [path, sha256(join(root, path))])),
  };
}

/** As `sha256sum --check` reads them. */
function sums(): string {
  return readdirSync(out)
    .filter((name) => statSync(join(out, name)).isFile())
    .toSorted()
    .map((name) => `${sha256(join(out, name))}  ${name}\n`)
    .join('');
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function git(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${args[0] ?? ''} failed: ${stderr.trim()}`);
  return stdout.trim();
}

/** `into`: the file for what it prints. */
function run(command: string, args: readonly string[], into?: string): void {
  const stdio = ['ignore', into === undefined ? 2 : 'pipe', 2] as const;
  const { status, stdout, error } = spawnSync(command, args, {
    cwd: root,
    stdio: [...stdio],
    maxBuffer: 2 ** 28,
  });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} failed; ${error?.message ?? 'its message is above'}`);
  if (into !== undefined) writeFileSync(into, stdout);
}
