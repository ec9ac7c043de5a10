import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FetchedPackage } from './fetch.ts';
import { layout } from './layout.ts';
import { run } from './run.ts';

const modules = [
  'biosdisk',
  'part_msdos',
  'fat',
  'ext2',
  'memdisk',
  'tar',
  'linux',
  'loadenv',
  'test',
  'echo',
  'serial',
  'terminal',
  'sleep',
  'boot',
  'reboot',
  'normal',
  'configfile',
];

/** GRUB's variables, a file of the boot partition, as the first start finds them: slot A is there, slot B is empty. */
export const grubVariables =
  '# GRUB Environment Block\nORDER=A B\nA_OK=1\nA_TRY=0\nA_COUNT=0\nB_OK=0\nB_TRY=0\nB_COUNT=0\n'.padEnd(
    1024,
    '#',
  );

/** GRUB for BIOS machines, as it lies in front of the first partition: boot sector and core, with its script inside. */
export async function grubAreas(options: {
  packages: readonly FetchedPackage[];
  checkout: string;
  work: string;
}): Promise<{ at: number; content: Buffer }[]> {
  const { packages, checkout, work } = options;
  const debian = packages.find(({ name }) => name === 'grub-pc-bin');
  if (debian === undefined) throw new Error('the lock has no grub-pc-bin');
  const folder = join(work, 'grub');
  await rm(folder, { recursive: true, force: true });
  await run('dpkg-deb', ['-x', debian.file, folder]);
  const files = join(folder, 'usr/lib/grub/i386-pc');
  const core = join(work, 'core.img');
  const script = join(work, 'grub.tar');
  await run('tar', [
    '--owner=0',
    '--group=0',
    '--mode=644',
    '--mtime=@0',
    '--format=ustar',
    '--transform=s,^,grub/,',
    '-cf',
    script,
    '-C',
    join(checkout, 'image/boot'),
    'grub.cfg',
  ]);
  // What is embedded itself is read by a parser without conditions.
  const begin = join(work, 'begin.cfg');
  await writeFile(begin, 'set prefix=(memdisk)/grub\nconfigfile (memdisk)/grub/grub.cfg\n');
  await run('grub-mkimage', [
    '-d',
    files,
    '-O',
    'i386-pc',
    '-p',
    '(memdisk)/grub',
    '-m',
    script,
    '-c',
    begin,
    '-o',
    core,
    ...modules,
  ]);
  // The boot sector looks for the core in the sector after it, and the core for the rest of itself after that.
  const first = (await readFile(join(files, 'boot.img'))).subarray(0, 440);
  const content = await readFile(core);
  if (512 + content.length > layout.bootStart * 2 ** 20) {
    throw new Error(`GRUB (${content.length} bytes) does not fit in front of the first partition`);
  }
  return [
    { at: 0, content: first },
    { at: 512, content },
  ];
}
