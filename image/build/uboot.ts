import { copyFile, mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { BoardName } from './boards.ts';
import type { FetchedPackage } from './fetch.ts';
import { run } from './run.ts';

/** What the boot partition of a Raspberry Pi has to hold, and who wants it. */
const piFiles: Readonly<Record<string, string>> = {
  'config.txt': 'the firmware of all',
  'bootcode.bin': 'the firmware of the Pi 3',
  'start.elf': 'the firmware of the Pi 3',
  'fixup.dat': 'the firmware of the Pi 3',
  'start4.elf': 'the firmware of the Pi 4',
  'fixup4.dat': 'the firmware of the Pi 4',
  'bcm2837-rpi-3-b.dtb': 'the Pi 3 B',
  'bcm2837-rpi-3-b-plus.dtb': 'the Pi 3 B+',
  'bcm2711-rpi-4-b.dtb': 'the Pi 4 B',
  'bcm2712-rpi-5-b.dtb': 'the Pi 5',
  'overlays/bcm2712d0.dtbo': 'the Pi 5 with the chip of step D0',
  'overlays/porchlight.dtbo': 'config.txt (dtoverlay=)',
  'overlays/porchlight-pi5.dtbo': 'config.txt (dtoverlay=)',
  'u-boot.bin': 'config.txt (kernel=)',
  'boot.scr': 'U-Boot',
};
/** Changes that the firmware makes to the device trees: image/boot/overlays. */
const overlays = ['bcm2712d0', 'porchlight', 'porchlight-pi5'] as const;
const fromFirmware = ['bootcode.bin', 'start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat'];
/** The device trees of the boards, and of others of the same families, below a folder with Debian's kernel in it. */
export async function piTrees(folder: string): Promise<string[]> {
  const found = await run('find', [folder, '-path', '*/broadcom/*.dtb']);
  const tree = /\/bcm(2837|2711|2712)-rpi-[\w-]+\.dtb$/;
  return found
    .toString()
    .split('\n')
    .filter((path) => tree.test(path))
    .toSorted();
}

/**
 * What is wrong with the boot partition of a Raspberry Pi, one sentence each: `files` are the names in it with their
 * content, and of the slot `boot/vmlinuz` and `boot/initrd.img`.
 */
export function piFaults(files: ReadonlyMap<string, Buffer>): string[] {
  const faults = Object.entries(piFiles)
    .filter(([name]) => (files.get(name)?.length ?? 0) === 0)
    .map(([name, who]) => `${name} is missing, for ${who}`);
  for (const name of files.keys()) {
    if (/\.dtbo?$/.test(name) && files.get(name)?.readUInt32BE(0) !== 0xd00dfeed) {
      faults.push(`${name} is no device tree`);
    }
  }
  const config = files.get('config.txt')?.toString() ?? '';
  for (const line of [
    'arm_64bit=1',
    'kernel=u-boot.bin',
    'upstream_kernel=1',
    'enable_uart=1',
    'dtoverlay=porchlight',
    'dtoverlay=porchlight-pi5',
  ]) {
    if (!config.split('\n').includes(line)) faults.push(`config.txt does not say ${line}`);
  }
  if (config.split('\n').some((line) => line.length > 98))
    faults.push('config.txt has a line of more than 98 characters');
  const script = files.get('boot.scr');
  if (script !== undefined && script.readUInt32BE(0) !== 0x27051956)
    faults.push('boot.scr is no script of U-Boot');
  const kernel = files.get('boot/vmlinuz');
  if (kernel === undefined) faults.push('the slot has no boot/vmlinuz');
  else if (kernel.readUInt16BE(0) !== 0x1f8b && kernel.toString('latin1', 56, 60) !== 'ARM\u0064') {
    faults.push('boot/vmlinuz is no kernel that booti starts');
  }
  if (files.get('boot/initrd.img')?.readUInt32LE(0) !== 0xfd2fb528)
    faults.push('boot/initrd.img is not compressed by zstd');
  return faults;
}

/** Puts U-Boot's script, and for the Pi everything that its firmware wants, into the folder of the boot partition. */
export async function ubootFiles(options: {
  board: BoardName;
  packages: readonly FetchedPackage[];
  checkout: string;
  work: string;
  folder: string;
  time: number;
}): Promise<void> {
  const { board, packages, checkout, work, folder, time } = options;
  await run(
    'mkimage',
    [
      '-A',
      'arm64',
      '-T',
      'script',
      '-C',
      'none',
      '-n',
      'porchlight',
      '-d',
      join(checkout, 'image/boot/boot.cmd'),
      join(folder, 'boot.scr'),
    ],
    { env: { SOURCE_DATE_EPOCH: String(time) } },
  );
  if (board !== 'rpi') return;
  const unpacked = join(work, 'firmware');
  await rm(unpacked, { recursive: true, force: true });
  await mkdir(unpacked);
  for (const { name, file } of packages) {
    if (/^(raspi-firmware|u-boot-rpi|linux-image-\d.*)$/.test(name))
      await run('dpkg-deb', ['-x', file, unpacked]);
  }
  await copyFile(join(checkout, 'image/boot/config.txt'), join(folder, 'config.txt'));
  for (const name of fromFirmware)
    await copyFile(join(unpacked, 'usr/lib/raspi-firmware', name), join(folder, name));
  await copyFile(join(unpacked, 'usr/lib/u-boot/rpi_arm64/u-boot.bin'), join(folder, 'u-boot.bin'));
  for (const path of await piTrees(join(unpacked, 'usr/lib')))
    await copyFile(path, join(folder, basename(path)));
  await mkdir(join(folder, 'overlays'));
  for (const name of overlays) {
    // Applied to the tree as the firmware does it: one that does not fit is to be found here, not by a board in the dark.
    const source = join(checkout, 'image/boot/overlays', `${name}.dts`);
    const overlay = join(folder, 'overlays', `${name}.dtbo`);
    await run('dtc', ['-q', '-@', '-I', 'dts', '-O', 'dtb', '-o', overlay, source]);
    await run('fdtoverlay', [
      '-i',
      join(folder, 'bcm2712-rpi-5-b.dtb'),
      '-o',
      join(work, 'merged.dtb'),
      overlay,
    ]);
  }
}
