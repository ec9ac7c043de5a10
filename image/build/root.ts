import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { FetchedPackage } from './fetch.ts';
import { formatLock } from './lock.ts';
import { run } from './run.ts';

/** Kept out of the image: what nobody reads on a box. Copyright notices stay. */
const excluded = [
  '/usr/share/man/*',
  '/usr/share/info/*',
  '/usr/share/locale/*',
  '/usr/share/i18n/*',
  '/usr/share/lintian/*',
  '/usr/share/bug/*',
  '/usr/share/doc/*',
  '/usr/share/bash-completion/*',
  '/usr/share/zsh/*',
];
const included = ['/usr/share/doc/*/copyright', '/usr/share/locale/locale.alias'];

/** The user-mode emulator, as the kernel's binfmt_misc wants to be told of it (F: opened now; O, C: credentials). */
const binfmtArm64 =
  ':porchlight-arm64:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:/usr/bin/qemu-aarch64-static:OCF';

export interface RootOptions {
  architecture: 'amd64' | 'arm64';
  packages: readonly FetchedPackage[];
  time: number;
  cache: string;
}

/**
 * Makes the archive of the root file system with mmdebstrap, every package of the lock in it configured, or finds it in
 * the cache under the hash of all that goes into it. Answers its path.
 */
export async function buildRoot({ architecture, packages, time, cache }: RootOptions): Promise<string> {
  const install = packages.filter(({ how }) => how === 'install');
  const key = createHash('sha256')
    .update(formatLock({ time, packages: install }))
    .update(JSON.stringify([excluded, included]))
    .digest('hex')
    .slice(0, 16);
  const archive = join(cache, `root-${architecture}-${key}.tar`);
  if (existsSync(archive)) return archive;
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'root-'));
  try {
    await makeRepository(folder, install);
    const made = join(folder, 'root.tar');
    const names = install.map(({ name }) => name);
    const mmdebstrap = [
      'mmdebstrap',
      '--variant=essential',
      `--architectures=${architecture}`,
      `--include=${names.join(',')}`,
      '--aptopt=APT::Install-Recommends "false"',
      ...excluded.map((path) => `--dpkgopt=path-exclude=${path}`),
      ...included.map((path) => `--dpkgopt=path-include=${path}`),
      'trixie',
      made,
      `deb [trusted=yes] copy://${folder} ./`,
    ];
    const script = (await runsHere(architecture)) ? 'exec "$@"' : emulated;
    await run('unshare', ['--mount', 'sh', '-ec', script, 'sh', ...mmdebstrap], {
      env: {
        SOURCE_DATE_EPOCH: String(time),
        DEBIAN_FRONTEND: 'noninteractive',
        BINFMT: binfmtArm64,
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      },
    });
    await rename(made, archive);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return archive;
}

/** Registers the emulator while mmdebstrap runs. In a user namespace the registration is that namespace's own. */
const emulated = `
mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
entry=/proc/sys/fs/binfmt_misc/porchlight-arm64
[ -e $entry ] || printf '%s' "$BINFMT" > /proc/sys/fs/binfmt_misc/register
"$@"`;

async function runsHere(architecture: string): Promise<boolean> {
  try {
    await run('arch-test', [architecture]);
    return true;
  } catch {
    return false;
  }
}

/** A repository of exactly these packages, for apt: the files and a list of them. Each was checked against the lock. */
async function makeRepository(folder: string, packages: readonly FetchedPackage[]): Promise<void> {
  const stanzas: string[] = [];
  for (const { file, sha256 } of packages) {
    const name = basename(file);
    await link(file, join(folder, name));
    const control = (await run('dpkg-deb', ['-f', file])).toString().trimEnd();
    stanzas.push(`${control}\nFilename: ./${name}\nSize: ${(await stat(file)).size}\nSHA256: ${sha256}\n`);
  }
  const list = stanzas.join('\n');
  await writeFile(join(folder, 'Packages'), list);
  // mmdebstrap asks for the essential packages of this release by its name.
  const hash = createHash('sha256').update(list).digest('hex');
  await writeFile(
    join(folder, 'Release'),
    `Suite: stable\nCodename: trixie\nSHA256:\n ${hash} ${Buffer.byteLength(list)} Packages\n`,
  );
}
