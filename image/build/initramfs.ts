import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from './run.ts';
import { clampTimes } from './tree.ts';
import { piTrees } from './uboot.ts';

/** What it takes to find the slot on each kind of machine, and a watchdog from the start. Some are built in. */
const wanted = {
  amd64: [
    'virtio_blk',
    'virtio_pci',
    'virtio_scsi',
    'ahci',
    'sd_mod',
    'nvme',
    'i6300esb',
    'virtio_net',
    'virtio_rng',
  ],
  arm64: [
    'virtio_blk',
    'virtio_pci',
    'virtio_mmio',
    'virtio_net',
    'virtio_rng',
    'i6300esb',
    // Raspberry Pi: what no device tree names, beside all that those of the boards do. The card, the watchdog, a disk.
    'mmc_block',
    'bcm2835_wdt',
    'xhci-pci',
    'usb-storage',
    'uas',
    'sd_mod',
    'nvme',
    'rp1_pci',
  ],
} as const;
const filesystems = ['overlay', 'ext4', 'vfat', 'nls_ascii', 'nls_cp437', 'nls_utf8'];

/**
 * The modules for all that is named in these device trees, by the kernel's `modules.alias`. A card is found only when the
 * pins, pulses and voltages of its slot have their drivers too, and which those are is in the tree alone.
 */
export function driversIn(trees: readonly Buffer[], aliases: string): string[] {
  const drivers = new Map<string, string>();
  for (const [, compatible = '', module = ''] of aliases.matchAll(/^alias of:N\*T\*C([^*\s]+) (\S+)$/gm)) {
    drivers.set(compatible, module);
  }
  // The names are texts that end with NUL; what is in front of the first of a property is no letter of one.
  const texts = trees.flatMap((tree) => tree.toString('latin1').match(/[\w,.+-]+(?=\0)/g) ?? []);
  const found = texts.map((text) => drivers.get(text)).filter((module) => module !== undefined);
  return [...new Set(found)].toSorted();
}

/**
 * Makes the initial RAM file system natively: a static busybox, the script, and the modules with those they need. Modules
 * are stored plain, as the whole is compressed.
 */
export async function buildInitramfs(options: {
  tree: string;
  checkout: string;
  work: string;
  version: string;
  architecture: 'amd64' | 'arm64';
  time: number;
}): Promise<string> {
  const { tree, checkout, work, version, architecture, time } = options;
  const folder = join(work, 'initramfs');
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'bin'), { recursive: true });
  await copyFile(join(tree, 'usr/bin/busybox'), join(folder, 'bin/busybox'));
  await copyFile(join(checkout, 'image/initramfs/init'), join(folder, 'init'));
  await chmod(join(folder, 'init'), 0o755);
  const modules = `lib/modules/${version}`;
  const trees = architecture === 'arm64' ? await piTrees(join(tree, 'usr/lib')) : [];
  const aliases = await readFile(join(tree, 'usr', modules, 'modules.alias'), 'utf8');
  const named = driversIn(await Promise.all(trees.map((path) => readFile(path))), aliases);
  const files = new Set<string>();
  for (const name of [...filesystems, ...wanted[architecture], ...named]) {
    // A name that the kernel does not know ends the build: what is left out here is a machine that does not find its slot.
    const said = await run('modprobe', ['-d', join(tree, 'usr/..'), '-S', version, '--show-depends', name]);
    for (const [, path = ''] of said.toString().matchAll(/^insmod (\S+)/gm)) files.add(path);
  }
  for (const path of files) {
    const inside = path.slice(path.indexOf(`modules/${version}/`) + `modules/${version}/`.length);
    const to = join(folder, modules, inside.replace(/\.xz$/, ''));
    await mkdir(dirname(to), { recursive: true });
    if (path.endsWith('.xz')) await writeFile(to, await run('xz', ['-dc', path]));
    else await copyFile(path, to);
  }
  for (const name of await readdir(join(tree, 'usr', modules))) {
    if (/^modules\.(order|builtin)/.test(name))
      await copyFile(join(tree, 'usr', modules, name), join(folder, modules, name));
  }
  await run('depmod', ['-b', folder, version]);
  for (const name of await readdir(join(folder, modules))) {
    // busybox reads the lists as text.
    if (/\.bin$|^modules\.(order|builtin|devname|softdep|weakdep)/.test(name))
      await rm(join(folder, modules, name));
  }
  await clampTimes(folder, time);
  const names = (await run('find', ['.', '-print0'], { cwd: folder }))
    .toString()
    .split('\0')
    .filter(Boolean)
    .toSorted();
  const archive = await run('cpio', ['-o', '-0', '-H', 'newc', '--quiet', '--reproducible', '--owner=0:0'], {
    cwd: folder,
    input: `${names.join('\0')}\0`,
  });
  const file = join(work, 'initrd.img');
  await writeFile(file, await run('zstd', ['-19', '-T1', '-c', '-q'], { input: archive }));
  return file;
}
