import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
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
  'u-boot.bin': 'config.txt (kernel=)',
  'boot.scr': 'U-Boot',
};
const fromFirmware = ['bootcode.bin', 'start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat'];
/** Beside those that have to be there: boards of the same family, where the kernel knows them. */
const trees = /^bcm(2837|2711|2712)-rpi-[\w-]+\.dtb$/;

/**
 * What is wrong with the boot partition of a Raspberry Pi, one sentence each: `files` are the names in it with their
 * content, and of the slot `boot/vmlinuz` and `boot/initrd.img`.
 */
export function piFaults(files: ReadonlyMap<string, Buffer>): string[] {
  const faults = Object.entries(piFiles)
    .filter(([name]) => (files.get(name)?.length ?? 0) === 0)
    .map(([name, who]) => `${name} is missing, for ${who}`);
  for (const name of files.keys()) {
    if (name.endsWith('.dtb') && files.get(name)?.readUInt32BE(0) !== 0xd00dfeed) {
      faults.push(`${name} is no device tree`);
    }
  }
  const config = files.get('config.txt')?.toString() ?? '';
  for (const line of [
    'arm_64bit=1',
    'kernel=u-boot.bin',
    'upstream_kernel=1',
    'enable_uart=1',
    'dtparam=watchdog=on',
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
  const found = await run('find', [join(unpacked, 'usr/lib'), '-path', '*/broadcom/*.dtb']);
  for (const path of found.toString().split('\n')) {
    const name = path.split('/').at(-1) ?? '';
    if (trees.test(name)) await copyFile(path, join(folder, name));
  }
}
