import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Board } from './boards.ts';
import { installFile } from './copy.ts';
import { joinDisk, makeBoot, makeData, makeSlot } from './disk.ts';
import { type FetchedPackage, fetchPackages } from './fetch.ts';
import { grubAreas, grubVariables } from './grub.ts';
import { buildInitramfs } from './initramfs.ts';
import { formatLock, type Lock, parseLock } from './lock.ts';
import { installProgram } from './program.ts';
import { nodeBinary } from './node-binary.ts';
import { developmentKey, makeBundle, type SigningKey, systemConf } from './rauc.ts';
import { resolvePackages } from './resolve.ts';
import { buildRoot } from './root.ts';
import { run } from './run.ts';
import { contentsOf } from './sbom.ts';
import { Steps } from './steps.ts';
import { piFaults, ubootFiles } from './uboot.ts';
import { cleanTree, clampTimes, furnishTree, pruneModules, unpackTree } from './tree.ts';

export interface ImageOptions {
  board: Board;
  checkout: string;
  cache: string;
  out: string;
  /** Where the development key is kept. */
  keys: string;
  compress: boolean;
  bundle: boolean;
  notes: string;
  version?: string;
  signing?: SigningKey;
  /** SOURCE_DATE_EPOCH; that of the commit when absent. */
  time?: number;
}

const lockFile = (checkout: string, board: Board): string =>
  join(checkout, 'image/lock', `${board.architecture}.txt`);

/** Takes what Debian has today into the lock. */
export async function updateLock({
  board,
  checkout,
  cache,
}: Pick<ImageOptions, 'board' | 'checkout' | 'cache'>): Promise<void> {
  const lock = await resolvePackages(board.architecture, join(cache, 'apt', board.architecture), Date.now());
  await writeFile(lockFile(checkout, board), formatLock(lock));
}

/** Builds `porchlight-BOARD.img` and what belongs to it into `out`. */
export async function buildImage(options: ImageOptions): Promise<void> {
  const { board, checkout, cache, out } = options;
  const steps = new Steps();
  const lock = parseLock(await readFile(lockFile(checkout, board), 'utf8'));
  const time = options.time ?? (await commitTime(checkout)) ?? lock.time;
  const version = options.version ?? (await packageVersion(checkout));
  const signing = options.signing ?? (await developmentKey(options.keys));
  await mkdir(out, { recursive: true });
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, `build-${board.name}-`));
  try {
    const packages = await steps.run('packages', () => fetchPackages(lock, join(cache, 'debs')));
    const node = await steps.run('Node', () => nodeBinary(board, checkout, cache));
    const root = await steps.run('root file system', () => rootOf(board, packages, lock, cache));
    const tree = join(work, 'tree');
    const kernel = await steps.run('system', async () => {
      await unpackTree(tree, root, packages);
      await furnishTree(tree, checkout, board);
      await installFile(signing.certificate, join(tree, 'etc/rauc/keyring.pem'));
      await writeFile(join(tree, 'etc/rauc/system.conf'), systemConf(board));
      return pruneModules(tree);
    });
    const strip = board.architecture === 'arm64' ? 'aarch64-linux-gnu-strip' : 'strip';
    await steps.run('Porchlight', () =>
      installProgram({ checkout, tree, node, strip, stamp: { version, builtAt: time * 1000 } }),
    );
    const name = `porchlight-${board.name}`;
    const slot = join(work, 'system.img');
    const contents = await steps.run('slot', async () => {
      await buildBootFiles({ tree, checkout, work, version: kernel, board, time });
      const list = await contentsOf({ checkout, packages, inside: board.inside, name, version, time });
      await cleanTree(tree);
      await clampTimes(tree, time);
      await makeSlot(tree, slot, time);
      return list;
    });
    const image = join(work, `${name}.img`);
    await steps.run('disk', async () => {
      const parts = { boot: join(work, 'boot.img'), slot, data: join(work, 'data.img') };
      const bootFolder = join(work, 'boot');
      await mkdir(bootFolder, { recursive: true });
      const grub = board.bootloader === 'grub';
      if (grub) await writeFile(join(bootFolder, 'grubenv'), grubVariables);
      else await ubootFiles({ board: board.name, packages, checkout, work, folder: bootFolder, time });
      if (board.name === 'rpi') await checkPi(bootFolder, tree);
      await clampTimes(bootFolder, time);
      await makeBoot(bootFolder, parts.boot, time);
      await makeData(parts.data, time);
      await joinDisk(image, parts, grub ? await grubAreas({ packages, checkout, work }) : []);
    });
    await writeFile(join(work, `${name}.spdx.json`), contents);
    const made = [`${name}.spdx.json`, `${name}.img`];
    if (options.compress) {
      await steps.run('compressed', () =>
        run('zstd', ['-q', '-f', '-T0', '-12', '--no-check', image, '-o', `${image}.zst`]),
      );
      made.push(`${name}.img.zst`);
    }
    if (options.bundle) {
      const file = `${name}-${version}.raucb`;
      await steps.run('bundle', () =>
        makeBundle({
          board,
          slot,
          version,
          description: options.notes,
          signing,
          work,
          file: join(work, file),
        }),
      );
      made.push(file);
    }
    const sums: string[] = [];
    for (const file of made) sums.push(`${await sha256(join(work, file))}  ${file}\n`);
    await writeFile(join(work, `${name}.sha256`), sums.join(''));
    // For whoever measures; no part of what is given to others.
    await writeFile(join(out, `${name}.steps.json`), JSON.stringify(steps.done));
    for (const file of [...made, `${name}.sha256`]) {
      await run('cp', ['--sparse=always', join(work, file), join(out, `.${file}.new`)]);
      await rename(join(out, `.${file}.new`), join(out, file));
    }
    for (const file of made)
      steps.say(`${join(out, file)}  ${megabytes((await stat(join(out, file))).size)}`);
    steps.end();
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function rootOf(
  board: Board,
  packages: readonly FetchedPackage[],
  { time }: Lock,
  cache: string,
): Promise<string> {
  return buildRoot({ architecture: board.architecture, packages, time, cache });
}

/** Kernel and initial RAM file system, where the boot loader finds them: in the slot, so that they change with it. */
async function buildBootFiles(options: {
  tree: string;
  checkout: string;
  work: string;
  version: string;
  board: Board;
  time: number;
}): Promise<void> {
  const { tree, checkout, work, version, board, time } = options;
  const kernel = join(tree, 'boot', `vmlinuz-${version}`);
  const inSlot = join(tree, 'boot/vmlinuz');
  // U-Boot unpacks it; plain it is four times as large.
  if (board.architecture === 'arm64') await writeFile(inSlot, await run('gzip', ['-n', '-9', '-c', kernel]));
  else await installFile(kernel, inSlot);
  await rm(kernel);
  const initramfs = await buildInitramfs({
    tree,
    checkout,
    work,
    version,
    architecture: board.architecture,
    time,
  });
  await installFile(initramfs, join(tree, 'boot/initrd.img'));
}

/** An image that the Pi's firmware could not start is none. */
async function checkPi(bootFolder: string, tree: string): Promise<void> {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(bootFolder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files.set(relative(bootFolder, path), await readFile(path));
  }
  for (const name of ['boot/vmlinuz', 'boot/initrd.img', 'usr/lib/firmware/regulatory.db'])
    files.set(name, await readFile(join(tree, name)));
  const faults = piFaults(files);
  if (faults.length > 0) throw new Error(`a Raspberry Pi would not start:\n${faults.join('\n')}`);
}

async function commitTime(checkout: string): Promise<number | undefined> {
  const said = await run('git', ['-C', checkout, 'log', '-1', '--format=%ct']).catch(() => undefined);
  return said === undefined ? undefined : Number(said.toString().trim());
}

async function packageVersion(checkout: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
