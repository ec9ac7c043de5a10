import { chmod, copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from './run.ts';
import { clampTimes } from './tree.ts';

/** What it takes to find the slot on each kind of machine, and a watchdog from the start. Built-in ones are passed over. */
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
    // Raspberry Pi 3, 4 and 5: SD card, USB and PCIe (a disk at 4 and 5), clocks and pins that those need.
    'mmc_block',
    'bcm2835',
    'sdhci-iproc',
    'sdhci-brcmstb',
    'bcm2835_wdt',
    'clk-raspberrypi',
    'gpio-raspberrypi-exp',
    'gpio-regulator',
    'fixed',
    'reset-raspberrypi',
    'raspberrypi-power',
    'bcm2835-dma',
    'pcie-brcmstb',
    'pinctrl-brcmstb',
    'irq-bcm2712-mip',
    'reset-rescal',
    'reset-brcmstb-rescal',
    'xhci-pci',
    'xhci-plat-hcd',
    'dwc2',
    'dwc3',
    'phy-generic',
    'rp1',
    'rp1_pci',
    'clk-rp1',
    'pinctrl-rp1',
    'usb-storage',
    'uas',
    'sd_mod',
    'nvme',
  ],
} as const;
const filesystems = ['overlay', 'ext4', 'vfat', 'nls_ascii', 'nls_cp437', 'nls_utf8'];

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
  const files = new Set<string>();
  for (const name of [...filesystems, ...wanted[architecture]]) {
    const said = await run('modprobe', [
      '-d',
      join(tree, 'usr/..'),
      '-S',
      version,
      '--show-depends',
      name,
    ]).catch(() => undefined);
    for (const [, path = ''] of (said?.toString() ?? '').matchAll(/^insmod (\S+)/gm)) files.add(path);
  }
  const modules = `lib/modules/${version}`;
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
